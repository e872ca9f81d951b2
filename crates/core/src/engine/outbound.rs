//! From the app's answer, or our own, to what leaves and what is written down.

use super::{Engine, Halt, Moment, apply, body::Late, finding_of};
use crate::{
    exchange::{Notes, Request, Response, ResponseHead},
    layers::{Body, Denial, Ended, Layer, Outcome, Verdict},
    policy::{LayerName, Mode, Modes, Policy, Route},
    record::{Action, Finding, Record, ReferenceId, shown_path},
    sanction::Charge,
    traffic::{Sent, Traffic},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use std::borrow::Cow;

/// An exchange whose request was decided: it turns answers into what may leave.
#[derive(Debug)]
pub struct Exchange {
    engine: Engine,
    /// Boxed, since it passes through every phase by value.
    request: Box<Request>,
    moment: Moment,
    /// What was found of the request's body.
    late: Late,
}

/// After the answer's head.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one an exchange, on the stack, moved once")]
pub enum ResponseStep {
    /// Part of the body must be seen first.
    Hold(Held),
    /// The head may leave.
    Send(Outgoing),
}

/// An answer of which part of the body must be seen.
#[derive(Debug)]
pub struct Held {
    exchange: Exchange,
    head: ResponseHead,
    bytes_max: usize,
}

/// What leaves: a head, a body or leave to pass the app's, and what comes after.
#[derive(Debug)]
pub struct Outgoing {
    /// The head as it may be sent; framing is the sender's.
    pub head: ResponseHead,
    /// The body.
    pub payload: Payload,
    /// What is left to do when it was sent.
    pub finish: Finish,
}

/// Whose body leaves.
#[derive(Debug)]
pub enum Payload {
    /// The app's, as it comes.
    App,
    /// These bytes.
    Own(Bytes),
}

/// The record phase: what is written down when the answer was sent.
#[derive(Debug)]
pub struct Finish {
    id: ReferenceId,
    began_ms: u64,
    what: What,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one an exchange, on the stack, moved once")]
enum What {
    /// A request that could not be read.
    Unread { record: Box<Record>, wanted: bool, sent: Option<Box<Sent>>, stand_in: Option<Exchange> },
    /// An exchange; its record is made only if it is wanted.
    Exchange {
        exchange: Exchange,
        findings: Vec<Finding>,
        status: StatusCode,
        app_status: Option<StatusCode>,
        original: Option<String>,
    },
}

impl Finish {
    /// The exchange's reference id.
    #[must_use]
    pub const fn id(&self) -> ReferenceId {
        self.id
    }

    /// When the exchange began, in milliseconds since 1970.
    #[must_use]
    pub const fn began_ms(&self) -> u64 {
        self.began_ms
    }

    /// What the layers found, whether it is written down or not: to be counted.
    pub fn findings(&self) -> impl Iterator<Item = Cow<'_, Finding>> {
        let (findings, late) = match &self.what {
            What::Unread { record, .. } => (&record.findings, Vec::new()),
            What::Exchange { findings, exchange, .. } => (findings, exchange.late.all()),
        };
        findings.iter().map(Cow::Borrowed).chain(late.into_iter().map(Cow::Owned))
    }

    /// What it counts against its client, now that it is over.
    #[must_use]
    pub fn charges(&self) -> Vec<Charge> {
        let mut charges = Vec::new();
        let (exchange, findings, status, app_status) = match &self.what {
            What::Exchange { exchange, findings, status, app_status, .. } => (exchange, findings, *status, *app_status),
            What::Unread { stand_in: Some(exchange), record, .. } => {
                (exchange, &record.findings, StatusCode::from_u16(record.status).unwrap_or_default(), None)
            }
            What::Unread { stand_in: None, .. } => return charges,
        };
        let policy = exchange.engine.policy();
        let layer = &policy.layers.response;
        let mode = layer.mode(modes(policy, &exchange.request).get(layer.name()));
        if mode == Mode::Off {
            return charges;
        }
        let late = exchange.late.all();
        let all = if late.is_empty() { Cow::Borrowed(findings) } else { Cow::Owned([findings.as_slice(), &late].concat()) };
        let request = &*exchange.request;
        layer.charge(&Ended { request, status, app_status, findings: &all, is_report: mode == Mode::Report }, &mut charges);
        charges
    }

    /// Notes that the answer broke off after its head had left, when nothing can be answered any more.
    #[must_use]
    pub fn broken_off(mut self, denial: &Denial) -> Self {
        if let What::Exchange { findings, .. } = &mut self.what {
            findings.push(finding_of(LayerName::Protocol, Mode::Enforce, Action::Note, denial));
        }
        self
    }

    /// The request as it came, once, if it is to be recorded.
    #[must_use]
    pub fn traffic(&mut self) -> Option<Traffic> {
        let (sent, status) = match &mut self.what {
            What::Unread { record, sent, .. } => (sent.take()?, StatusCode::from_u16(record.status).unwrap_or_default()),
            What::Exchange { exchange, status, .. } => (exchange.request.sent.take()?, *status),
        };
        let findings: Vec<Finding> = self.findings().map(Cow::into_owned).collect();
        sent.ended(self.id.to_string(), self.began_ms, status, &findings)
    }

    /// What to write down, if anything: `took_ms` is how long the exchange took.
    #[must_use]
    pub fn record(self, took_ms: u64) -> Option<Box<Record>> {
        self.is_logged().then(|| self.whole_record(took_ms))
    }

    /// Whether the policy has it written down.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        match &self.what {
            What::Unread { wanted, .. } => *wanted,
            What::Exchange { exchange, .. } => {
                let (policy, findings) = (exchange.engine.policy(), self.findings().map(Cow::into_owned).collect::<Vec<_>>());
                policy.layers.audit_log.wants(modes(policy, &exchange.request), &findings)
            }
        }
    }

    /// What there is to tell of it, whether it is written down or not.
    #[must_use]
    pub fn whole_record(self, took_ms: u64) -> Box<Record> {
        match self.what {
            What::Unread { record, .. } => record,
            What::Exchange { exchange, mut findings, status, app_status, original } => {
                findings.extend(exchange.late.all());
                Box::new(Record { took_ms, ..exchange.record(status, app_status, findings, original) })
            }
        }
    }
}

impl Outgoing {
    /// The same answer, to a request that could not be read: this is what is written down of it.
    pub(super) fn unread(mut self, record: Record, wanted: bool) -> Self {
        let stand_in = match self.finish.what {
            What::Exchange { exchange, .. } => Some(exchange),
            What::Unread { stand_in, .. } => stand_in,
        };
        self.finish.what = What::Unread { record: Box::new(record), wanted, sent: None, stand_in };
        self
    }

    /// The same answer: this is the request that could not be read, as it came.
    pub(super) fn of(mut self, request: Option<Box<Sent>>) -> Self {
        if let What::Unread { sent, .. } = &mut self.finish.what {
            *sent = request;
        }
        self
    }
}

impl Exchange {
    pub(super) const fn new(engine: Engine, request: Box<Request>, moment: Moment, late: Late) -> Self {
        Self { engine, request, moment, late }
    }

    /// The exchange's reference id.
    #[must_use]
    pub fn id(&self) -> ReferenceId {
        self.moment.entropy.reference()
    }

    /// The request as it was judged.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Judges the app's answer.
    #[must_use]
    pub fn response(mut self, head: ResponseHead) -> ResponseStep {
        let policy = self.engine.policy().clone();
        let modes = modes(&policy, &self.request);
        let notes = std::mem::replace(&mut self.request.notes, Notes::new());
        let response = Response::new(head, true, notes);
        let active = policy.layers.departure().into_iter().filter(|layer| layer.mode(modes.get(layer.name())) != Mode::Off);
        let hold = active.filter_map(|layer| layer.hold(&self.request, &response)).max();
        let (head, notes) = response.into_parts();
        self.request.notes = notes;
        match hold {
            Some(bytes_max) => ResponseStep::Hold(Held { exchange: self, head, bytes_max }),
            None => ResponseStep::Send(self.depart(head, Payload::App, None, true)),
        }
    }

    /// Answers instead of the app.
    pub(super) fn instead(self, status: StatusCode, headers: HeaderMap, body: Bytes) -> Outgoing {
        self.depart(ResponseHead { status, headers }, Payload::Own(body), None, false)
    }

    /// Answers for the app when it cannot: it is down, hangs, or breaks off. A body that was refused ends here too.
    #[must_use]
    pub fn fail(mut self, layer: LayerName, denial: Box<Denial>) -> Outgoing {
        self.request.notes.layer = layer;
        self.request.notes.mode = Mode::Enforce;
        let (id, json, is_written) = (self.id(), self.request.wants_json(), denial.is_written);
        let before = self.request.notes.findings.len();
        let instead = apply(&mut self.request.notes, Verdict::Refuse(denial), id, json);
        if is_written {
            self.request.notes.findings.truncate(before);
        }
        match instead {
            Some(Halt::Instead(instead)) => self.instead(instead.status, instead.headers, instead.body),
            _ => self.instead(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new(), Bytes::new()),
        }
    }

    /// What is left to do when the client went away before anything was answered: what was found is written down all the same, or
    /// hanging up would be a way to leave no trace (CWE-778).
    #[must_use]
    pub fn abandon(mut self) -> Finish {
        let findings = std::mem::replace(&mut self.request.notes, Notes::new()).findings;
        let (id, began_ms) = (self.id(), self.moment.now_ms);
        let what = What::Exchange { exchange: self, findings, status: client_gone(), app_status: None, original: None };
        Finish { id, began_ms, what }
    }

    fn depart(mut self, head: ResponseHead, payload: Payload, body: Option<Body<'_>>, from_app: bool) -> Outgoing {
        let policy = self.engine.policy().clone();
        let route = self.request.route.and_then(|id| policy.routes.get(id));
        let modes = modes(&policy, &self.request);
        let app_status = head.status;
        let notes = std::mem::replace(&mut self.request.notes, Notes::new());
        let mut response = Response::new(head, from_app, notes);
        let mut payload = payload;
        let mut original = None;
        for layer in policy.layers.departure() {
            let Some(denial) = mend(layer, &self.request, route, modes, &mut response, body) else { continue };
            original = body.map(|body| policy.layers.disclosure.original(&self.request, &response, body.bytes));
            payload = Payload::Own(self.replace(&mut response, &denial));
        }
        let (head, notes) = response.into_parts();
        let (id, began_ms, status) = (self.id(), self.moment.now_ms, head.status);
        let app_status = from_app.then_some(app_status);
        let what = What::Exchange { exchange: self, findings: notes.findings, status, app_status, original };
        Outgoing { head, payload, finish: Finish { id, began_ms, what } }
    }

    /// Puts a clean page in the place of the app's body; the status stays.
    fn replace(&self, response: &mut Response, denial: &Denial) -> Bytes {
        for name in &OF_THE_BODY {
            response.remove(name);
        }
        let (headers, body) = crate::page::page(response.status, denial.say, self.id(), self.request.wants_json(), None);
        for (name, value) in &headers {
            response.set(name.clone(), value.clone());
        }
        response.from_app = false;
        body
    }

    fn record(
        &self,
        status: StatusCode,
        app_status: Option<StatusCode>,
        findings: Vec<Finding>,
        original: Option<String>,
    ) -> Record {
        let request = &self.request;
        Record {
            id: self.id().to_string(),
            time_ms: self.moment.now_ms,
            client: request.client.to_string(),
            method: request.method.to_string(),
            host: request.host.clone(),
            path: shown_path(request.target.path()),
            status: status.as_u16(),
            app_status: app_status.map(|status| status.as_u16()),
            took_ms: 0,
            findings,
            original,
        }
    }
}

/// What is written down in the place of a status that nobody was sent: 499, as nginx does.
#[must_use]
pub fn client_gone() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT)
}

/// Fields that say something of the body that is replaced.
const OF_THE_BODY: [HeaderName; 7] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::ETAG,
    header::LAST_MODIFIED,
    header::CONTENT_DISPOSITION,
];

impl Held {
    /// How many bytes of the body must be seen, at most.
    #[must_use]
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Judges the answer with its body, or as much of it as was asked for.
    ///
    /// With [`Payload::App`], the host sends the held bytes and then the rest.
    #[must_use]
    pub fn body(self, bytes: &[u8], whole: bool) -> Outgoing {
        self.exchange.depart(self.head, Payload::App, Some(Body { bytes, whole }), true)
    }

    /// What is left to do when the client went away meanwhile.
    #[must_use]
    pub fn abandon(self) -> Finish {
        self.exchange.abandon()
    }

    /// Answers for the app when it broke off before enough of its body was seen.
    #[must_use]
    pub fn fail(self, layer: LayerName, denial: Box<Denial>) -> Outgoing {
        self.exchange.fail(layer, denial)
    }
}

fn modes(policy: &Policy, request: &Request) -> Modes {
    request.route.and_then(|id| policy.routes.get(id)).map_or(policy.modes, |route| route.modes)
}

fn mend(
    layer: &dyn Layer,
    request: &Request,
    route: Option<&Route>,
    modes: Modes,
    response: &mut Response,
    body: Option<Body<'_>>,
) -> Option<Box<Denial>> {
    let mode = layer.mode(modes.get(layer.name()));
    if mode == Mode::Off {
        return None;
    }
    response.notes.layer = layer.name();
    response.notes.mode = mode;
    let Outcome::Replace(denial) = layer.mend(request, route, response, body) else { return None };
    response.notes.add(finding_of(layer.name(), mode, Action::Replace, &denial));
    (mode == Mode::Enforce).then_some(denial)
}
