//! From the app's answer, or our own, to what leaves and what is written down.

use super::{Engine, Halt, Moment, apply, finding_of};
use crate::{
    exchange::{Notes, Request, Response, ResponseHead},
    layers::{Body, Denial, Layer, Outcome, Verdict},
    policy::{LayerName, Mode, Modes, Policy, Route},
    record::{Action, Finding, Record, ReferenceId, shown_path},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};

/// An exchange whose request was decided: it turns answers into what may leave.
#[derive(Debug)]
pub struct Exchange {
    engine: Engine,
    request: Request,
    moment: Moment,
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
    record: Option<Box<Record>>,
    /// Whether the policy wants it written down.
    wanted: bool,
}

impl Finish {
    /// The exchange's reference id.
    #[must_use]
    pub const fn id(&self) -> ReferenceId {
        self.id
    }

    /// What the layers found, whether it is written down or not: to be counted.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.record.as_deref().map_or(&[], |record| &record.findings)
    }

    /// What to write down, if anything: `took_ms` is how long the exchange took.
    #[must_use]
    pub fn record(self, took_ms: u64) -> Option<Box<Record>> {
        self.record.filter(|_| self.wanted).map(|record| Box::new(Record { took_ms, ..*record }))
    }
}

impl Outgoing {
    pub(super) fn unread(status: StatusCode, headers: HeaderMap, body: Bytes, record: Record) -> Self {
        let finish = Finish { id: ReferenceId::new(0), record: Some(Box::new(record)), wanted: true };
        Self { head: ResponseHead { status, headers }, payload: Payload::Own(body), finish }
    }
}

impl Exchange {
    pub(super) const fn new(engine: Engine, request: Request, moment: Moment) -> Self {
        Self { engine, request, moment }
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
        let active = policy.layers.departure().into_iter().filter(|layer| modes.get(layer.name()) != Mode::Off);
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
        let (id, json) = (self.id(), self.request.wants_json());
        let instead = apply(&mut self.request.notes, Verdict::Refuse(denial), id, json);
        match instead {
            Some(Halt::Instead(instead)) => self.instead(instead.status, instead.headers, instead.body),
            _ => self.instead(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new(), Bytes::new()),
        }
    }

    /// Writes down what went wrong after the head had left, when nothing can be answered any more.
    #[must_use]
    pub fn broken_off(finish: Finish, record: Record) -> Finish {
        Finish { record: finish.record.filter(|_| finish.wanted).or_else(|| Some(Box::new(record))), wanted: true, ..finish }
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
        let wanted = policy.layers.audit_log.wants(policy.modes, &notes.findings);
        let record = self.record(head.status, from_app.then_some(app_status), notes, original);
        Outgoing { head, payload, finish: Finish { id: self.id(), record, wanted } }
    }

    /// Puts a clean page in the place of the app's body; the status stays.
    fn replace(&self, response: &mut Response, denial: &Denial) -> Bytes {
        for name in &OF_THE_BODY {
            response.remove(name);
        }
        let (headers, body) = crate::page::page(response.status, denial.say, self.id(), self.request.wants_json());
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
        notes: Notes,
        original: Option<String>,
    ) -> Option<Box<Record>> {
        if notes.findings.is_empty() {
            return None;
        }
        let request = &self.request;
        Some(Box::new(Record {
            id: self.id().to_string(),
            time_ms: self.moment.now_ms,
            client: request.client.to_string(),
            method: request.method.to_string(),
            host: request.host.clone(),
            path: shown_path(request.target.path()),
            status: status.as_u16(),
            app_status: app_status.map(|status| status.as_u16()),
            took_ms: 0,
            findings: notes.findings,
            original,
        }))
    }
}

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

    /// Answers for the app when it broke off before enough of its body was seen.
    #[must_use]
    pub fn fail(self, layer: LayerName, denial: Box<Denial>) -> Outgoing {
        self.exchange.fail(layer, denial)
    }
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
    let mode = modes.get(layer.name());
    if mode == Mode::Off {
        return None;
    }
    response.notes.layer = layer.name();
    response.notes.mode = mode;
    let Outcome::Replace(denial) = layer.mend(request, route, response, body) else { return None };
    response.notes.add(finding_of(layer.name(), mode, Action::Replace, &denial));
    (mode == Mode::Enforce).then_some(denial)
}
