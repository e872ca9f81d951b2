//! Which foreign origins may read answers.
//!
//! The policy alone answers the preflight, so the app never sees it; and the policy alone grants reading, so whatever the app
//! grants is removed. A request without a grant still goes to the app (whether it may change state is the business of
//! [`csrf`](super::csrf)): its answer just cannot be read.

mod policy;
mod preflight;

pub use policy::{Cors, SECTION};

use crate::{
    exchange::{Request, Response},
    layers::{Body, Layer, Outcome, Rule, Verdict},
    policy::{LayerName, Route},
    record::shown,
    store::Answer,
};
use http::{HeaderName, HeaderValue, Method, header};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[
    Rule {
        name: "preflight",
        about: "A browser asks whether a foreign page may send a request; answered from the policy, refused where it grants nothing.",
        why: "The app's own answer is often a reflection of whatever asks (CWE-942).",
    },
    Rule {
        name: "private-network",
        about: "A browser asks whether a page of the public internet may reach into a private network; always refused.",
        why: "Such pages attack devices and services behind the visitor's router (CWE-918 through the browser).",
    },
    Rule {
        name: "grant-removed",
        about: "The app let a foreign origin read its answer, the policy does not; the grant was removed.",
        why: "A reflected origin gives every site what the visitor may read (CWE-942).",
    },
];

/// What an answer may say to grant reading; only this layer says it.
const GRANTS: [HeaderName; 7] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    HeaderName::from_static("access-control-allow-private-network"),
];

/// A foreign origin that may read the answer.
#[derive(Debug)]
pub struct Admitted {
    /// The value for `Access-Control-Allow-Origin`.
    origin: HeaderValue,
    /// The methods it may use with the visitor's credentials; empty without.
    methods: Vec<Method>,
}

impl Admitted {
    /// Whether the origin may use that method with the visitor's credentials: it then acts as the visitor.
    #[must_use]
    pub fn may_change(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }
}

impl Layer for Cors {
    fn name(&self) -> LayerName {
        LayerName::Cors
    }

    fn judge(&self, request: &mut Request, _: Option<&Route>, _: &[Answer]) -> Verdict {
        if preflight::is_preflight(request) {
            return self.answer(request);
        }
        request.facts.cross_origin = self.admit(request);
        Verdict::Pass
    }

    fn mend(&self, request: &Request, _: Option<&Route>, response: &mut Response, _: Option<Body<'_>>) -> Outcome {
        if response.from_app {
            self.remove_grants(request, response);
        }
        if !self.public && self.origins.is_empty() {
            return Outcome::Pass;
        }
        vary_by_origin(response);
        let Some(admitted) = &request.facts.cross_origin else { return Outcome::Pass };
        response.set(header::ACCESS_CONTROL_ALLOW_ORIGIN, admitted.origin.clone());
        if self.credentials {
            response.set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(expose) = &self.expose {
            response.set(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
        Outcome::Pass
    }
}

impl Cors {
    /// The leave of the request's origin to read, if the policy gives it one. A repeated `Origin` is none.
    fn admit(&self, request: &Request) -> Option<Admitted> {
        let origin = request.header(header::ORIGIN).filter(|origin| *origin != "null" && !origin.is_empty())?;
        let methods = if self.credentials { self.methods.clone() } else { Vec::new() };
        if self.origins.iter().any(|pattern| pattern.matches(origin)) {
            return HeaderValue::from_str(origin).ok().map(|origin| Admitted { origin, methods });
        }
        self.public.then(|| Admitted { origin: HeaderValue::from_static("*"), methods: Vec::new() })
    }

    /// Removes what the app grants; says so where somebody foreign would have read the answer.
    fn remove_grants(&self, request: &Request, response: &mut Response) {
        let foreign = request.header(header::ORIGIN).filter(|origin| *origin != request.origin());
        let granted = response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        if let Some(origin) = foreign.filter(|_| granted && request.facts.cross_origin.is_none()) {
            let why = "the app let a foreign origin read its answer, the policy does not (CWE-942)";
            response.changed("grant-removed", why, "header access-control-allow-origin".into(), shown(origin.as_bytes()));
        }
        // Hardly any answer has one: a look at each name is cheaper than a look-up for each grant.
        if response.headers().keys().any(|name| name.as_str().starts_with("access-control-")) {
            for name in &GRANTS {
                response.remove(name);
            }
        }
    }
}

/// Says to caches that the answer depends on who asks.
fn vary_by_origin(response: &mut Response) {
    let lines = response.headers().get_all(header::VARY).iter().filter_map(|line| line.to_str().ok());
    let mut names = lines.flat_map(|line| line.split(',')).map(str::trim);
    if !names.any(|name| name == "*" || name.eq_ignore_ascii_case("origin")) {
        response.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}
