//! What errors may tell.

pub(super) mod encoding;
mod file;
mod original;
mod policy;
mod signs;
#[cfg(test)]
mod tests;

pub use policy::{Disclosure, SECTION};

use crate::{
    exchange::{Request, Response},
    layers::{Body, Denial, Layer, Outcome, Rule},
    policy::{LayerName, Route},
};
use encoding::Text;
use http::{Method, StatusCode, header};
use signs::Scope;

/// Every rule this layer replaces an answer by.
pub const RULES: &[Rule] = &[
    Rule {
        name: "debug-page",
        about: "A debugger or debug page of a framework is replaced.",
        why: "Werkzeug's debugger runs code; Django's page lists settings, queries and URLs (CWE-489, CWE-215; ASVS 13.4.2).",
    },
    Rule {
        name: "python-traceback",
        about: "An error that shows a Python traceback is replaced.",
        why: "Paths, code and versions tell an attacker where to go on (CWE-209; ASVS 16.5.1).",
    },
    Rule {
        name: "stack-trace",
        about: "An error that shows the stack trace of another language is replaced.",
        why: "The same for what runs beside the app (CWE-209).",
    },
    Rule {
        name: "sql-error",
        about: "An error that shows the message of a database is replaced.",
        why: "Error-based SQL injection reads data out of these messages, and finds its way by them (CWE-209, CWE-89).",
    },
    Rule {
        name: "source-path",
        about: "An error that shows a file of the server, with a line or as the system names it, is replaced.",
        why: "Paths make file inclusion and traversal easy (CWE-497).",
    },
    Rule {
        name: "secret",
        about: "An error that shows a private key, an access key or an address with a password is replaced.",
        why: "It is as good as published (CWE-200, CWE-522).",
    },
    Rule {
        name: "python-exception",
        about: "A failure (5xx) that shows the name and message of an exception is replaced.",
        why: "Messages carry values: keys, names, parts of queries (CWE-209).",
    },
    Rule {
        name: file::RULE,
        about: "An answer that begins as a file of the server does, such as its list of users, is replaced.",
        why: "An app that hands it out was made to read what it should not: the last chance to stop it (CWE-22, CWE-200).",
    },
    Rule {
        name: "unreadable-error",
        about: "A failure (5xx) in a content coding that cannot be looked into is replaced.",
        why: "What cannot be judged must not leave when the app has just failed (CWE-209).",
    },
];

impl Layer for Disclosure {
    fn name(&self) -> LayerName {
        LayerName::Disclosure
    }

    fn hold(&self, request: &Request, response: &Response) -> Option<usize> {
        self.scope(request, response).map(|scope| if scope == Scope::File { file::BYTES } else { self.hold_bytes })
    }

    fn mend(&self, request: &Request, _: Option<&Route>, response: &mut Response, body: Option<Body<'_>>) -> Outcome {
        let Some(body) = body.filter(|body| !body.bytes.is_empty()) else { return Outcome::Pass };
        let Some(scope) = self.scope(request, response) else { return Outcome::Pass };
        let text = match encoding::text(body.bytes, response.headers()) {
            Text::Plain(text) => encoding::narrow(text, response.headers()),
            Text::Unknown if scope == Scope::Failure && !self.allows("unreadable-error") => {
                return Outcome::Replace(denial("unreadable-error", "a failure in an unknown content coding", request, response));
            }
            Text::Unknown => return Outcome::Pass,
        };
        let succeeds = scope <= Scope::Page && !self.allows(file::RULE);
        let file = if succeeds { file::named(&text).map(|what| (file::RULE, what)) } else { None };
        let sign = || signs::find(&text, scope, &self.allow).map(|sign| (sign.rule, sign.what));
        let found = file.or_else(|| if scope == Scope::File { None } else { sign() });
        found.map_or(Outcome::Pass, |(rule, what)| Outcome::Replace(denial(rule, what, request, response)))
    }
}

impl Disclosure {
    /// What an answer is looked through for; `None`: it is not looked at, and streams on.
    fn scope(&self, request: &Request, response: &Response) -> Option<Scope> {
        if !response.from_app || request.method == Method::HEAD || has_no_body(response.status) {
            return None;
        }
        let kind = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        let failed = response.status.is_server_error();
        if response.status.as_u16() >= 400 && (is_textual(kind) || (failed && may_be_text(kind))) {
            return Some(if failed { Scope::Failure } else { Scope::Error });
        }
        let page = kind.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"text/html"));
        let looked_at = page && (self.every_page || is_development_server(response)) && self.fits(response);
        let file = || file::may_be(response) && !self.allows(file::RULE);
        looked_at.then_some(Scope::Page).or_else(|| file().then_some(Scope::File))
    }

    /// Whether the answer says its length, and that it is no more than may be held: anything else may be a stream.
    fn fits(&self, response: &Response) -> bool {
        let length = response.header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        length.is_some_and(|length: usize| length <= self.hold_bytes)
    }

    fn allows(&self, rule: &str) -> bool {
        self.allow.iter().any(|allowed| allowed == rule)
    }

    /// The app's own body as it may be written down: shortened, secrets masked.
    pub(crate) fn original(&self, request: &Request, response: &Response, body: &[u8]) -> String {
        match encoding::text(body, response.headers()) {
            Text::Plain(text) => {
                let text = encoding::narrow(text, response.headers());
                original::shown(&text, request, self.original_bytes)
            }
            Text::Unknown => String::new(),
        }
    }
}

fn denial(rule: &'static str, what: &'static str, request: &Request, response: &Response) -> Box<Denial> {
    let say = if response.status.is_server_error() {
        "The site could not answer because of a fault of its own."
    } else {
        "The site could not answer this request."
    };
    let path = crate::record::shown_path(request.target.path());
    Denial::new(rule, response.status, say, format!("the answer shows {what} (CWE-209)"))
        .at("response body", what)
        .allowed_by(format!("[[route]]\npath = {path:?}\noff = [\"disclosure\"]"))
}

/// Statuses whose answers have no body (RFC 9110 section 6.4.1).
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Whether people or programs read it as text. An event stream is never held; an answer without a type is sniffed as text.
fn is_textual(kind: &[u8]) -> bool {
    let Some(kind) = kind.split(|&b| b == b';').next() else { return true };
    let kind = kind.trim_ascii().to_ascii_lowercase();
    let ends = |ending: &[u8]| kind.ends_with(ending);
    kind.is_empty()
        || (kind.starts_with(b"text/") && kind != b"text/event-stream")
        || ends(b"json")
        || ends(b"xml")
        || ends(b"javascript")
}

/// Whether what a failure says may be text under a type that is none: an export or download that broke off keeps the type it set out
/// with. Pictures and streams are left alone.
fn may_be_text(kind: &[u8]) -> bool {
    const OTHERS: [&[u8]; 5] = [b"image/", b"audio/", b"video/", b"font/", b"text/event-stream"];
    let kind = kind.trim_ascii().to_ascii_lowercase();
    !OTHERS.iter().any(|other| kind.starts_with(other))
}

/// Whether a server answers that is made for development: only there does a debugger answer with a status of success.
fn is_development_server(response: &Response) -> bool {
    response.header(header::SERVER).is_some_and(|server| server.starts_with("Werkzeug/") || server.starts_with("WSGIServer/"))
}
