//! From a received head to a decision.

use super::{
    Engine, Exchange, Finish, Halt, Instead, Moment, Outgoing, Permit, RequestBody, Unread, apply, asker,
    body::{Late, Watch},
    finding_of,
};
use crate::{
    exchange::{Connection, Notes, Received, Request, Scheme},
    layers::{Body, Denial, Facts, Layer, Settings, Verdict, response},
    policy::{LayerName, Mode, Modes, Recorded, Route},
    record::{Action, ReferenceId},
    store::{Answer, Ask},
    traffic::Sent,
};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::{net::IpAddr, time::Duration};

/// After the head was read.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one an exchange, on the stack, moved once")]
pub enum Step {
    /// Stored state must be asked; with no asks, `decide(&[])` at once.
    Ask(Pending),
    /// It is answered already.
    Respond(Outgoing),
}

/// After the decision.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one an exchange, on the stack, moved once")]
pub enum Decision {
    /// It may go to the app.
    Forward(Permit, RequestBody, Exchange),
    /// It is answered instead.
    Respond(Outgoing),
    /// It is answered by a layer that must see its body first.
    Collect(Collecting),
    /// The beginning of its body must be seen before the app gets anything.
    Inspect(Inspecting),
    /// It has to wait.
    Delay(Delayed),
}

/// A request that has to wait before it is judged any further.
#[derive(Debug)]
pub struct Delayed {
    pending: Pending,
    answers: Vec<Answer>,
    /// How many layers of the admission have judged it.
    judged: usize,
    watches: Vec<Watch>,
    time: Duration,
}

impl Delayed {
    /// Whose request it is.
    #[must_use]
    pub const fn client(&self) -> IpAddr {
        self.pending.request.client
    }

    /// How long. A host that cannot wait lets one through in that time, and refuses the rest.
    #[must_use]
    pub const fn time(&self) -> Duration {
        self.time
    }

    /// Judges it to the end.
    #[must_use]
    pub fn go_on(self) -> Decision {
        self.pending.judge(&self.answers, self.judged, self.watches)
    }

    /// Answers instead, because too many wait already.
    #[must_use]
    pub fn refuse(self) -> Outgoing {
        let Pending { engine, request, moment, .. } = self.pending;
        Exchange::new(engine, request, moment, Late::default()).fail(LayerName::Response, response::crowded(self.time))
    }

    /// What is left to do when the client went away meanwhile.
    #[must_use]
    pub fn abandon(self) -> Finish {
        let Pending { engine, request, moment, .. } = self.pending;
        Exchange::new(engine, request, moment, Late::default()).abandon()
    }
}

/// A request whose head may pass, and whose body is judged: the beginning now, the rest as it passes.
#[derive(Debug)]
pub struct Inspecting {
    engine: Engine,
    request: Box<Request>,
    moment: Moment,
    body: RequestBody,
}

/// A request that a layer answers itself once it has seen the body, such as a browser's report.
#[derive(Debug)]
pub struct Collecting {
    engine: Engine,
    request: Box<Request>,
    moment: Moment,
    layer: LayerName,
    mode: Mode,
    bytes_max: usize,
}

/// A request that waits for the answers of stored state.
#[derive(Debug)]
pub struct Pending {
    engine: Engine,
    request: Box<Request>,
    moment: Moment,
    modes: Modes,
    asks: Vec<Ask>,
    /// How many of the asks each layer of the admission posed.
    counts: [u8; 8],
}

impl Engine {
    /// Reads a request head, judges what can be judged from it alone, and says what must be asked.
    #[must_use]
    pub fn receive(&self, received: Received, connection: Connection, moment: Moment) -> Step {
        let sent = self.keep(&received, &connection);
        let mut request = match self.read(received, connection, moment) {
            Ok(request) => request,
            Err(outgoing) => return Step::Respond(outgoing.of(sent)),
        };
        request.sent = sent;
        let policy = self.policy();
        request.route = policy.routes.find(&request.method, request.target.decoded_path());
        let route = request.route.and_then(|id| policy.routes.get(id));
        let modes = route.map_or(policy.modes, |route| route.modes);
        let id = moment.entropy.reference();
        for layer in policy.layers.arrival() {
            if let Some(Halt::Instead(instead)) = judge(layer, &mut request, route, modes, &[], id) {
                return Step::Respond(self.respond(request, moment, instead));
            }
        }
        let (asks, counts) = asks(&policy.layers, &request, route, modes);
        Step::Ask(Pending { engine: self.clone(), request, moment, modes, asks, counts })
    }

    /// The request as it came, where the policy may have it recorded.
    fn keep(&self, received: &Received, connection: &Connection) -> Option<Box<Sent>> {
        let policy = self.policy();
        (policy.record.requests != Recorded::Off).then(|| {
            let client = asker::client(policy, connection, &received.headers);
            let scheme = asker::scheme(policy, connection, &received.headers);
            Sent::new(policy.record, received, connection, client, scheme)
        })
    }

    #[allow(clippy::result_large_err, reason = "one an exchange, on the stack, moved once")]
    fn read(&self, received: Received, connection: Connection, moment: Moment) -> Result<Box<Request>, Outgoing> {
        let policy = self.policy();
        let mode = policy.modes.get(LayerName::Protocol);
        let unread = Unread { connection: &connection, authority: received.authority.as_deref(), headers: &received.headers };
        let refuse = |denial| self.refuse_unread(&unread, moment, LayerName::Protocol, denial);
        let (target, odd_target) = policy.layers.protocol.read_target(&received.target, mode).map_err(refuse)?;
        let (authority, odd_host) =
            asker::authority(policy, &connection, unread.authority, &received.headers, mode).map_err(refuse)?;
        let mut notes = Notes::new();
        for denial in odd_target.into_iter().chain(odd_host) {
            notes.add(finding_of(LayerName::Protocol, Mode::Report, Action::Refuse, &denial));
        }
        let scheme = asker::scheme(policy, &connection, &received.headers);
        Ok(Box::new(Request {
            id: moment.entropy.reference(),
            client: asker::client(policy, &connection, &received.headers),
            method: received.method,
            target,
            headers: received.headers,
            version: received.version,
            has_body: received.has_body,
            scheme,
            host: authority.host,
            port: authority.port.or_else(|| policy.listen.public_port.filter(|_| scheme == Scheme::Https)),
            connection,
            route: None,
            facts: Facts::default(),
            nonce: if policy.layers.headers.uses_nonce() { nonce_of(moment) } else { String::new() },
            notes,
            sent: None,
        }))
    }

    fn respond(&self, request: Box<Request>, moment: Moment, instead: Instead) -> Outgoing {
        Exchange::new(self.clone(), request, moment, Late::default()).instead(instead.status, instead.headers, instead.body)
    }
}

impl Pending {
    /// What must be asked of stored state, in one batch.
    #[must_use]
    pub fn asks(&self) -> &[Ask] {
        &self.asks
    }

    /// Judges with the answers, which stand in the order of the asks. An answer that is missing counts as unavailable.
    #[must_use]
    pub fn decide(self, answers: &[Answer]) -> Decision {
        // First, so that it sees what the others refuse.
        let watches = Vec::from_iter(self.request.sent.as_ref().filter(|_| self.request.has_body).map(|sent| Watch {
            layer: LayerName::AuditLog,
            mode: Mode::Enforce,
            inspector: sent.copier(),
        }));
        self.judge(answers, 0, watches)
    }

    /// Asks the layers of the admission from the one at `first` on. What the earlier ones watch stands in `watches`.
    fn judge(mut self, answers: &[Answer], first: usize, mut watches: Vec<Watch>) -> Decision {
        let policy = self.engine.policy().clone();
        let route = self.request.route.and_then(|id| policy.routes.get(id));
        let id = self.moment.entropy.reference();
        let mut rest = answers;
        for (i, (layer, count)) in policy.layers.admission().into_iter().zip(self.counts).enumerate() {
            let (own, others) = rest.split_at_checked(usize::from(count)).unwrap_or((rest, &[]));
            rest = others;
            if i < first {
                continue;
            }
            let name = layer.name();
            let mode = layer.mode(self.modes.get(name));
            match judge(layer, &mut self.request, route, self.modes, own, id) {
                None => {}
                Some(Halt::Inspect(inspector)) => watches.push(Watch { layer: name, mode, inspector }),
                Some(Halt::Delay(time, inspector)) => {
                    watches.extend(inspector.map(|inspector| Watch { layer: name, mode, inspector }));
                    return Decision::Delay(Delayed { pending: self, answers: answers.to_vec(), judged: i + 1, watches, time });
                }
                Some(Halt::Instead(instead)) => {
                    return Decision::Respond(self.engine.respond(self.request, self.moment, instead));
                }
                Some(Halt::Collect(bytes_max)) => {
                    let Self { engine, request, moment, .. } = self;
                    return Decision::Collect(Collecting { engine, request, moment, layer: name, mode, bytes_max });
                }
            }
        }
        let Self { engine, request, moment, modes, .. } = self;
        let inspect = !watches.is_empty();
        let body = RequestBody::new(policy.layers.protocol.body_bytes_max(route), modes, watches);
        let inspecting = Inspecting { engine, request, moment, body };
        if inspect { Decision::Inspect(inspecting) } else { inspecting.forward() }
    }
}

impl Inspecting {
    /// How many bytes of the body must be seen, at most. A host may read a little more than that, and hands over all it read.
    #[must_use]
    pub fn window(&self) -> usize {
        self.body.window()
    }

    /// Whom the request is judged for.
    #[must_use]
    pub fn client(&self) -> IpAddr {
        self.request.client
    }

    /// Judges a length that was declared, before a byte is read.
    ///
    /// # Errors
    /// The refusal, when it is more than the policy allows: to be given to [`fail`](Self::fail).
    pub fn declared(&mut self, bytes: u64) -> Result<(), Box<Denial>> {
        self.body.declared(bytes)
    }

    /// Judges the beginning of the body. What the host has read passes through [`RequestBody::piece`] like the rest.
    #[must_use]
    pub fn begin(mut self, bytes: &[u8], whole: bool) -> Decision {
        match self.body.begin(bytes, whole) {
            Ok(()) => self.forward(),
            Err(denial) => Decision::Respond(self.fail(denial)),
        }
    }

    /// Answers for a body that was refused before its beginning was seen: it is too large, malformed, or too slow.
    #[must_use]
    pub fn fail(self, denial: Box<Denial>) -> Outgoing {
        Exchange::new(self.engine, self.request, self.moment, self.body.late()).fail(LayerName::Protocol, denial)
    }

    /// What is left to do when the client went away meanwhile.
    #[must_use]
    pub fn abandon(self) -> Finish {
        Exchange::new(self.engine, self.request, self.moment, self.body.late()).abandon()
    }

    fn forward(self) -> Decision {
        let Self { engine, mut request, moment, body } = self;
        let policy = engine.policy();
        let route = request.route.and_then(|id| policy.routes.get(id));
        let permit = Permit::new(policy, &mut request, route);
        let late = body.late();
        Decision::Forward(permit, body, Exchange::new(engine, request, moment, late))
    }
}

impl Collecting {
    /// How many bytes of the body the layer wants to see, at most. A host reads no more, gives what came before the
    /// deadline, and throws the rest away.
    #[must_use]
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The layer's answer, with the body or as much of it as was asked for.
    #[must_use]
    pub fn body(self, bytes: &[u8], whole: bool) -> Outgoing {
        let Self { engine, mut request, moment, layer, mode, .. } = self;
        request.notes.layer = layer;
        request.notes.mode = mode;
        let layers = &engine.policy().layers;
        let asked = layers.admission().into_iter().find(|one| one.name() == layer);
        let verdict = asked.map_or(Verdict::Pass, |layer| layer.collected(&mut request, Body { bytes, whole }));
        let json = request.wants_json();
        let instead = match apply(&mut request.notes, verdict, moment.entropy.reference(), json) {
            Some(Halt::Instead(instead)) => instead,
            _ => Instead { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Bytes::new() },
        };
        engine.respond(request, moment, instead)
    }
}

fn judge(
    layer: &dyn Layer,
    request: &mut Request,
    route: Option<&Route>,
    modes: Modes,
    answers: &[Answer],
    id: ReferenceId,
) -> Option<Halt> {
    let mode = layer.mode(modes.get(layer.name()));
    if mode == Mode::Off {
        return None;
    }
    request.notes.layer = layer.name();
    request.notes.mode = mode;
    let verdict = layer.judge(request, route, answers);
    if mode == Mode::Report {
        request.facts.forget(layer.name());
    }
    let json = !matches!(verdict, Verdict::Pass) && request.wants_json();
    apply(&mut request.notes, verdict, id, json)
}

fn asks(layers: &Settings, request: &Request, route: Option<&Route>, modes: Modes) -> (Vec<Ask>, [u8; 8]) {
    let mut asks = Vec::with_capacity(8);
    let counts = layers.admission().map(|layer| {
        let before = asks.len();
        if layer.mode(modes.get(layer.name())) != Mode::Off {
            layer.ask(request, route, &mut asks);
        }
        u8::try_from(asks.len() - before).unwrap_or(u8::MAX)
    });
    (asks, counts)
}

fn nonce_of(moment: Moment) -> String {
    BASE64_STANDARD_NO_PAD.encode(moment.entropy.nonce())
}
