//! What goes to the app: the permit, and the count of the body behind it.

use crate::{
    exchange::Request,
    layers::Denial,
    policy::{LayerName, Mode, Modes, Policy, Route},
    target::Target,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use std::time::Duration;

/// Leave to send one request to the app, with the head exactly as it may be sent. Only the engine makes one.
#[derive(Debug)]
pub struct Permit {
    method: Method,
    target: Target,
    headers: HeaderMap,
    upgrade: bool,
    response_timeout: Duration,
}

/// Fields that say something of one connection, not of the message (RFC 9110 section 7.6.1), and those that only we make.
const DROPPED: [HeaderName; 16] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::UPGRADE,
    header::FORWARDED,
    header::EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-gambeson-nonce"),
];

/// Fields a `Connection` field may not take away: they decide.
const KEPT: [HeaderName; 4] = [header::COOKIE, header::AUTHORIZATION, header::ORIGIN, header::CONTENT_TYPE];

impl Permit {
    pub(super) fn new(policy: &Policy, request: &Request, route: Option<&Route>) -> Self {
        let upgrade = request.is_websocket();
        let mut headers = request.headers.clone();
        drop_listed(&mut headers);
        for name in &DROPPED {
            headers.remove(name);
        }
        drop_forwarded(&mut headers);
        introduce(&mut headers, policy, request);
        if upgrade {
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        Self {
            method: request.method.clone(),
            target: request.target.clone(),
            headers,
            upgrade,
            response_timeout: route.and_then(|route| route.response).unwrap_or(policy.upstream.timeouts.response),
        }
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The target, in the one form that was decided on.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The header fields, `Host` first; framing is the sender's.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
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

/// A client's own `X-Forwarded-*` never reaches the app, whatever its ending.
fn drop_forwarded(headers: &mut HeaderMap) {
    let forged = |name: &&HeaderName| name.as_str().starts_with("x-forwarded-");
    let names: Vec<HeaderName> = headers.keys().filter(forged).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Says who asks, as we know it. Apps read these through Werkzeug's `ProxyFix`, Django's settings, gunicorn, uvicorn.
fn introduce(headers: &mut HeaderMap, policy: &Policy, request: &Request) {
    let authority = match request.port.filter(|&port| port != request.scheme.default_port()) {
        Some(port) => format!("{}:{port}", request.host),
        None => request.host.clone(),
    };
    let host = policy.upstream.host.as_deref().unwrap_or(&authority);
    let mut set = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    set(header::HOST, host);
    set(HeaderName::from_static("x-forwarded-for"), &request.client.to_string());
    set(HeaderName::from_static("x-forwarded-proto"), request.scheme.as_str());
    set(HeaderName::from_static("x-forwarded-host"), &authority);
    if policy.layers.headers.uses_nonce() {
        set(HeaderName::from_static("x-gambeson-nonce"), &request.nonce);
    }
}

/// Counts a request body as it passes.
#[derive(Debug)]
pub struct RequestBody {
    bytes_left: u64,
    bytes_max: u64,
    enforce: bool,
}

impl RequestBody {
    pub(super) fn new(bytes_max: u64, modes: Modes) -> Self {
        Self { bytes_left: bytes_max, bytes_max, enforce: modes.get(LayerName::Protocol) == Mode::Enforce }
    }

    /// Judges a length that was declared, before a byte is read.
    ///
    /// # Errors
    /// The refusal, when it is more than the policy allows.
    pub fn declared(&self, bytes: u64) -> Result<(), Box<Denial>> {
        if self.enforce && bytes > self.bytes_max { Err(self.too_large()) } else { Ok(()) }
    }

    /// Judges the next piece.
    ///
    /// # Errors
    /// The refusal, when the body grew over what the policy allows.
    pub fn piece(&mut self, bytes: &[u8]) -> Result<(), Box<Denial>> {
        match self.bytes_left.checked_sub(bytes.len() as u64) {
            Some(left) => self.bytes_left = left,
            None if self.enforce => return Err(self.too_large()),
            None => self.bytes_left = 0,
        }
        Ok(())
    }

    fn too_large(&self) -> Box<Denial> {
        let why = format!("the body is larger than {} bytes (CWE-770)", self.bytes_max);
        let say = "The request body is larger than this site accepts.";
        Denial::new("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, say, why)
            .at("body", "")
            .allowed_by("[[route]]\npath = \"PATH\"\nbody = \"SIZE\"")
    }
}
