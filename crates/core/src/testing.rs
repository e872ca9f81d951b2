//! For tests: one exchange from request to record, in a few words.

use crate::{
    engine::{Decision, Engine, Moment, Outgoing, ResponseStep, Step},
    exchange::{Connection, Entropy, Received, ResponseHead, Tls},
    policy::Policy,
    record::Finding,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use std::sync::Arc;

/// An engine for a policy that must hold.
pub(crate) fn engine(policy: &str) -> Engine {
    let policy = Policy::parse(policy).unwrap_or_else(|problems| panic!("{problems}"));
    Engine::new(Arc::new(policy))
}

/// A request: `GET /` over TLS from 192.0.2.1 to `localhost:8443`, until said otherwise.
pub(crate) struct Ask {
    received: Received,
    connection: Connection,
    body: Vec<u8>,
}

/// What became of it, with an app that answers 200.
#[derive(Debug)]
pub(crate) struct Seen {
    /// What the client was sent.
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// What the app received: target and header fields.
    pub(crate) forwarded: Option<(String, HeaderMap)>,
    pub(crate) findings: Vec<Finding>,
    /// Whether it is written down.
    pub(crate) recorded: bool,
}

impl Seen {
    /// The rules that found something.
    pub(crate) fn rules(&self) -> Vec<&str> {
        self.findings.iter().map(|finding| finding.rule.as_ref()).collect()
    }

    /// One header field of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// One header field as the app received it.
    pub(crate) fn app_saw(&self, name: &str) -> Option<&str> {
        self.forwarded.as_ref()?.1.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Ask {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::HOST, HeaderValue::from_static("localhost:8443"));
        let received = Received {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            target: Bytes::copy_from_slice(target.as_bytes()),
            authority: None,
            version: Version::HTTP_11,
            headers,
            has_body: false,
        };
        let connection = Connection::new([192, 0, 2, 1].into(), Some(Tls::default().into()));
        Self { received, connection, body: Vec::new() }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// Adds a header field; `host` is replaced.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let (name, value) =
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        if name == http::header::HOST {
            self.received.headers.insert(name, value);
        } else {
            self.received.headers.append(name, value);
        }
        self
    }

    /// Takes the Host away, as a client of HTTP/2 does, and says the authority.
    pub(crate) fn http2(mut self, authority: &str) -> Self {
        self.received.headers.remove(http::header::HOST);
        self.received.authority = Some(authority.to_owned());
        self.received.version = Version::HTTP_2;
        self
    }

    pub(crate) fn peer(mut self, peer: &str) -> Self {
        self.connection.peer = peer.parse().unwrap();
        self
    }

    pub(crate) fn plain(mut self) -> Self {
        self.connection.tls = None;
        self
    }

    pub(crate) fn sni(mut self, name: &str) -> Self {
        self.connection.tls = Some(Tls { sni: Some(name.to_owned()), client_certificate: None }.into());
        self
    }

    /// Adds a body.
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.received.has_body = true;
        self
    }

    /// Asks, with an app that answers an empty 200.
    pub(crate) fn to(self, engine: &Engine) -> Seen {
        self.answered_with(engine, &[], b"")
    }

    /// What is decided of its head.
    pub(crate) fn decided(self, engine: &Engine) -> Decision {
        let moment = Moment { now_ms: 1_800_000_000_000, entropy: Entropy([7; 24]) };
        match engine.receive(self.received, self.connection, moment) {
            Step::Respond(outgoing) => Decision::Respond(outgoing),
            Step::Ask(pending) => pending.decide(&[]),
        }
    }

    /// Asks, with an app that answers 200 with these fields and this body.
    pub(crate) fn answered_with(self, engine: &Engine, fields: &[(&str, &str)], answer: &[u8]) -> Seen {
        let body = self.body.clone();
        match self.decided(engine) {
            Decision::Inspect(inspecting) => went(inspecting.begin(&body, true), fields, answer),
            decision => went(decision, fields, answer),
        }
    }
}

fn went(decision: Decision, fields: &[(&str, &str)], answer: &[u8]) -> Seen {
    match decision {
        Decision::Respond(outgoing) => seen(outgoing, None),
        Decision::Collect(collecting) => seen(collecting.body(b"", true), None),
        Decision::Inspect(_) | Decision::Delay(_) => unreachable!("inspected already"),
        Decision::Forward(permit, _, exchange) => {
            let sent = exchange.forwarded(&permit);
            let forwarded = Some((sent.target.as_str().to_owned(), sent.headers.clone()));
            let pair = |(name, value): &(&str, &str)| {
                (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
            };
            let head = ResponseHead { status: StatusCode::OK, headers: fields.iter().map(pair).collect() };
            match exchange.response(head) {
                ResponseStep::Send(outgoing) => seen(outgoing, forwarded),
                ResponseStep::Hold(held) => seen(held.body(answer, true), forwarded),
            }
        }
    }
}

fn seen(outgoing: Outgoing, forwarded: Option<(String, HeaderMap)>) -> Seen {
    let findings = outgoing.finish.findings().map(std::borrow::Cow::into_owned).collect();
    let (status, headers) = (outgoing.head.status.as_u16(), outgoing.head.headers);
    Seen { status, headers, forwarded, findings, recorded: outgoing.finish.record(0).is_some() }
}
