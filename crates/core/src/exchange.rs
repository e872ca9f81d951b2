//! The messages of an exchange as the layers see them.

use crate::{
    layers::Facts,
    policy::{LayerName, Mode, RouteId},
    record::{Action, Finding, ReferenceId, shown_path, shown_under},
    target::Target,
    traffic::Sent,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use std::{borrow::Cow, net::IpAddr, sync::Arc};

/// What the host knows of the connection a request came on.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The other end's address.
    pub peer: IpAddr,
    /// An address and how it is written: once a connection, not once a request.
    written: (IpAddr, HeaderValue),
    /// What TLS told; `None` on plain HTTP.
    pub tls: Option<Arc<Tls>>,
}

impl Connection {
    /// A connection from that address.
    #[must_use]
    pub fn new(peer: IpAddr, tls: Option<Arc<Tls>>) -> Self {
        Self { peer, written: (peer, write(peer)), tls }
    }

    /// An address as a field value: the peer's own, most of the time.
    pub(crate) fn written(&self, address: IpAddr) -> HeaderValue {
        if address == self.written.0 { self.written.1.clone() } else { write(address) }
    }
}

fn write(address: IpAddr) -> HeaderValue {
    HeaderValue::from_str(&address.to_string()).unwrap_or(HeaderValue::from_static("unknown"))
}

/// What TLS told of a connection.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// The server name the client asked for.
    pub sni: Option<String>,
    /// The client's certificate, verified: its subject.
    pub client_certificate: Option<String>,
}

/// A request head as a host received it, before anything is decided.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// The request target as sent: origin form, or absolute form.
    pub target: Bytes,
    /// HTTP/2's `:authority` or the authority of an absolute target.
    pub authority: Option<String>,
    /// The version.
    pub version: Version,
    /// The header fields as sent.
    pub headers: HeaderMap,
    /// Whether a body follows, by the framing the host read.
    pub has_body: bool,
}

/// Random bytes for one exchange: its reference id and its nonce. Drawn by the host.
#[derive(Debug, Clone, Copy)]
pub struct Entropy(pub [u8; 24]);

impl Entropy {
    /// The reference id.
    #[must_use]
    pub fn reference(&self) -> ReferenceId {
        let first = self.0.first_chunk::<8>().copied().unwrap_or_default();
        ReferenceId::new(u64::from_be_bytes(first))
    }

    /// 128 bits for the Content-Security-Policy nonce.
    #[must_use]
    pub fn nonce(&self) -> [u8; 16] {
        self.0.last_chunk::<16>().copied().unwrap_or_default()
    }
}

/// How a request came to the public address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In plain HTTP.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is not written.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A request as the layers judge it.
#[derive(Debug)]
pub struct Request {
    /// The exchange's reference id, as the log and our own answers have it.
    pub id: ReferenceId,
    /// The method.
    pub method: Method,
    /// The one reading of its target, which is also what is forwarded.
    pub target: Target,
    /// The header fields; hop-by-hop ones are still there.
    pub headers: HeaderMap,
    /// The version it came in.
    pub version: Version,
    /// Whether a body follows.
    pub has_body: bool,
    /// How it came.
    pub scheme: Scheme,
    /// The host it asked for, in lower case, without port; empty when there was none.
    pub host: String,
    /// The port it asked for, when written.
    pub port: Option<u16>,
    /// The client's address: the peer, or what a trusted proxy says.
    pub client: IpAddr,
    /// The connection it came on.
    pub connection: Connection,
    /// The route of the policy it is on.
    pub route: Option<RouteId>,
    /// What the layers established.
    pub facts: Facts,
    /// The nonce for scripts and styles of this answer, in base 64; empty where the policy uses none.
    pub nonce: String,
    pub(crate) notes: Notes,
    /// The request as it came, where it may be recorded.
    pub(crate) sent: Option<Box<Sent>>,
}

impl Request {
    /// The one value of a header field as text; `None` when it is absent, repeated or not text.
    #[must_use]
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// The origin this request was sent to (RFC 6454), as browsers write it.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = self.scheme;
        match self.port.filter(|&port| port != scheme.default_port()) {
            Some(port) => format!("{}://{}:{port}", scheme.as_str(), self.host),
            None => format!("{}://{}", scheme.as_str(), self.host),
        }
    }

    /// Each cookie sent, as name and value.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        lines.flat_map(|line| line.split(';')).filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.trim(), value.trim()))
        })
    }

    /// Whether it asks to become a WebSocket (RFC 6455 section 4.1).
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        self.header(http::header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }

    /// Whether the client would rather read JSON than HTML.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        let accept = self.header(http::header::ACCEPT).unwrap_or_default();
        let sent_json = self.header(http::header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
        !accept.contains("text/html") && (accept.contains("json") || sent_json)
    }

    /// The lines of policy that begin a route for requests like this one and no others.
    #[must_use]
    pub fn place(&self) -> String {
        let path = shown_path(self.target.decoded_path());
        let segments = path.split('/').map(|segment| if segment.contains('*') { "{any}" } else { segment });
        let path = toml::Value::from(segments.collect::<Vec<_>>().join("/"));
        format!("[[route]]\npath = {path}\nmethods = [\"{}\"]", self.method)
    }

    /// The lines of policy that would switch a layer off for requests like this one and no others.
    #[must_use]
    pub fn exception(&self, layer: LayerName) -> String {
        format!("{}\noff = [\"{layer}\"]", self.place())
    }

    /// Sets a header field to one value, or to none. In `report` mode nothing is changed.
    pub fn set(&mut self, name: HeaderName, value: Option<HeaderValue>) {
        if self.notes.mode == Mode::Enforce {
            match value {
                Some(value) => self.headers.insert(name, value),
                None => self.headers.remove(name),
            };
        }
    }

    /// Removes a header field, or in `report` mode notes that it would be removed.
    pub fn remove(&mut self, name: &HeaderName, rule: &'static str, why: &'static str) {
        let Some(value) = self.headers.get(name) else { return };
        let shown = shown_under(name.as_str(), value.as_bytes());
        self.notes.change(rule, why, format!("header {name}"), shown);
        if self.notes.mode == Mode::Enforce {
            self.headers.remove(name);
        }
    }

    /// Removes a header field of which nothing is to be noted: it comes with every request.
    pub fn remove_quietly(&mut self, name: &HeaderName) {
        if self.notes.mode == Mode::Enforce {
            self.headers.remove(name);
        }
    }

    /// Writes down something worth knowing that is neither refused nor changed.
    pub fn note(&mut self, rule: &'static str, why: impl Into<Cow<'static, str>>, part: String, value: String) {
        self.notes.push(rule, Action::Note, why.into(), part, value);
    }
}

/// A response head.
#[derive(Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
}

/// A response as the layers judge and mend it.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    headers: HeaderMap,
    /// Whether the app made it, and not a layer.
    pub from_app: bool,
    pub(crate) notes: Notes,
}

impl Response {
    pub(crate) fn new(head: ResponseHead, from_app: bool, notes: Notes) -> Self {
        Self { status: head.status, headers: head.headers, from_app, notes }
    }

    pub(crate) fn into_parts(self) -> (ResponseHead, Notes) {
        (ResponseHead { status: self.status, headers: self.headers }, self.notes)
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The value of a header field as text.
    #[must_use]
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Sets a header field to one value. In `report` mode nothing is changed.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) {
        if self.notes.mode == Mode::Enforce {
            self.headers.insert(name, value);
        }
    }

    /// Sets a header field unless the app did.
    pub fn set_if_absent(&mut self, name: HeaderName, value: HeaderValue) {
        if self.notes.mode == Mode::Enforce {
            self.headers.entry(name).or_insert(value);
        }
    }

    /// Sets a header field that may repeat to these values.
    pub fn set_all(&mut self, name: &HeaderName, values: Vec<HeaderValue>) {
        if self.notes.mode == Mode::Enforce {
            self.headers.remove(name);
            for value in values {
                self.headers.append(name.clone(), value);
            }
        }
    }

    /// Whether nothing is changed, only noted.
    #[must_use]
    pub fn is_report(&self) -> bool {
        self.notes.mode == Mode::Report
    }

    /// Adds a value to a header field that may repeat.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        if self.notes.mode == Mode::Enforce {
            self.headers.append(name, value);
        }
    }

    /// Removes a header field. Nothing is noted: many answers have it.
    pub fn remove(&mut self, name: &HeaderName) {
        if self.notes.mode == Mode::Enforce {
            self.headers.remove(name);
        }
    }

    /// Notes something worth knowing that is not changed.
    pub fn noted(&mut self, rule: &'static str, why: impl Into<Cow<'static, str>>, part: String, value: String) {
        self.notes.push(rule, Action::Note, why.into(), part, value);
    }

    /// Notes a change that the operator should know of.
    pub fn changed(&mut self, rule: &'static str, why: impl Into<Cow<'static, str>>, part: String, value: String) {
        self.notes.push(rule, Action::Change, why.into(), part, value);
    }
}

/// What the layers find in one exchange, and which layer is being asked in which mode. Kept by the engine.
#[derive(Debug)]
pub(crate) struct Notes {
    pub(crate) layer: LayerName,
    pub(crate) mode: Mode,
    pub(crate) findings: Vec<Finding>,
}

/// One exchange writes down at most this many findings.
const FINDINGS_MAX: usize = 32;

impl Notes {
    pub(crate) const fn new() -> Self {
        Self { layer: LayerName::Transport, mode: Mode::Enforce, findings: Vec::new() }
    }

    fn change(&mut self, rule: &'static str, why: &'static str, part: String, value: String) {
        self.push(rule, Action::Change, why.into(), part, value);
    }

    fn push(&mut self, rule: &'static str, action: Action, why: Cow<'static, str>, part: String, value: String) {
        let rule = rule.into();
        let (transformations, allow) = (Vec::new(), String::new());
        self.add(Finding { layer: self.layer, rule, mode: self.mode, action, why, part, value, transformations, allow });
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}
