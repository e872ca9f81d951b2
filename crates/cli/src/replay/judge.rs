//! One policy and its judgement of one request: the engine that serves, with recorded time as the clock.

use super::asked::{Asked, AskedBody};
use gambeson_core::{
    engine::{Decision, Engine, Exchange, Finish, Inspecting, Moment, RequestBody, ResponseStep, Step},
    exchange::{Entropy, ResponseHead},
    policy::{LayerName, Policy},
    record::{Action, Finding},
    sanction::{Reach, Rung, Sanction},
    store::{Answer, Ask, Subject, Taken},
};
use gambeson_store::{buckets::Buckets, metrics::Metrics, sanctions::Sanctions, traffic::Stopped};
use http::{HeaderMap, StatusCode};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::Arc,
    time::Duration,
};

/// Clients whose limits are counted at a time.
const KEYS_MAX: usize = 1 << 18;

/// A policy that judges, with counts of its own.
pub(super) struct Side {
    engine: Engine,
    buckets: Buckets,
    sanctions: Sanctions,
    /// Who would be refused by now, and until when: what they send counts no more.
    shut_out: RefCell<HashMap<Subject, u64>>,
    /// Requests are recorded when they end, so their times are not quite in order; the buckets' clock never runs backwards.
    now_ms: Cell<u64>,
}

impl Side {
    pub(super) fn new(policy: Policy) -> std::io::Result<Self> {
        let metrics = Arc::new(Metrics::default());
        Ok(Self {
            engine: Engine::new(Arc::new(policy)),
            buckets: Buckets::new(KEYS_MAX, metrics.clone()),
            sanctions: Sanctions::in_memory(metrics)?,
            shut_out: RefCell::default(),
            now_ms: Cell::new(0),
        })
    }

    pub(super) fn policy(&self) -> &Policy {
        self.engine.policy()
    }

    /// What would keep the request from the app.
    pub(super) fn judge(&self, asked: &Asked) -> Option<Stopped> {
        stops(&self.finish(asked))
    }

    /// The same of one that was recorded, and the sanctions that would follow now.
    pub(super) fn judge_and_count(&self, asked: &Asked) -> (Option<Stopped>, Vec<Sanction>) {
        let finish = self.finish(asked);
        let now_ms = self.now_ms.get();
        let mut shut_out = self.shut_out.borrow_mut();
        let mut sanctions = Vec::new();
        for charge in finish.charges() {
            // All that is recorded of a session is how long its name is.
            let is_known = !matches!(charge.subject, Subject::Session(_));
            let is_in = shut_out.get(&charge.subject).is_none_or(|until_ms| *until_ms <= now_ms);
            let sanction = if is_known && is_in { self.sanctions.charge(&charge, now_ms) } else { None };
            sanctions.extend(sanction);
        }
        for sanction in sanctions.iter().filter(|one| one.rung >= Rung::Block && one.reach == Reach::All) {
            if shut_out.len() < KEYS_MAX {
                shut_out.insert(sanction.subject, sanction.until_ms);
            }
        }
        (stops(&finish), sanctions)
    }

    fn finish(&self, asked: &Asked) -> Finish {
        self.now_ms.set(self.now_ms.get().max(asked.time_ms));
        let moment = Moment { now_ms: asked.time_ms, entropy: Entropy([0; 24]) };
        match self.engine.receive(asked.received(), asked.connection(), moment) {
            Step::Respond(outgoing) => outgoing.finish,
            Step::Ask(pending) => {
                let answers: Vec<Answer> = pending.asks().iter().map(|ask| self.answer(ask, asked)).collect();
                decided(pending.decide(&answers), asked)
            }
        }
    }

    fn answer(&self, ask: &Ask, asked: &Asked) -> Answer {
        match ask {
            Ask::Take { key, rate } if asked.limits => Answer::Taken(self.buckets.take(key, *rate, self.now_ms.get())),
            Ask::Take { .. } => {
                let none = Duration::ZERO;
                Answer::Taken(Taken { allowed: true, remaining: 1, reset_after: none, retry_after: none })
            }
            // Who would be challenged may have passed: sanctions are counted, and change no verdict.
            Ask::Standing { .. } => Answer::Standing(None),
        }
    }
}

/// What keeps the request from the app.
fn stops(finish: &Finish) -> Option<Stopped> {
    finish.findings().find(|finding| finding.stops()).map(|finding| stopped(&finding))
}

/// What is recorded of a finding.
fn stopped(finding: &Finding) -> Stopped {
    let Finding { layer, rule, action, part, .. } = finding;
    Stopped { layer: *layer, rule: rule.to_string(), action: *action, part: part.clone() }
}

fn decided(decision: Decision, asked: &Asked) -> Finish {
    let none = AskedBody { whole: true, ..AskedBody::default() };
    let body = asked.body.as_ref().unwrap_or(&none);
    match decision {
        Decision::Respond(outgoing) => outgoing.finish,
        Decision::Delay(delayed) => decided(delayed.go_on(), asked),
        Decision::Collect(collecting) => collecting.body(&body.bytes, body.whole).finish,
        Decision::Inspect(inspecting) => inspected(inspecting, body, asked.answered),
        Decision::Forward(_, passing, exchange) => streamed(passing, exchange, body, asked.answered),
    }
}

fn inspected(mut inspecting: Inspecting, body: &AskedBody, answered: Option<StatusCode>) -> Finish {
    if let Err(denial) = inspecting.declared(body.seen) {
        return inspecting.fail(denial).finish;
    }
    let window = body.bytes.len().min(inspecting.window());
    let beginning = body.bytes.get(..window).unwrap_or_default();
    match inspecting.begin(beginning, body.whole && window == body.bytes.len()) {
        Decision::Forward(_, passing, exchange) => streamed(passing, exchange, body, answered),
        Decision::Respond(outgoing) => outgoing.finish,
        Decision::Collect(collecting) => collecting.body(&body.bytes, body.whole).finish,
        Decision::Inspect(inspecting) => inspecting.abandon(),
        Decision::Delay(delayed) => delayed.abandon(),
    }
}

/// The body on its way to an app that is not there; what it answered then is recorded as its status.
fn streamed(mut passing: RequestBody, exchange: Exchange, body: &AskedBody, answered: Option<StatusCode>) -> Finish {
    let end = |passing: &mut RequestBody| if body.whole { passing.end() } else { Ok(()) };
    match passing.piece(&body.bytes).and_then(|()| end(&mut passing)) {
        Ok(()) => {
            let Some(status) = answered else { return exchange.abandon() };
            match exchange.response(ResponseHead { status, headers: HeaderMap::new() }) {
                ResponseStep::Send(outgoing) => outgoing.finish,
                ResponseStep::Hold(held) => held.body(b"", false).finish,
            }
        }
        Err(denial) => exchange.fail(LayerName::Protocol, denial).finish,
    }
}

/// `intrusion/sql.union`, `cors/preflight (answered)`.
pub(super) fn rule(stopped: &Stopped) -> String {
    let answered = if stopped.action == Action::Answer { " (answered)" } else { "" };
    format!("{}/{}{answered}", stopped.layer, stopped.rule)
}
