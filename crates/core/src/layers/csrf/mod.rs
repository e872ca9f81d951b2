//! Which pages may change state.
//!
//! A browser says where a request comes from, and no page can make it say otherwise: first in `Sec-Fetch-Site` (W3C Fetch Metadata),
//! else in `Origin` (RFC 6454), else in `Referer`. So apps need no tokens and no changes.

mod credentials;
mod isolation;
mod policy;

pub use policy::{Csrf, SECTION};

use crate::{
    exchange::Request,
    layers::{Denial, Layer, Rule, Verdict},
    origin::{Origin, is_prefix},
    policy::{FromText, LayerName, Route},
    record::shown,
    store::Answer,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use policy::NoOrigin;

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[
    Rule {
        name: "cross-site",
        about: "The browser says that a page of another site sends a request that changes state; it is refused.",
        why: "A foreign page that acts with the visitor's cookies (CWE-352).",
    },
    Rule {
        name: "same-site",
        about: "The same for a page of a sibling host, such as another subdomain.",
        why: "SameSite cookies are sent by siblings, and one that was taken over is as foreign as any (CWE-1275).",
    },
    Rule {
        name: "no-page",
        about: "The browser says that no page asks and that it is no navigation either: an extension or a tool; refused when it changes state.",
        why: "What a person typed or bookmarked is a navigation; the rest may act for somebody else (CWE-352).",
    },
    Rule {
        name: "foreign-origin",
        about: "The Origin of a request that changes state is not the app's, or is `null`; it is refused.",
        why: "Browsers without Fetch Metadata, and pages in plain HTTP, still say their origin (RFC 6454).",
    },
    Rule {
        name: "foreign-referer",
        about: "There is no Origin, and the Referer of a request that changes state is not the app's; it is refused.",
        why: "The oldest of the three signals, used only where the others are absent.",
    },
    Rule {
        name: "no-origin",
        about: "A logged-in request that changes state says nothing of where it comes from; it is refused.",
        why: "Silence is what a stripped header looks like; programs are not logged in by cookie, or can send an Origin.",
    },
    Rule {
        name: "isolation",
        about: "A foreign page reads something logged in that is not made to be embedded; it is refused.",
        why: "XS-leaks and script inclusion read answers without the app's leave (CWE-346, ASVS 5.0 3.5.8).",
    },
];

const SITE: &str = "sec-fetch-site";
const MODE: &str = "sec-fetch-mode";
const SAY: &str = "This request seems to come from another site, so it was not carried out.";
/// For a program that keeps a cookie, as a browser always says more.
const SAY_UNKNOWN: &str = "This request does not say which page it comes from, so it was not carried out.";

/// The request comes from a page of the app itself, or from no page.
#[derive(Debug)]
pub struct SameOrigin {
    _private: (),
}

/// Why a request may change state.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// A page of the app, or a person's own navigation.
    Own,
    /// An origin that the policy names.
    Trusted,
    /// Nothing that a browser sends.
    Program,
}

impl Layer for Csrf {
    fn name(&self) -> LayerName {
        LayerName::Csrf
    }

    fn judge(&self, request: &mut Request, route: Option<&Route>, _: &[Answer]) -> Verdict {
        if !changes_state(request, route) {
            return self.isolate(request).map_or(Verdict::Pass, Verdict::Refuse);
        }
        match self.source(request) {
            Ok(Source::Own) => request.facts.same_origin = Some(SameOrigin { _private: () }),
            Ok(Source::Trusted | Source::Program) => {}
            Err(denial) => return Verdict::Refuse(denial),
        }
        Verdict::Pass
    }
}

/// Unsafe methods (RFC 9110 section 9.2.1), a WebSocket, which browsers open for any page, and what the policy says.
fn changes_state(request: &Request, route: Option<&Route>) -> bool {
    let safe = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    !safe || request.is_websocket() || route.is_some_and(|route| route.state_changing)
}

/// A header field as a client sent it.
#[derive(Debug, PartialEq, Eq)]
enum Sent<'a> {
    Nothing,
    Once(&'a str),
    /// Repeated, or not text: no browser does that.
    Unreadable,
}

fn sent<'a>(headers: &'a HeaderMap, name: &str) -> Sent<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Sent::Nothing,
        (Some(value), None) => value.to_str().map_or(Sent::Unreadable, Sent::Once),
        _ => Sent::Unreadable,
    }
}

impl Csrf {
    /// Where a request that changes state comes from.
    fn source(&self, request: &Request) -> Result<Source, Box<Denial>> {
        let ambient = credentials::ambient(request, &self.session_cookies);
        if !ambient && credentials::explicit(request) {
            return Ok(Source::Program);
        }
        match sent(&request.headers, SITE) {
            Sent::Once("same-origin") => Ok(Source::Own),
            Sent::Once("none") if request.header(MODE) == Some("navigate") => Ok(Source::Own),
            Sent::Once("none") => Err(deny("no-page", "no page asks for it, and it is no navigation", request, SITE)),
            Sent::Nothing => self.by_origin(request, ambient),
            site => self.by_name(request, &site),
        }
    }

    /// Another site, as the browser says: only an origin that the policy names may.
    fn by_name(&self, request: &Request, site: &Sent<'_>) -> Result<Source, Box<Denial>> {
        match sent(&request.headers, "origin") {
            Sent::Once(origin) if self.names(request, origin) => Ok(Source::Trusted),
            _ if *site == Sent::Once("same-site") => {
                Err(deny("same-site", "a page of a sibling host asks to change state (CWE-352)", request, SITE))
            }
            _ => Err(deny("cross-site", "a page of another site asks to change state (CWE-352)", request, SITE)),
        }
    }

    fn by_origin(&self, request: &Request, ambient: bool) -> Result<Source, Box<Denial>> {
        match sent(&request.headers, "origin") {
            Sent::Once(origin) if own(request).is_some_and(|own| own == origin) => Ok(Source::Own),
            Sent::Once(origin) if self.names(request, origin) => Ok(Source::Trusted),
            Sent::Nothing => self.by_referer(request, ambient),
            _ => Err(deny("foreign-origin", "a page of another origin asks to change state (CWE-352)", request, "origin")),
        }
    }

    fn by_referer(&self, request: &Request, ambient: bool) -> Result<Source, Box<Denial>> {
        match sent(&request.headers, "referer") {
            Sent::Once(url) if own(request).is_some_and(|own| is_prefix(&own, url)) => Ok(Source::Own),
            Sent::Once(url) if self.trusts_url(url) => Ok(Source::Trusted),
            Sent::Nothing if !ambient || self.no_origin == NoOrigin::Allow => Ok(Source::Program),
            Sent::Nothing => {
                let why = "a logged-in request that changes state does not say where it comes from; a program may send Origin";
                Err(deny("no-origin", why, request, "origin"))
            }
            _ => Err(deny(
                "foreign-referer",
                "the page that asks to change state is of another origin (CWE-352)",
                request,
                "referer",
            )),
        }
    }

    /// Whether the policy lets the pages of an origin change state: by this layer's list, or because CORS lets them send this very
    /// method with credentials and read the answer. CORS does not govern WebSockets, so there the list alone counts.
    fn names(&self, request: &Request, origin: &str) -> bool {
        let admitted = request.facts.cross_origin.as_ref().is_some_and(|admitted| admitted.may_change(&request.method));
        self.trusts(origin) || (admitted && !request.is_websocket())
    }
}

/// The app's origin as the client reached it; a request without a host has none to compare with.
fn own(request: &Request) -> Option<String> {
    (!request.host.is_empty()).then(|| request.origin())
}

/// The refusal, with the value that decided and the narrowest lines that would allow it: the origin where it can be named, else the
/// route.
fn deny(rule: &'static str, why: &'static str, request: &Request, field: &'static str) -> Box<Denial> {
    let value = request.headers.get(field).map(HeaderValue::as_bytes).unwrap_or_default();
    let named = request.header(header::ORIGIN).filter(|origin| Origin::from_text(origin).is_ok());
    let allow = match named {
        Some(origin) => format!("[csrf]\ntrusted_origins = [\"{origin}\"]"),
        None => request.exception(LayerName::Csrf),
    };
    let say = if rule == "no-origin" { SAY_UNKNOWN } else { SAY };
    Denial::new(rule, StatusCode::FORBIDDEN, say, why).at(format!("header {field}"), shown(origin_of(value))).allowed_by(allow)
}

/// As much of a URL as its origin: what follows may be private. Other values are shorter than that.
fn origin_of(value: &[u8]) -> &[u8] {
    let third_slash = value.iter().enumerate().filter(|(_, byte)| **byte == b'/').nth(2);
    third_slash.and_then(|(index, _)| value.get(..index)).unwrap_or(value)
}
