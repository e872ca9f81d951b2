//! Rules that always end alike are carried out when they load.
//!
//! Walks through the phases as an exchange does and keeps two lists: TX values that a request may have changed by now (`unsure`),
//! and those that a rule which still runs has already read (`read`). A rule that looks only at sure values has one outcome:
//! - no match: it is dropped;
//! - a match that only sets sure values nobody has read yet: the values are set from the start and the rule is dropped;
//! - a match that only jumps: what it jumps over is dropped with it.
//!
//! Rules behind something that may end a phase, jump past them or remove them are carried out only where that can change nothing.

use super::goal;
use super::scan::Hint;
use crate::action::{Operation, SetVar};
use crate::names::{CAPTURES, Slot};
use crate::rule::{Disruption, Effect, Rule, RuleSet, Target, Which};
use crate::template::{Piece, Template, Value};
use crate::transaction::evaluate::Run;
use crate::transaction::facts::Facts;
use crate::transaction::state::State;
use crate::variable::{Kind, Variable};
use std::collections::HashSet;

/// What is left to do for a request.
pub(crate) struct Folded {
    /// TX at the start.
    pub(crate) start: Vec<(Slot, Vec<u8>)>,
    /// The positions that remain, for each phase.
    pub(crate) kept: [Vec<usize>; 5],
}

/// Folds all phases.
pub(crate) fn fold(rules: &RuleSet) -> Folded {
    let mut folder = Folder {
        rules,
        state: State::new(rules),
        unsure: HashSet::new(),
        all_unsure: false,
        read: HashSet::new(),
        all_read: false,
        may_end: false,
        removals: Vec::new(),
    };
    let mut kept: [Vec<usize>; 5] = Default::default();
    for (order, kept) in rules.phases.iter().zip(&mut kept) {
        *kept = folder.phase(order);
    }
    let start = folder.state.tx.slots().map(|(slot, value)| (slot, value.to_vec())).collect();
    Folded { start, kept }
}

struct Folder<'r> {
    rules: &'r RuleSet,
    state: State<'r>,
    unsure: HashSet<Slot>,
    all_unsure: bool,
    read: HashSet<Slot>,
    all_read: bool,
    /// A rule that still runs may end the exchange.
    may_end: bool,
    /// The rules that a rule which still runs may remove.
    removals: Vec<HashSet<u32>>,
}

impl<'r> Folder<'r> {
    fn phase(&mut self, order: &[u32]) -> Vec<usize> {
        let mut kept = Vec::new();
        // Where rules that still run may jump to.
        let mut jumps = Vec::new();
        let mut position = 0;
        while let Some(number) = order.get(position) {
            let Some(rule) = self.rules.rules.get(*number as usize) else { break };
            let next = goal(self.rules, order, position);
            match self.outcome(rule, *number) {
                Some(false) => {}
                Some(true) if self.foldable(rule, order, position, next, &jumps) => {
                    let facts = Facts::default();
                    Run { facts: &facts, state: &mut self.state }.chain(*number, rule, Hint::All);
                    position = next;
                    continue;
                }
                _ => {
                    self.keep(rule);
                    kept.push(position);
                    if next > position + 1 {
                        jumps.push(next);
                    }
                }
            }
            position += 1;
        }
        kept
    }

    /// How the rule always ends, if it does. A chain does not match if its first rule does not; that it matches is only known
    /// when all of it looks at sure values.
    fn outcome(&self, rule: &'r Rule, number: u32) -> Option<bool> {
        if !self.is_sure(rule) {
            return None;
        }
        let facts = Facts::default();
        let mut state = self.state.clone();
        if rule.link.is_some() && !(Run { facts: &facts, state: &mut state }.first_of_chain(number, rule)) {
            return Some(false);
        }
        let mut links = std::iter::successors(Some(rule), |rule| rule.link.as_deref());
        let mut state = self.state.clone();
        links.all(|link| self.is_sure(link)).then(|| Run { facts: &facts, state: &mut state }.chain(number, rule, Hint::All))
    }

    /// Whether the condition looks at nothing but sure values.
    fn is_sure(&self, rule: &Rule) -> bool {
        let target_is_sure = |target: &Target| match (&target.which, target.variable) {
            (Which::Name(_, slot), Variable::Tx) => self.sure(*slot),
            _ => false,
        };
        let argument = rule.condition.as_ref().and_then(|condition| condition.argument.as_ref());
        rule.targets.iter().all(target_is_sure)
            && rule.excluded.is_empty()
            && argument.is_none_or(|argument| self.template_is_sure(argument))
    }

    fn sure(&self, slot: Slot) -> bool {
        !self.all_unsure && !self.unsure.contains(&slot)
    }

    fn template_is_sure(&self, template: &Template) -> bool {
        template.pieces().iter().all(|piece| match piece {
            Piece::Text(_) => true,
            Piece::Value(Value::Tx(slot)) => self.sure(*slot),
            Piece::Value(Value::Of(..)) => false,
        })
    }

    /// Whether a rule that always matches can be carried out now.
    fn foldable(&self, rule: &Rule, order: &[u32], position: usize, next: usize, jumps: &[usize]) -> bool {
        let links = || std::iter::successors(Some(rule), |rule| rule.link.as_deref());
        let silent = !rule.log && matches!(rule.verdict, Disruption::Pass) && rule.about.severity.is_none();
        let jumped = order.get(position..next.min(order.len())).unwrap_or_default();
        let removed_alike = self.removals.iter().all(|removed| match order.get(position) {
            Some(number) if removed.contains(number) => jumped.iter().all(|rule| removed.contains(rule)),
            _ => true,
        });
        let sets_nothing = links().all(|link| link.effects.is_empty() && !link.capture);
        let undisturbed = !self.may_end && !self.removals.iter().any(|r| order.get(position).is_some_and(|n| r.contains(n)));
        // A jump over this rule may skip it: then it must do nothing but skip what that jump skips too.
        let skipped_alike = jumps.iter().all(|goal| *goal <= position || sets_nothing && *goal >= next);
        silent
            && removed_alike
            && skipped_alike
            && (sets_nothing || undisturbed && links().all(|link| self.sets_sure_values(link)))
    }

    fn sets_sure_values(&self, rule: &Rule) -> bool {
        !rule.capture
            && rule.effects.iter().all(|effect| match effect {
                Effect::SetVar(SetVar { slot: Some(slot), value, .. }) => {
                    self.sure(*slot) && !self.all_read && !self.read.contains(slot) && self.template_is_sure(value)
                }
                _ => false,
            })
    }

    /// Remembers what a rule that still runs may read, write, end and remove.
    fn keep(&mut self, rule: &'r Rule) {
        self.may_end |= !matches!(rule.verdict, Disruption::Pass);
        self.reads(&rule.about.msg);
        self.reads(&rule.about.logdata);
        if let Disruption::Redirect(to, _) = &rule.verdict {
            self.reads(to);
        }
        for link in std::iter::successors(Some(rule), |rule| rule.link.as_deref()) {
            link.targets.iter().for_each(|target| self.reads_target(target));
            link.condition.iter().filter_map(|c| c.argument.as_ref()).for_each(|argument| self.reads(argument));
            if link.capture {
                self.unsure.extend((0..).take(CAPTURES).map(Slot));
            }
            link.effects.iter().for_each(|effect| self.effect(effect));
        }
    }

    fn effect(&mut self, effect: &'r Effect) {
        match effect {
            Effect::SetVar(set) => {
                self.reads(&set.name);
                self.reads(&set.value);
                match set.slot {
                    Some(slot) => {
                        if matches!(set.operation, Operation::Add | Operation::Subtract) {
                            self.read.insert(slot);
                        }
                        self.unsure.insert(slot);
                    }
                    None => self.writes_some(&set.name),
                }
            }
            Effect::Remove(rules) => self.removals.push(rules.iter().copied().collect()),
            Effect::RemoveTargets(rules, targets) if targets.iter().any(|t| t.variable == Variable::Tx) => {
                self.removals.push(rules.iter().copied().collect());
            }
            _ => {}
        }
    }

    /// A name with a macro in it: any that begins like it may be meant.
    fn writes_some(&mut self, name: &Template) {
        let beginning = match name.pieces().first() {
            Some(Piece::Text(text)) => text.to_ascii_lowercase(),
            _ => Vec::new(),
        };
        let names = &self.rules.names;
        self.all_unsure |= beginning.is_empty();
        self.read.extend(names.slots().filter(|slot| names.name(*slot).starts_with(&beginning)));
        self.unsure.extend(names.slots().filter(|slot| names.name(*slot).starts_with(&beginning)));
    }

    fn reads(&mut self, template: &Template) {
        for piece in template.pieces() {
            match piece {
                Piece::Value(Value::Tx(slot)) => {
                    self.read.insert(*slot);
                }
                Piece::Value(Value::Of(Variable::Tx, _)) => self.all_read = true,
                _ => {}
            }
        }
    }

    fn reads_target(&mut self, target: &Target) {
        match (&target.which, target.variable.kind()) {
            (Which::Name(_, slot), _) if target.variable == Variable::Tx => {
                self.read.insert(*slot);
            }
            (Which::Pattern(_, slots), Kind::State) if target.variable == Variable::Tx => self.read.extend(slots),
            (_, Kind::State) => self.all_read |= target.variable == Variable::Tx,
            _ => {}
        }
    }
}
