//! One policy and its judgement of one request: the engine that serves, with recorded time as the clock.

use super::asked::{Asked, AskedBody};
use gambeson_core::{
    engine::{Decision, Engine, Exchange, Finish, Inspecting, Moment, RequestBody, Step},
    exchange::Entropy,
    policy::{LayerName, Policy},
    record::{Action, Finding},
    store::{Answer, Ask, Taken},
};
use gambeson_store::{buckets::Buckets, metrics::Metrics, traffic::Stopped};
use std::{cell::Cell, sync::Arc, time::Duration};

/// Clients whose limits are counted at a time.
const KEYS_MAX: usize = 1 << 18;

/// A policy that judges, with counts of its own.
pub(super) struct Side {
    engine: Engine,
    buckets: Buckets,
    /// Requests are recorded when they end, so their times are not quite in order; the buckets' clock never runs backwards.
    now_ms: Cell<u64>,
}

impl Side {
    pub(super) fn new(policy: Policy) -> Self {
        let buckets = Buckets::new(KEYS_MAX, Arc::new(Metrics::default()));
        Self { engine: Engine::new(Arc::new(policy)), buckets, now_ms: Cell::new(0) }
    }

    pub(super) fn policy(&self) -> &Policy {
        self.engine.policy()
    }

    /// What would keep the request from the app.
    pub(super) fn judge(&self, asked: &Asked) -> Option<Stopped> {
        let moment = Moment { now_ms: asked.time_ms, entropy: Entropy([0; 24]) };
        let finish = match self.engine.receive(asked.received(), asked.connection(), moment) {
            Step::Respond(outgoing) => outgoing.finish,
            Step::Ask(pending) => {
                let answers: Vec<Answer> = pending.asks().iter().map(|ask| self.answer(ask, asked)).collect();
                decided(pending.decide(&answers), asked.body.as_ref())
            }
        };
        finish.findings().find(|finding| finding.stops()).map(|finding| stopped(&finding))
    }

    fn answer(&self, ask: &Ask, asked: &Asked) -> Answer {
        self.now_ms.set(self.now_ms.get().max(asked.time_ms));
        match ask {
            Ask::Take { key, rate } if asked.limits => Answer::Taken(self.buckets.take(key, *rate, self.now_ms.get())),
            Ask::Take { .. } => {
                let none = Duration::ZERO;
                Answer::Taken(Taken { allowed: true, remaining: 1, reset_after: none, retry_after: none })
            }
            // Sanctions follow from answers, and there is no app that gives any.
            Ask::Standing { .. } => Answer::Standing(None),
        }
    }
}

/// What is recorded of a finding.
fn stopped(finding: &Finding) -> Stopped {
    let Finding { layer, rule, action, part, .. } = finding;
    Stopped { layer: *layer, rule: rule.to_string(), action: *action, part: part.clone() }
}

fn decided(decision: Decision, body: Option<&AskedBody>) -> Finish {
    let none = AskedBody { whole: true, ..AskedBody::default() };
    let body = body.unwrap_or(&none);
    match decision {
        Decision::Respond(outgoing) => outgoing.finish,
        Decision::Delay(delayed) => decided(delayed.go_on(), Some(body)),
        Decision::Collect(collecting) => collecting.body(&body.bytes, body.whole).finish,
        Decision::Inspect(inspecting) => inspected(inspecting, body),
        Decision::Forward(_, passing, exchange) => streamed(passing, exchange, body),
    }
}

fn inspected(mut inspecting: Inspecting, body: &AskedBody) -> Finish {
    if let Err(denial) = inspecting.declared(body.seen) {
        return inspecting.fail(denial).finish;
    }
    let window = body.bytes.len().min(inspecting.window());
    let beginning = body.bytes.get(..window).unwrap_or_default();
    match inspecting.begin(beginning, body.whole && window == body.bytes.len()) {
        Decision::Forward(_, passing, exchange) => streamed(passing, exchange, body),
        Decision::Respond(outgoing) => outgoing.finish,
        Decision::Collect(collecting) => collecting.body(&body.bytes, body.whole).finish,
        Decision::Inspect(inspecting) => inspecting.abandon(),
        Decision::Delay(delayed) => delayed.abandon(),
    }
}

/// The body on its way to an app that is not there.
fn streamed(mut passing: RequestBody, exchange: Exchange, body: &AskedBody) -> Finish {
    let end = |passing: &mut RequestBody| if body.whole { passing.end() } else { Ok(()) };
    match passing.piece(&body.bytes).and_then(|()| end(&mut passing)) {
        Ok(()) => exchange.abandon(),
        Err(denial) => exchange.fail(LayerName::Protocol, denial).finish,
    }
}

/// `intrusion/sql.union`, `cors/preflight (answered)`.
pub(super) fn rule(stopped: &Stopped) -> String {
    let answered = if stopped.action == Action::Answer { " (answered)" } else { "" };
    format!("{}/{}{answered}", stopped.layer, stopped.rule)
}
