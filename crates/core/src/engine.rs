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
mod forward;
mod inbound;
mod outbound;

pub use forward::{Forwarded, Permit, RequestBody};
pub use inbound::{Collecting, Decision, Pending, Step};
pub use outbound::{Exchange, Finish, Held, Outgoing, Payload, ResponseStep, client_gone};

use crate::{
    exchange::{Connection, Entropy, Notes},
    layers::{Denial, Reply, Verdict},
    policy::{LayerName, Mode, Policy},
    record::{Action, Finding, Record, ReferenceId},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;

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
        let id = moment.entropy.reference();
        let finding = finding_of(layer, Mode::Enforce, Action::Refuse, &denial);
        let (mut headers, body) = crate::page::page(denial.status, denial.say, id, false);
        headers.extend(denial.headers);
        let record = Record {
            id: id.to_string(),
            time_ms: moment.now_ms,
            client: connection.peer.to_string(),
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
        Outgoing::unread(denial.status, headers, body, id, record, wanted)
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

/// Why a request does not go on to the next layer.
#[derive(Debug)]
enum Halt {
    /// This is answered.
    Instead(Instead),
    /// The layer answers when it has seen this many bytes of the body, at most.
    Collect(usize),
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
            let (mut headers, body) = crate::page::page(denial.status, denial.say, id, json);
            headers.extend(denial.headers);
            Some(Halt::Instead(Instead { status: denial.status, headers, body }))
        }
        Verdict::Answer(_) | Verdict::Collect(_) if notes.mode == Mode::Report => None,
        Verdict::Collect(bytes_max) => Some(Halt::Collect(bytes_max)),
        Verdict::Answer(reply) => {
            notes.add(answered(notes.layer, &reply));
            Some(Halt::Instead(Instead { status: reply.status, headers: reply.headers, body: reply.body }))
        }
    }
}

fn answered(layer: LayerName, reply: &Reply) -> Finding {
    Finding {
        layer,
        rule: reply.rule.into(),
        mode: Mode::Enforce,
        action: reply.action,
        why: "".into(),
        part: String::new(),
        value: String::new(),
        transformations: Vec::new(),
        allow: String::new(),
    }
}
