//! One exchange before the rules: fed piece by piece, judged in phases.

mod body;
pub(crate) mod evaluate;
pub(crate) mod facts;
pub(crate) mod state;
mod verdict;

use crate::action::{Reach, Switch};
use crate::plan::Plan;
use crate::plan::scan::Hint;
use crate::rule::{Disruption, Rule, RuleSet};
use crate::variable::Variable;
use evaluate::Run;
use facts::{Facts, Line, Table};
use state::State;
use std::borrow::Cow;
use std::net::SocketAddr;
pub use verdict::{Interruption, Match, Refusal, Verdict};

/// Matches that one exchange keeps.
const MATCHES_MAX: usize = 1024;

/// An exchange before the rules. The host feeds what has come and then closes a phase; each closing says whether the exchange ends.
#[derive(Debug)]
pub struct Transaction<'r> {
    rules: &'r RuleSet,
    plan: &'r Plan,
    facts: Facts,
    state: State<'r>,
    verdict: Verdict,
    /// Set by `allow`: phases up to this one are not judged any more.
    allowed: u8,
}

impl<'r> Transaction<'r> {
    /// A new exchange.
    #[must_use]
    pub fn new(rules: &'r RuleSet) -> Self {
        Self::by(rules, &rules.plan)
    }

    /// A new exchange that is judged without a plan: every rule runs. Slow, with the same outcome; for tests of the plan.
    #[must_use]
    pub fn plain(rules: &'r RuleSet) -> Self {
        Self::by(rules, &rules.plain)
    }

    fn by(rules: &'r RuleSet, plan: &'r Plan) -> Self {
        let mut state = State::new(rules);
        for (slot, value) in &plan.start {
            state.tx.set(*slot, Some(Cow::Borrowed(value)));
        }
        Transaction { rules, plan, facts: Facts::default(), state, verdict: Verdict::default(), allowed: 0 }
    }

    /// Who speaks with whom, and the number of the exchange (UNIQUE_ID).
    pub fn connection(&mut self, client: SocketAddr, server: SocketAddr, unique_id: &str) {
        self.facts.client = (client.ip().to_string(), client.port());
        self.facts.server = (server.ip().to_string(), server.port());
        unique_id.clone_into(&mut self.facts.unique_id);
    }

    /// The first line of the request, in its three parts.
    pub fn request_line(&mut self, method: &[u8], target: &[u8], protocol: &[u8]) {
        let whole = [method, b" ", target, b" ", protocol].concat();
        let whole = self.facts.keep(if protocol.is_empty() { whole.trim_ascii_end() } else { &whole });
        let (after_method, length) = (method.len() + 1, target.len());
        let raw = whole.part(after_method, after_method + length);
        let fragment = memchr::memchr(b'#', target).unwrap_or(length);
        let start = authority_end(target.get(..fragment).unwrap_or(target));
        let query = target.get(start..fragment).and_then(|rest| memchr::memchr(b'?', rest)).map_or(fragment, |at| start + at);
        // Decoded only after it was parted from the query, so that an escaped `?` hides nothing.
        let mut path = Vec::new();
        gambeson_read::percent_decode(target.get(start..query).unwrap_or_default(), false, &mut path);
        let basename = path.iter().rposition(|b| matches!(b, b'/' | b'\\')).map_or(0, |at| at + 1);
        let path = self.facts.keep(&path);
        let protocol =
            if protocol.is_empty() { self.facts.keep(b"HTTP/0.9") } else { whole.part(after_method + length + 1, usize::MAX) };
        self.facts.line = Line {
            whole,
            method: whole.part(0, method.len()),
            raw,
            uri: raw.part(start, fragment),
            path,
            basename: path.part(basename, usize::MAX),
            query: raw.part((query + 1).min(fragment), fragment),
            protocol,
        };
    }

    /// One field of the request.
    pub fn request_header(&mut self, name: &[u8], value: &[u8]) {
        self.facts.add(Table::RequestHeaders, name, value);
    }

    /// The head of the request is complete: judges phase 1.
    pub fn request_head(&mut self) -> Option<&Interruption> {
        body::read_head(&mut self.facts, &self.rules.settings);
        self.judge(1);
        body::choose_processor(&mut self.facts, &self.state);
        self.verdict.interruption.as_ref()
    }

    /// Whether the rules look at the request's body at all.
    #[must_use]
    pub fn wants_request_body(&self) -> bool {
        self.state.request_body && self.state.engine != Switch::Off
    }

    /// A piece of the request's body. What is beyond the limit is not kept.
    pub fn request_body(&mut self, piece: &[u8]) {
        if !self.wants_request_body() {
            return;
        }
        let room = self.state.request_body_limit.saturating_sub(self.facts.body.len());
        if piece.len() > room {
            self.facts.flags.set(Variable::InboundDataError);
        }
        self.facts.body.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    /// The body of the request is complete: reads it and judges phase 2.
    pub fn request_body_end(&mut self) -> Option<&Interruption> {
        if self.facts.flags.get(Variable::InboundDataError) && self.rules.settings.request_body_reject {
            self.refuse_length(2, 413);
        }
        if self.wants_request_body() && !self.is_over(2) {
            body::read_body(&mut self.facts, &self.state, &self.rules.settings);
        }
        self.judge(2);
        self.verdict.interruption.as_ref()
    }

    /// The first line of the response.
    pub fn response_line(&mut self, protocol: &[u8], status: u16) {
        self.facts.status = status;
        self.facts.response_protocol = self.facts.keep(protocol);
    }

    /// One field of the response.
    pub fn response_header(&mut self, name: &[u8], value: &[u8]) {
        self.facts.add(Table::ResponseHeaders, name, value);
    }

    /// The head of the response is complete: judges phase 3.
    pub fn response_head(&mut self) -> Option<&Interruption> {
        self.judge(3);
        self.verdict.interruption.as_ref()
    }

    /// Whether the rules look at the response's body: if its type is among those that SecResponseBodyMimeType names.
    #[must_use]
    pub fn wants_response_body(&self) -> bool {
        let content_type = self.facts.one(Variable::ResponseContentType);
        let bare = content_type.split(|b| *b == b';').next().unwrap_or(b"").trim_ascii();
        let types = &self.rules.settings.response_types;
        self.state.response_body
            && self.state.engine != Switch::Off
            && types.iter().any(|t| t.as_bytes().eq_ignore_ascii_case(bare))
    }

    /// A piece of the response's body. What is beyond the limit is not kept.
    pub fn response_body(&mut self, piece: &[u8]) {
        if !self.wants_response_body() {
            return;
        }
        let room = self.state.response_body_limit.saturating_sub(self.facts.response_body.len());
        if piece.len() > room {
            self.facts.flags.set(Variable::OutboundDataError);
        }
        self.facts.response_body.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    /// The body of the response is complete: judges phase 4.
    pub fn response_body_end(&mut self) -> Option<&Interruption> {
        if self.facts.flags.get(Variable::OutboundDataError) && self.rules.settings.response_body_reject {
            self.refuse_length(4, 500);
        }
        self.judge(4);
        self.verdict.interruption.as_ref()
    }

    /// Whether the rules' own settings let them find but refuse nothing (`SecRuleEngine DetectionOnly`).
    #[must_use]
    pub fn only_detects(&self) -> bool {
        self.state.engine == Switch::DetectionOnly
    }

    /// What the rules have said so far.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The exchange is over: runs phase 5, which can end nothing any more, and hands out what all rules said.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        self.run(5);
        self.verdict
    }

    fn refuse_length(&mut self, phase: u8, status: u16) {
        if self.state.engine == Switch::On && self.verdict.interruption.is_none() {
            self.verdict.interruption = Some(Interruption { rule: 0, phase, action: Refusal::Deny(status) });
        }
    }

    fn is_over(&self, phase: u8) -> bool {
        self.verdict.interruption.is_some() || phase <= self.allowed
    }

    fn judge(&mut self, phase: u8) {
        if !self.is_over(phase) {
            self.run(phase);
        }
    }

    /// Runs the rules of a phase in order, without those of which the plan knows that they cannot match.
    fn run(&mut self, phase: u8) {
        let Some(plan) = self.plan.phases.get(usize::from(phase).wrapping_sub(1)) else { return };
        if self.state.engine == Switch::Off {
            return;
        }
        let findings = plan.scan.findings(self.rules, &self.facts);
        let mut taken = plan.always;
        taken.add(findings.rules());
        let mut from = 0;
        while let Some(at) = plan.next(from, &taken) {
            from = at + 1;
            let Some(step) = plan.steps.get(at) else { break };
            let Some(hint) = findings.hint(step.atom).filter(|_| !self.state.is_removed(step.rule)) else { continue };
            let rule = self.rules.rules.get(step.rule as usize).filter(|rule| self.rule(step.rule, rule, hint));
            let Some(rule) = rule else { continue };
            if phase < 5 && self.ends(rule) || self.state.engine == Switch::Off {
                return;
            }
            from = step.next as usize;
        }
    }

    /// Runs one rule; whether it matches.
    fn rule(&mut self, number: u32, rule: &'r Rule, hint: Hint<'_>) -> bool {
        let mut run = Run { facts: &self.facts, state: &mut self.state };
        if !run.chain(number, rule, hint) {
            return false;
        }
        if rule.log && self.verdict.matches.len() < MATCHES_MAX {
            self.verdict.matches.push(run.report(rule));
        }
        true
    }

    /// Carries out what a match does to the exchange; whether the phase ends by it.
    fn ends(&mut self, rule: &'r Rule) -> bool {
        let on = self.state.engine == Switch::On;
        let action = match &rule.verdict {
            Disruption::Pass => return false,
            Disruption::Allow(reach) => {
                self.allowed = match reach {
                    Reach::Phase => rule.phase,
                    Reach::Request => rule.phase.max(2),
                    Reach::Exchange => 4,
                };
                return on;
            }
            Disruption::Deny(status) => Refusal::Deny(*status),
            Disruption::Drop => Refusal::Drop,
            Disruption::Redirect(to, status) => {
                let run = Run { facts: &self.facts, state: &mut self.state };
                Refusal::Redirect(*status, run.expand(to).into_owned())
            }
        };
        if on {
            self.verdict.interruption = Some(Interruption { rule: rule.id, phase: rule.phase, action });
        }
        on
    }
}

/// Where the path begins in a target that may start with scheme and authority.
fn authority_end(target: &[u8]) -> usize {
    let Some(scheme) = memchr::memmem::find(target, b"://").filter(|at| target.iter().take(*at).all(u8::is_ascii_alphabetic))
    else {
        return 0;
    };
    let authority = scheme + 3;
    let length = target.iter().skip(authority).position(|b| matches!(b, b'/' | b'?'));
    length.map_or(target.len(), |length| authority + length)
}
