//! What goes to the app: the permit, and the head it allows.

use super::Exchange;
use crate::{
    exchange::Request,
    policy::{Policy, Route},
    target::Target,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::time::Duration;

/// Leave to send one request to the app, exactly as it was decided. Only the engine makes one, and sending takes it by
/// value; the head it allows is the exchange's own (see [`Exchange::forwarded`]), so nothing is copied.
#[derive(Debug)]
pub struct Permit {
    upgrade: bool,
    response_timeout: Duration,
}

/// A request head as it goes to the app.
#[derive(Debug, Clone, Copy)]
pub struct Forwarded<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target, in the one form that was decided on.
    pub target: &'a Target,
    /// The header fields; framing is the sender's.
    pub headers: &'a HeaderMap,
}

/// Whether a field says something of one connection, not of the message (RFC 9110 section 7.6.1), or is one that only we make:
/// a client's own `X-Forwarded-*` never reaches the app, whatever its ending.
fn ends_here(name: &str) -> bool {
    match name.as_bytes() {
        b"connection" | b"content-length" | b"expect" | b"forwarded" | b"http2-settings" | b"keep-alive" => true,
        b"proxy-authenticate" | b"proxy-authorization" | b"proxy-connection" | b"te" | b"trailer" => true,
        b"transfer-encoding" | b"upgrade" | b"x-gambeson-nonce" | b"x-real-ip" => true,
        other => other.starts_with(b"x-forwarded-"),
    }
}

/// Fields a `Connection` field may not take away: they decide.
const KEPT: [HeaderName; 4] = [header::COOKIE, header::AUTHORIZATION, header::ORIGIN, header::CONTENT_TYPE];

impl Permit {
    /// Makes the request's head what the app may see, in place.
    pub(super) fn new(policy: &Policy, request: &mut Request, route: Option<&Route>) -> Self {
        let ours: Vec<HeaderName> = request.headers.keys().filter(|name| ends_here(name.as_str())).cloned().collect();
        // Most heads have none: one look at each name is cheaper than a look-up for each field.
        let upgrade = !ours.is_empty() && request.is_websocket();
        if !ours.is_empty() {
            drop_listed(&mut request.headers);
        }
        for name in ours {
            request.headers.remove(name);
        }
        introduce(policy, request);
        if upgrade {
            request.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        let response_timeout = route.and_then(|route| route.response).unwrap_or(policy.upstream.timeouts.response);
        Self { upgrade, response_timeout }
    }

    /// Whether the app is asked to become a WebSocket.
    #[must_use]
    pub const fn is_upgrade(&self) -> bool {
        self.upgrade
    }

    /// How long the app may take to begin its answer.
    #[must_use]
    pub const fn response_timeout(&self) -> Duration {
        self.response_timeout
    }
}

impl Exchange {
    /// The head that the permit allows.
    #[must_use]
    pub fn forwarded(&self, _: &Permit) -> Forwarded<'_> {
        let request = self.request();
        Forwarded { method: &request.method, target: &request.target, headers: &request.headers }
    }
}

/// Drops what `Connection` lists, but for the fields that decide.
fn drop_listed(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONNECTION) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(header::CONNECTION).iter().cloned().collect();
    let names = lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    for name in names.filter_map(|name| HeaderName::try_from(name.trim()).ok()) {
        if !KEPT.contains(&name) {
            headers.remove(name);
        }
    }
}

/// Says who asks, as we know it. Apps read these through Werkzeug's `ProxyFix`, Django's settings, gunicorn, uvicorn.
fn introduce(policy: &Policy, request: &mut Request) {
    let authority = authority(request);
    let fixed = policy.upstream.host.as_deref().and_then(|host| HeaderValue::from_str(host).ok());
    let client = request.connection.written(request.client);
    let headers = &mut request.headers;
    headers.insert(header::HOST, fixed.unwrap_or_else(|| authority.clone()));
    headers.insert(FORWARDED_FOR, client);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(request.scheme.as_str()));
    headers.insert(FORWARDED_HOST, authority);
    if policy.layers.headers.uses_nonce()
        && let Ok(nonce) = HeaderValue::from_str(&request.nonce)
    {
        headers.insert(NONCE, nonce);
    }
}

/// The host and its port, as every app reads them; nearly always `Host` is already written so.
fn authority(request: &Request) -> HeaderValue {
    let port = request.port.filter(|&port| port != request.scheme.default_port());
    match request.headers.get(header::HOST) {
        Some(sent) if is_plain(sent.as_bytes(), &request.host, port) => sent.clone(),
        _ => {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            HeaderValue::from_str(&format!("{}{port}", request.host)).unwrap_or(HeaderValue::from_static(""))
        }
    }
}

fn is_plain(sent: &[u8], host: &str, port: Option<u16>) -> bool {
    let Some(rest) = sent.strip_prefix(host.as_bytes()) else { return false };
    let Some(port) = port else { return rest.is_empty() };
    let digits = rest.strip_prefix(b":").and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default();
    digits.starts_with(|first: char| ('1'..='9').contains(&first)) && digits.parse() == Ok(port)
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// What an app that wants to allow its own inline scripts puts into their `nonce` attribute.
const NONCE: HeaderName = HeaderName::from_static("x-gambeson-nonce");

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_host_is_passed_on_as_sent_only_when_every_app_reads_it_alike() {
        for (sent, host, port) in [("a.example", "a.example", None), ("a.example:8443", "a.example", Some(8443))] {
            assert!(is_plain(sent.as_bytes(), host, port), "{sent}");
        }
        for (sent, port) in [
            ("A.example", None),
            ("a.example:443", None),
            ("a.example:", None),
            ("a.example.evil", None),
            ("a.example", Some(8443)),
            ("a.example:08443", Some(8443)),
            ("a.example:+8443", Some(8443)),
            ("a.example:8444", Some(8443)),
        ] {
            assert!(!is_plain(sent.as_bytes(), "a.example", port), "{sent} {port:?}");
        }
    }
}
