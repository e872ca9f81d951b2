//! The phases of an exchange, each a type that is turned into the next:
//!
//! ```text
//! Received ──Engine::receive──▶ Pending (asks) ──decide──▶ Permit + Exchange ──response──▶ Held ──body──▶ Outgoing ──▶ Record
//!                 └────────────────┴──▶ Outgoing (our own answer, some after ──body──)  └─────────────▶ Outgoing
//! ```
//!
//! Forwarding takes a [`Permit`] by value, and only this module can make one: a host that forwards without a decision
//! does not compile.

mod asker;
mod body;
mod forward;
mod inbound;
mod outbound;

pub use body::RequestBody;
pub use forward::{Forwarded, Permit};
pub use inbound::{Collecting, Decision, Delayed, Inspecting, Pending, Step};
pub use outbound::{Exchange, Finish, Held, Outgoing, Payload, ResponseStep, client_gone};

use crate::{
    exchange::{Connection, Entropy, Notes, Request},
    layers::{Denial, Facts, Inspector, Reply, Verdict},
    policy::{LayerName, Mode, Policy},
    record::{Action, Finding, Record, ReferenceId},
    target::Target,
};
use body::Late;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use std::{sync::Arc, time::Duration};

/// Decides, by one policy. Cheap to clone; a request keeps the one it began with.
#[derive(Debug, Clone)]
pub struct Engine {
    policy: Arc<Policy>,
}

/// When an exchange began and what chance it was given: what the engine would otherwise ask the system for.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Milliseconds since 1970, UTC.
    pub now_ms: u64,
    /// Random bytes for this exchange alone.
    pub entropy: Entropy,
}

impl Engine {
    /// An engine for a policy.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Self {
        Self { policy }
    }

    /// The policy it decides by.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Refuses what could not even be read as a request: a host calls it for what its own parser found, and the answer
    /// is dressed, numbered and recorded like any other.
    #[must_use]
    pub fn refuse_unreadable(&self, connection: &Connection, moment: Moment, layer: LayerName, denial: Box<Denial>) -> Outgoing {
        self.refuse_unread(&Unread { connection, authority: None, headers: &HeaderMap::new() }, moment, layer, denial)
    }

    fn refuse_unread(&self, unread: &Unread<'_>, moment: Moment, layer: LayerName, denial: Box<Denial>) -> Outgoing {
        let id = moment.entropy.reference();
        let finding = finding_of(layer, Mode::Enforce, Action::Refuse, &denial);
        let (mut headers, body) = crate::page::page(denial.status, denial.say, id, false, denial.form.as_ref());
        headers.extend(denial.headers);
        let request = unread.stand_in(&self.policy);
        let record = Record {
            id: id.to_string(),
            time_ms: moment.now_ms,
            client: request.client.to_string(),
            method: String::new(),
            host: String::new(),
            path: String::new(),
            status: denial.status.as_u16(),
            app_status: None,
            took_ms: 0,
            findings: vec![finding],
            original: None,
        };
        let wanted = self.policy.layers.audit_log.wants(self.policy.modes, &record.findings);
        Exchange::new(self.clone(), Box::new(request), moment, Late::default())
            .instead(denial.status, headers, body)
            .unread(record, wanted)
    }
}

/// What is known of a request that could not be read.
struct Unread<'a> {
    connection: &'a Connection,
    authority: Option<&'a str>,
    headers: &'a HeaderMap,
}

impl Unread<'_> {
    /// A request in its place, so that the layers dress the refusal as they dress every other.
    fn stand_in(&self, policy: &Policy) -> Request {
        let &Self { connection, authority, headers } = self;
        let sni = || connection.tls.as_ref().and_then(|tls| tls.sni.as_deref()).unwrap_or_default().to_ascii_lowercase();
        let read = asker::authority(policy, connection, authority, headers, Mode::Enforce);
        Request {
            id: ReferenceId::new(0),
            client: asker::client(policy, connection, headers),
            method: Method::GET,
            target: Target::root(),
            headers: HeaderMap::new(),
            version: Version::HTTP_11,
            has_body: false,
            scheme: asker::scheme(policy, connection, headers),
            host: read.map_or_else(|_| sni(), |(authority, _)| authority.host),
            port: None,
            connection: connection.clone(),
            route: None,
            facts: Facts::default(),
            nonce: String::new(),
            notes: Notes::new(),
            sent: None,
        }
    }
}

fn finding_of(layer: LayerName, mode: Mode, action: Action, denial: &Denial) -> Finding {
    Finding {
        layer,
        rule: denial.rule.into(),
        mode,
        action,
        why: denial.why.clone(),
        part: denial.part.clone(),
        value: denial.value.clone(),
        transformations: denial.transformations.clone(),
        allow: denial.allow.clone(),
    }
}

/// What is answered instead of the app.
#[derive(Debug)]
struct Instead {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// What a layer wants done, other than to go on to the next.
#[derive(Debug)]
enum Halt {
    /// This is answered.
    Instead(Instead),
    /// The layer answers when it has seen this many bytes of the body, at most.
    Collect(usize),
    /// The request goes on, and its body is read along.
    Inspect(Box<dyn Inspector>),
    /// The request goes on when so long has passed, and its body may be read along.
    Delay(Duration, Option<Box<dyn Inspector>>),
}

/// Applies the mode of a layer to its verdict: the only place where `report` differs from `enforce`.
fn apply(notes: &mut Notes, verdict: Verdict, id: ReferenceId, json: bool) -> Option<Halt> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Refuse(denial) => {
            notes.add(finding_of(notes.layer, notes.mode, Action::Refuse, &denial));
            if notes.mode == Mode::Report {
                return None;
            }
            let (mut headers, body) = crate::page::page(denial.status, denial.say, id, json, denial.form.as_ref());
            headers.extend(denial.headers);
            Some(Halt::Instead(Instead { status: denial.status, headers, body }))
        }
        Verdict::Answer(reply) if notes.mode == Mode::Report => {
            notes.add(answered(notes.layer, notes.mode, &reply));
            None
        }
        Verdict::Collect(_) if notes.mode == Mode::Report => None,
        Verdict::Collect(bytes_max) => Some(Halt::Collect(bytes_max)),
        Verdict::Inspect(inspector) => Some(Halt::Inspect(inspector)),
        Verdict::Delay(_, inspector) if notes.mode == Mode::Report => inspector.map(Halt::Inspect),
        Verdict::Delay(time, inspector) => Some(Halt::Delay(time, inspector)),
        Verdict::Answer(reply) => {
            notes.add(answered(notes.layer, notes.mode, &reply));
            Some(Halt::Instead(Instead { status: reply.status, headers: reply.headers, body: reply.body }))
        }
    }
}

fn answered(layer: LayerName, mode: Mode, reply: &Reply) -> Finding {
    Finding {
        layer,
        rule: reply.rule.into(),
        mode,
        action: reply.action,
        why: "".into(),
        part: "status".to_owned(),
        value: reply.status.as_u16().to_string(),
        transformations: Vec::new(),
        allow: String::new(),
    }
}
