//! The preflight (Fetch Standard section 4.9): a browser asks before it sends for a foreign page what a form could not.

use super::{Admitted, Cors};
use crate::{
    exchange::Request,
    layers::{Denial, Reply, Verdict},
    origin::OriginPattern,
    policy::FromText,
    record::{Action, shown},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
        ORIGIN, VARY,
    },
};

const SAY: &str = "This site does not accept such requests from pages of other sites.";

/// Fields by which browsers ask for a way into a private network (Private Network Access, Local Network Access).
const INTO_PRIVATE: [&str; 2] = ["access-control-request-private-network", "access-control-request-local-network"];

/// A preflight asks more header fields than this only to be a nuisance.
const FIELDS_MAX: usize = 64;

/// Whether a request is a preflight. An `OPTIONS` without these fields is the app's own.
pub(super) fn is_preflight(request: &Request) -> bool {
    let asks = |name: HeaderName| request.headers.contains_key(name);
    request.method == Method::OPTIONS && asks(ORIGIN) && asks(ACCESS_CONTROL_REQUEST_METHOD)
}

impl Cors {
    /// Answers a preflight from the policy.
    pub(super) fn answer(&self, request: &Request) -> Verdict {
        if let Some(name) = INTO_PRIVATE.into_iter().find(|name| request.headers.contains_key(*name)) {
            return refuse(
                request,
                "private-network",
                "a page of the internet asks for a way into a private network",
                name,
                String::new(),
            );
        }
        let Some(admitted) = self.admit(request) else { return refuse_origin(request) };
        if !self.allows_method(request) {
            return refuse_method(request);
        }
        if let Some(field) = self.unknown_field(request) {
            return refuse_field(request, field);
        }
        let headers = self.grant(&admitted);
        let reply =
            Reply { rule: "preflight", action: Action::Answer, status: StatusCode::NO_CONTENT, headers, body: Bytes::new() };
        Verdict::Answer(Box::new(reply))
    }

    fn allows_method(&self, request: &Request) -> bool {
        request
            .header(ACCESS_CONTROL_REQUEST_METHOD)
            .is_some_and(|asked| self.methods.iter().any(|method| method.as_str() == asked))
    }

    /// The first header field asked for that is not allowed; empty where the list itself is not readable.
    fn unknown_field<'r>(&self, request: &'r Request) -> Option<&'r str> {
        if !request.headers.contains_key(ACCESS_CONTROL_REQUEST_HEADERS) {
            return None;
        }
        let asked = request.header(ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or(",");
        let known = |name: &str| self.headers.iter().any(|field| name.eq_ignore_ascii_case(field.as_str()));
        let mut names = asked.split(',').map(str::trim);
        let unknown = names.by_ref().take(FIELDS_MAX).find(|name| !known(name));
        unknown.or_else(|| names.next()).filter(|_| !asked.trim().is_empty())
    }

    fn grant(&self, admitted: &Admitted) -> HeaderMap {
        let names = |list: Vec<&str>| HeaderValue::try_from(list.join(", ")).unwrap_or(HeaderValue::from_static(""));
        let mut headers = HeaderMap::new();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, admitted.origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, names(self.methods.iter().map(Method::as_str).collect()));
        if !self.headers.is_empty() {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names(self.headers.iter().map(HeaderName::as_str).collect()));
        }
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age.as_secs()));
        let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        headers.insert(VARY, HeaderValue::from_static(vary));
        headers
    }
}

fn refuse_origin(request: &Request) -> Verdict {
    let origin = asked(request, &ORIGIN);
    let allow = OriginPattern::from_text(&origin).map(|_| format!("[cors]\norigins = [\"{origin}\"]"));
    refuse(request, "preflight", "this origin may not read answers (CWE-942)", "origin", allow.unwrap_or_default())
}

fn refuse_method(request: &Request) -> Verdict {
    let method = asked(request, &ACCESS_CONTROL_REQUEST_METHOD);
    let named = method.bytes().all(|b| b.is_ascii_uppercase());
    let allow = if named { format!("[cors]\nmethods = [\"{method}\"]") } else { String::new() };
    refuse(request, "preflight", "foreign pages may not use this method", "access-control-request-method", allow)
}

fn refuse_field(request: &Request, field: &str) -> Verdict {
    let allow = HeaderName::try_from(field).map(|name| format!("[cors]\nheaders = [\"{name}\"]")).unwrap_or_default();
    let why = "foreign pages may not send one of these header fields";
    refuse(request, "preflight", why, "access-control-request-headers", allow)
}

fn asked(request: &Request, name: &HeaderName) -> String {
    shown(request.header(name).unwrap_or_default().as_bytes())
}

fn refuse(request: &Request, rule: &'static str, why: &'static str, field: &'static str, allow: String) -> Verdict {
    let value = request.headers.get(field).map(HeaderValue::as_bytes).unwrap_or_default();
    let denial = Denial::new(rule, StatusCode::FORBIDDEN, SAY, why).at(format!("header {field}"), shown(value));
    Verdict::Refuse(denial.allowed_by(allow))
}
