//! One exchange before the rules, from its request to its answer.

use super::evidence;
use crate::{
    exchange::{Request, Response, Scheme},
    layers::{
        Body, Denial,
        disclosure::encoding::{Text, text},
    },
    record::shown_path,
};
use gambeson_seclang::{RuleSet, Transaction};
use http::{HeaderMap, Version, header};
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
};

self_cell::self_cell!(
    /// The rules and what of them runs, together: an exchange keeps the rules it began with.
    struct Running {
        owner: Arc<RuleSet>,
        #[not_covariant]
        dependent: Transaction,
    }
);

/// An exchange as the rules have judged it so far. Shared, since a body is read while the request is elsewhere.
#[derive(Clone)]
pub struct Judgement(Arc<Mutex<State>>);

struct State {
    running: Running,
    /// The path, for the exception that the log proposes.
    path: String,
    /// What has come of the body.
    body_bytes: usize,
    body_judged: bool,
    /// How much of the body was judged, when that was not all.
    left_out_after: Option<usize>,
    /// What was found of the body only when the app had answered.
    late: Option<Box<Denial>>,
}

impl fmt::Debug for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("crs::Judgement")
    }
}

impl Judgement {
    /// Judges a request's head: phase 1.
    pub(super) fn of_head(rules: Arc<RuleSet>, request: &Request) -> Self {
        let mut running = Running::new(rules, |rules| Transaction::new(rules));
        running.with_dependent_mut(|_, transaction| feed_head(transaction, request));
        let path = shown_path(request.target.decoded_path());
        Self(Arc::new(Mutex::new(State { running, path, body_bytes: 0, body_judged: false, left_out_after: None, late: None })))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The refusal, when the rules ended the exchange in one of these phases.
    pub(super) fn denial(&self, phases: RangeInclusive<u8>) -> Option<Box<Denial>> {
        self.with(|state| state.denial(phases))
    }

    /// Takes the next bytes of the request's body. What is beyond `bytes_max` is not looked at: with it phase 2 is judged.
    pub(super) fn body(&self, bytes: &[u8], bytes_max: usize) -> Option<Box<Denial>> {
        self.with(|state| {
            if state.body_judged {
                return None;
            }
            state.body_bytes = state.body_bytes.saturating_add(bytes.len());
            state.running.with_dependent_mut(|_, transaction| transaction.request_body(bytes));
            if state.body_bytes <= bytes_max {
                return None;
            }
            state.left_out_after = Some(bytes_max);
            state.body_end()
        })
    }

    /// How much of the body came.
    pub(super) fn body_bytes(&self) -> usize {
        self.with(|state| state.body_bytes)
    }

    /// The request's body has ended: phase 2.
    pub(super) fn body_end(&self) -> Option<Box<Denial>> {
        self.with(State::body_end)
    }

    /// Judges an answer's head, phase 3; whether the rules look at its body.
    pub(super) fn answer_head(&self, response: &Response) -> bool {
        self.with(|state| {
            // A body that the app did not wait for is judged as far as it came: its answer pays for it.
            state.late = state.body_end();
            state.running.with_dependent_mut(|_, transaction| {
                transaction.response_line(b"HTTP/1.1", response.status.as_u16());
                for (name, value) in response.headers() {
                    transaction.response_header(name.as_str().as_bytes(), value.as_bytes());
                }
                transaction.response_head().is_none() && transaction.wants_response_body()
            })
        })
    }

    /// Judges an answer with its body, if that is looked at: phase 4.
    pub(super) fn answer(&self, body: Option<Body<'_>>, response: &Response) -> Option<Box<Denial>> {
        self.with(|state| {
            state.running.with_dependent_mut(|_, transaction| {
                if let Some(Text::Plain(text)) = body.map(|body| text(body.bytes, response.headers())) {
                    transaction.response_body(&text);
                }
                transaction.response_body_end();
            });
            state.late.take().or_else(|| state.denial(3..=4))
        })
    }

    /// What rules found that are told to refuse nothing: why, where, and the value.
    pub(super) fn only_detected(&self) -> Option<(String, String, String)> {
        self.with(|state| {
            state.running.with_dependent(|_, transaction| {
                transaction.only_detects().then(|| evidence::detected(transaction.verdict())).flatten()
            })
        })
    }

    /// After how many bytes the body was not looked at any more, when it was longer.
    pub(super) fn left_out(&self) -> Option<usize> {
        self.with(|state| state.left_out_after)
    }
}

impl State {
    fn body_end(&mut self) -> Option<Box<Denial>> {
        if std::mem::replace(&mut self.body_judged, true) {
            return None;
        }
        self.running.with_dependent_mut(|_, transaction| {
            transaction.request_body_end();
        });
        self.denial(2..=2)
    }

    fn denial(&self, phases: RangeInclusive<u8>) -> Option<Box<Denial>> {
        self.running.with_dependent(|_, transaction| evidence::denial(transaction.verdict(), &phases, &self.path))
    }
}

fn feed_head(transaction: &mut Transaction<'_>, request: &Request) {
    let port = match request.scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, request.port.unwrap_or(port)));
    transaction.connection(SocketAddr::new(request.client, 0), server, &request.id.to_string());
    transaction.request_line(request.method.as_str().as_bytes(), request.target.as_str().as_bytes(), version(request.version));
    if !request.headers.contains_key(header::HOST) && !request.host.is_empty() {
        transaction.request_header(b"host", request.host.as_bytes());
    }
    feed_headers(transaction, &request.headers);
    // The reader takes away how the body came; rules take a POST without either field for a fault.
    if request.has_body && request.version == Version::HTTP_11 && !request.headers.contains_key(header::CONTENT_LENGTH) {
        transaction.request_header(header::TRANSFER_ENCODING.as_str().as_bytes(), b"chunked");
    }
    transaction.request_head();
}

fn feed_headers(transaction: &mut Transaction<'_>, headers: &HeaderMap) {
    for (name, value) in headers {
        transaction.request_header(name.as_str().as_bytes(), value.as_bytes());
    }
}

fn version(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_10 => b"HTTP/1.0",
        Version::HTTP_2 => b"HTTP/2.0",
        _ => b"HTTP/1.1",
    }
}
