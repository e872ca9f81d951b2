//! What browsers are told to refuse, and what answers no longer tell of the server.

mod csp;
mod policy;
mod report;
#[cfg(test)]
mod tests;

pub use csp::Csp;
pub use policy::{Headers, SECTION};
pub use report::ENDPOINT;

use crate::{
    exchange::{Request, Response},
    layers::{Body, Layer, Outcome, Reply, Rule, Verdict},
    policy::{LayerName, Route},
    record::Action,
    store::Answer,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use policy::FromApp;

/// Every rule this layer answers or notes by. The fields it sets and removes are not noted: nearly every answer has them.
pub const RULES: &[Rule] = &[
    Rule {
        name: "csp-report",
        about: "A browser's report is taken at `/.well-known/gambeson/csp` and answered with 204, or 400 if it cannot be read.",
        why: "Reports come from anybody, so they are small, bounded, and never believed further than the log.",
    },
    Rule {
        name: "csp-violation",
        about: "A browser refused something by the Content-Security-Policy: the directive, the page, and the origin it came from.",
        why: "Either an attack was stopped (CWE-79) or the policy lacks a line.",
    },
];

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const EMBEDDER: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

impl Layer for Headers {
    fn name(&self) -> LayerName {
        LayerName::Headers
    }

    fn judge(&self, request: &mut Request, _: Option<&Route>, _: &[Answer]) -> Verdict {
        let report = self.report_bytes_max > 0 && request.method == Method::POST && request.target.decoded_path() == ENDPOINT;
        if report { Verdict::Collect(self.report_bytes_max) } else { Verdict::Pass }
    }

    fn collected(&self, request: &mut Request, body: Body<'_>) -> Verdict {
        let Some(violations) = report::read(body, &request.host) else {
            return taken(StatusCode::BAD_REQUEST, Action::Answer);
        };
        let action = if violations.is_empty() { Action::Answer } else { Action::Note };
        for one in violations {
            let why = format!("{} time(s), a browser refused this by {} (CWE-79)", one.count, one.directive);
            request.note("csp-violation", why, format!("{} on {}", one.directive, one.page), one.blocked);
        }
        taken(StatusCode::NO_CONTENT, action)
    }

    fn mend(&self, request: &Request, route: Option<&Route>, response: &mut Response, _: Option<Body<'_>>) -> Outcome {
        self.remove_telling(response);
        response.set(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        response.set_if_absent(RESOURCE, self.resource.clone());
        if is_document(response) {
            self.set_csp(request, route, response);
            response.set_if_absent(header::REFERRER_POLICY, self.referrer_policy.clone());
            response.set_if_absent(PERMISSIONS_POLICY, self.permissions_policy.clone());
            response.set_if_absent(OPENER, self.opener.clone());
            if let Some(embedder) = &self.embedder {
                response.set_if_absent(EMBEDDER, embedder.clone());
            }
        }
        Outcome::Pass
    }
}

fn taken(status: StatusCode, action: Action) -> Verdict {
    Verdict::Answer(Box::new(Reply { rule: "csp-report", action, status, headers: HeaderMap::new(), body: Bytes::new() }))
}

impl Headers {
    fn set_csp(&self, request: &Request, route: Option<&Route>, response: &mut Response) {
        let sent = response.headers().contains_key(header::CONTENT_SECURITY_POLICY);
        if sent && !response.from_app {
            return; // our own page, which has a stricter one
        }
        let of_route = route.and_then(|route| route.csp.as_ref());
        let Some(csp) = of_route.or(self.csp.as_ref()) else { return };
        // A nonce would not fit the stored body that a 304 revives.
        if csp.uses_nonce() && response.status == StatusCode::NOT_MODIFIED {
            return;
        }
        if sent && of_route.is_none() && self.from_app == FromApp::Keep {
            return self.raise(response);
        }
        self.set_frame_options(response, of_route.is_some());
        let Some(value) = csp.value(&request.nonce) else { return };
        match self.from_app {
            FromApp::Both => response.append(self.csp_name.clone(), value),
            FromApp::Keep | FromApp::Replace => {
                response.remove(&header::CONTENT_SECURITY_POLICY);
                response.set(self.csp_name.clone(), value);
            }
        }
        if is_denied(response) {
            // Browsers heed frame-ancestors before X-Frame-Options: an app's DENY must be said in both.
            response.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'none'"));
        }
    }

    /// Closes what the app's own policy leaves open, each as a policy of its own: all of them hold.
    fn raise(&self, response: &mut Response) {
        for (name, value) in &self.floor {
            let lines = response.headers().get_all(header::CONTENT_SECURITY_POLICY);
            let says = |directive: &[u8]| lines.iter().any(|line| contains(line.as_bytes(), directive));
            let said = says(name.as_bytes()) || (*name == "object-src" && says(b"default-src"));
            if !said {
                response.append(header::CONTENT_SECURITY_POLICY, value.clone());
            }
        }
    }

    /// X-Frame-Options, for what does not know `frame-ancestors`. An app's `DENY` stays: it is stricter.
    fn set_frame_options(&self, response: &mut Response, own_policy: bool) {
        match &self.frame_options {
            _ if is_denied(response) => {}
            Some(value) if !own_policy => response.set(header::X_FRAME_OPTIONS, value.clone()),
            _ => response.remove(&header::X_FRAME_OPTIONS),
        }
    }

    /// Removes what tells of the server's software.
    fn remove_telling(&self, response: &mut Response) {
        let tells = |name: &&HeaderName| tells(name.as_str()) || self.remove.contains(name);
        let found: Vec<HeaderName> = response.headers().keys().filter(tells).cloned().collect();
        for name in &found {
            response.remove(name);
        }
    }
}

fn is_denied(response: &Response) -> bool {
    response.header(header::X_FRAME_OPTIONS).is_some_and(|value| value.eq_ignore_ascii_case("deny"))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// Whether a field of that name, in lower case, tells of the server's software and nothing else.
fn tells(name: &str) -> bool {
    match name {
        "server" | "x-powered-by" | "x-runtime" | "x-generator" | "x-version" | "x-backend-server" | "x-php-version" => true,
        _ => name.starts_with("x-aspnet") || name.starts_with("x-debug"),
    }
}

/// Whether a browser may show the answer as a document, where scripts could run. What surely is none is spared the fields.
fn is_document(response: &Response) -> bool {
    if response.status == StatusCode::NO_CONTENT {
        return false;
    }
    let kind = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let starts = |start: &&str| kind.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()));
    // SVG is the image that is a document.
    starts(&"image/svg") || !NO_DOCUMENTS.iter().any(starts)
}

const NO_DOCUMENTS: [&str; 12] = [
    "image/",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/octet-stream",
    "application/zip",
    "application/wasm",
    "font/",
    "audio/",
    "video/",
    "text/event-stream",
];
