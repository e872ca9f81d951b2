//! The attributes of the app's cookies.

mod names;
mod policy;
mod set_cookie;
#[cfg(test)]
mod tests;

pub use policy::{Cookies, SECTION};

use crate::{
    exchange::{Request, Response, Scheme},
    layers::{Body, Layer, Outcome, Rule, Verdict},
    policy::{LayerName, Route},
    record::shown,
    store::Answer,
};
use http::{HeaderValue, header};
use set_cookie::{Fault, Mended, SetCookie};

/// Every rule this layer changes or notes by. Attributes are added without a note, unless the layer only reports: most
/// answers that set a cookie need them.
pub const RULES: &[Rule] = &[
    Rule {
        name: "attributes",
        about: "A cookie gets the Secure, HttpOnly, SameSite or `__Host-` it lacks (noted in report mode).",
        why: "It would be read off the wire, by a script, sent with forged requests, or planted (CWE-614, CWE-1004, CWE-1275; ASVS 3.3).",
    },
    Rule {
        name: "wide-domain",
        about: "A cookie for a whole domain that the policy does not name is set for this host alone.",
        why: "Every host below the domain would read it and could replace it (CWE-1275, CWE-384).",
    },
    Rule {
        name: "malformed-cookie",
        about: "A Set-Cookie without a name, or with control characters, is dropped.",
        why: "Browsers and servers read it in different ways: a nameless cookie can pose as another (CWE-436).",
    },
    Rule {
        name: "oversized-cookie",
        about: "A cookie of more than 4096 bytes is noted; it leaves unchanged.",
        why: "Browsers drop it without a word, and somebody is not logged in (RFC 6265 section 6.1).",
    },
    Rule {
        name: "shared-cache",
        about: "An answer that sets a session cookie and says `public` is made `private`.",
        why: "A cache that shares it hands one visitor's session to the next (CWE-524; ASVS 14.3.2).",
    },
];

impl Layer for Cookies {
    fn name(&self) -> LayerName {
        LayerName::Cookies
    }

    fn judge(&self, request: &mut Request, _: Option<&Route>, _: &[Answer]) -> Verdict {
        if request.scheme == Scheme::Https
            && let Some(line) = names::for_the_app(&request.headers, &self.prefixed)
        {
            request.set(header::COOKIE, Some(line).filter(|line| !line.is_empty()));
        }
        Verdict::Pass
    }

    fn mend(&self, request: &Request, _: Option<&Route>, response: &mut Response, _: Option<Body<'_>>) -> Outcome {
        if !response.headers().contains_key(header::SET_COOKIE) {
            return Outcome::Pass;
        }
        let raw: Vec<HeaderValue> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
        let mut session = false;
        let mut kept = Vec::with_capacity(raw.len());
        for value in raw {
            match SetCookie::parse(value.as_bytes()) {
                Ok(cookie) => {
                    session |= self.is_session(&String::from_utf8_lossy(cookie.name));
                    kept.push(self.mend_one(&cookie, &value, request, response));
                }
                Err(fault) => note_dropped(fault, response),
            }
        }
        response.set_all(&header::SET_COOKIE, kept);
        if session {
            keep_private(response);
        }
        Outcome::Pass
    }
}

impl Cookies {
    /// What is found stands in the reason: a value under the name of a cookie is masked in the log.
    fn mend_one(&self, cookie: &SetCookie<'_>, value: &HeaderValue, request: &Request, response: &mut Response) -> HeaderValue {
        let name = shown(cookie.name);
        let Mended { line, added, wide_domain } = cookie.mended(self, request.scheme == Scheme::Https, &request.host);
        if let Some(domain) = wide_domain {
            let domain = shown(domain);
            let why = format!("the cookie was for all of {domain}, which `cookies.domains` does not name (CWE-384)");
            response.changed("wide-domain", why, format!("cookie {name}"), String::new());
        }
        if cookie.pair_len() > COOKIE_BYTES_MAX {
            let why = format!("browsers drop cookies of more than 4096 bytes; this one has {}", cookie.pair_len());
            response.noted("oversized-cookie", why, format!("cookie {name}"), String::new());
        }
        if !added.is_empty() && response.is_report() {
            response.changed(
                "attributes",
                format!("the cookie lacks {}", added.join(", ")),
                format!("cookie {name}"),
                String::new(),
            );
        }
        HeaderValue::from_bytes(&line).unwrap_or_else(|_| value.clone())
    }
}

/// The name may be hostile and the value a secret: neither is written down.
fn note_dropped(fault: Fault, response: &mut Response) {
    response.changed("malformed-cookie", fault.as_str(), "header set-cookie".to_owned(), String::new());
}

/// What browsers store, name and value together (RFC 6265 section 6.1).
const COOKIE_BYTES_MAX: usize = 4096;

/// Keeps an answer that sets a session cookie out of shared caches. Not `no-store`: Flask refreshes its session with every
/// page, and the browser's own back button shall go on to work.
fn keep_private(response: &mut Response) {
    let said = response.headers().get_all(header::CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let said: Vec<String> = said.flat_map(|line| line.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect();
    if said.iter().any(|word| word == "private" || word == "no-store") {
        return;
    }
    let shared = |word: &&String| *word == "public" || word.starts_with("s-maxage");
    if said.iter().any(|word| shared(&word)) {
        let why = "a shared cache would keep an answer that sets a session cookie (CWE-524)";
        response.changed("shared-cache", why, "header cache-control".to_owned(), shown(said.join(", ").as_bytes()));
    }
    let rest: Vec<&str> = said.iter().filter(|word| !shared(word) && !word.is_empty()).map(String::as_str).collect();
    let text = if rest.is_empty() { "private, no-cache".to_owned() } else { format!("private, {}", rest.join(", ")) };
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.set(header::CACHE_CONTROL, value);
    }
}
