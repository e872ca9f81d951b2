//! One rule after the other, exactly as they stand.

use super::facts::Facts;
use super::state::{Hit, State};
use super::verdict::Match;
use crate::action::{Operation, SetVar};
use crate::names::{CAPTURES, Slot};
use crate::operator::Captures;
use crate::plan::scan::Hint;
use crate::rule::{Condition, Effect, Rule, Target, Which};
use crate::template::{Piece, Template, Value};
use crate::variable::{Kind, Variable};
use std::borrow::Cow;

/// Bytes of a value that a match shows.
const EXCERPT_MAX: usize = 256;
/// Bytes of an expanded message.
const MESSAGE_MAX: usize = 4096;

/// The facts and the state of an exchange while a rule runs.
pub(crate) struct Run<'t, 'r> {
    pub(crate) facts: &'t Facts,
    pub(crate) state: &'t mut State<'r>,
}

impl<'t, 'r> Run<'t, 'r> {
    /// Whether the rule and all links of its chain match. What they do at each value is done.
    /// The hint is for its first link.
    pub(crate) fn chain(&mut self, number: u32, rule: &'r Rule, mut hint: Hint<'_>) -> bool {
        self.state.hits.clear();
        let mut link = Some(rule);
        while let Some(rule) = link {
            if !self.link(number, rule, hint) {
                return false;
            }
            (link, hint) = (rule.link.as_deref(), Hint::All);
        }
        if let Some(severity) = rule.about.severity {
            self.state.severity = Some(self.state.severity.map_or(severity, |s| s.min(severity)));
        }
        true
    }

    /// Whether the first rule of a chain matches.
    pub(crate) fn first_of_chain(&mut self, number: u32, rule: &'r Rule) -> bool {
        self.state.hits.clear();
        self.link(number, rule, Hint::All)
    }

    fn link(&mut self, number: u32, rule: &'r Rule, hint: Hint<'_>) -> bool {
        let Some(condition) = &rule.condition else {
            self.effects(rule);
            return true;
        };
        let argument = condition.argument.as_ref().map_or(Cow::Borrowed(&b""[..]), |template| self.expand(template));
        let mut test = Test { number, rule, condition, argument: &argument, hint, matched: false };
        for target in &rule.targets {
            self.target(&mut test, target);
        }
        test.matched
    }

    fn target(&mut self, test: &mut Test<'_, 'r>, target: &'r Target) {
        let facts = self.facts;
        if target.counted {
            let count = self.count(test, target).to_string();
            let name: &[u8] = if let Which::Name(name, _) = &target.which { name } else { b"" };
            return self.value(test, target.variable, name, count.as_bytes());
        }
        match target.variable.kind() {
            Kind::One => {
                let skipped =
                    matches!(test.hint, Hint::Found(found, atom) if found.places(target.variable, atom).next().is_none());
                if !skipped && !self.excluded(test, target.variable, b"") {
                    let value = self.one(target.variable);
                    self.value(test, target.variable, b"", &value);
                }
            }
            Kind::Many => match test.hint {
                Hint::All => facts.many(target.variable).for_each(|pair| self.pair(test, target, pair)),
                Hint::Found(found, atom) => {
                    let pairs = found.places(target.variable, atom).filter_map(|at| facts.many(target.variable).nth(at));
                    pairs.for_each(|pair| self.pair(test, target, pair));
                }
            },
            Kind::State => {
                if let (Variable::Tx, Which::Name(name, slot), []) = (target.variable, &target.which, &*test.rule.transforms) {
                    return self.tx_value(test, name, *slot);
                }
                // What matches as it stands is all that can match, where nothing transforms it: the rest is not copied.
                let as_it_stands = test.rule.transforms.is_empty();
                let matches = |value: &[u8]| {
                    !as_it_stands || test.condition.operator.test(value, test.argument, None) != test.condition.negated
                };
                for (name, value) in self.of_state(target, matches) {
                    if !self.excluded(test, target.variable, &name) {
                        self.value(test, target.variable, &name, &value);
                    }
                }
            }
            Kind::Empty => {}
        }
    }

    fn pair(&mut self, test: &mut Test<'_, 'r>, target: &'r Target, (name, value): (&[u8], &[u8])) {
        if target.takes(name) && !self.excluded(test, target.variable, name) {
            self.value(test, target.variable, name, value);
        }
    }

    /// One TX value as it stands: what most rules look at that keep the score. Copied only when it matches.
    fn tx_value(&mut self, test: &mut Test<'_, 'r>, name: &'r [u8], slot: Slot) {
        let matches = |value: &&Cow<'r, [u8]>| test.condition.operator.test(value, test.argument, None) != test.condition.negated;
        let Some(value) = self.state.tx.shared(slot).filter(matches) else { return };
        if !self.excluded(test, Variable::Tx, name) {
            let hit = Hit { variable: Variable::Tx, name: Cow::Borrowed(name), value: value.clone() };
            self.matched(test, hit);
        }
    }

    /// The value of a variable that has one. How the body will be read is what the rules have chosen by now.
    fn one(&self, variable: Variable) -> Cow<'t, [u8]> {
        match (variable, self.state.processor) {
            (Variable::ReqbodyProcessor, Some(chosen)) => Cow::Owned(chosen.as_bytes().to_vec()),
            _ => self.facts.one(variable),
        }
    }

    fn count(&self, test: &Test<'_, 'r>, target: &Target) -> usize {
        match (target.variable.kind(), &target.which) {
            (Kind::State, Which::Name(_, slot)) if target.variable == Variable::Tx => {
                usize::from(self.state.tx.get(*slot).is_some())
            }
            (Kind::State, _) => self.of_state(target, |_| true).len(),
            (Kind::Many, _) => {
                let taken = self.facts.many(target.variable).filter(|(name, _)| target.takes(name));
                taken.filter(|(name, _)| !self.excluded(test, target.variable, name)).count()
            }
            (Kind::One, _) => usize::from(!self.facts.one(target.variable).is_empty()),
            (Kind::Empty, _) => 0,
        }
    }

    /// Values that rules have written: copied, for they may change while they are looked at. Of many TX values only those wanted.
    fn of_state(&self, target: &Target, wanted: impl Fn(&[u8]) -> bool) -> Vec<(Vec<u8>, Vec<u8>)> {
        let state = &self.state;
        let last = |show: fn(&Hit<'_>) -> Vec<u8>| state.hits.last().map(|hit| (Vec::new(), show(hit))).into_iter().collect();
        let copied = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
        match (target.variable, &target.which) {
            (Variable::Tx, Which::Name(name, slot)) => {
                state.tx.get(*slot).map(|value| (name.clone(), value.to_vec())).into_iter().collect()
            }
            (Variable::Tx, Which::Pattern(_, slots)) => {
                let known = slots.iter().filter_map(|slot| Some((state.tx.name(*slot), state.tx.get(*slot)?)));
                let made = state.tx.made().filter(|(name, _)| target.takes(name));
                known.chain(made).filter(|(_, value)| wanted(value)).map(copied).collect()
            }
            (Variable::Tx, Which::All) => state.tx.iter().filter(|(_, value)| wanted(value)).map(copied).collect(),
            (Variable::MatchedVars, _) => state.hits.iter().map(|hit| (hit.full_name(), hit.value.to_vec())).collect(),
            (Variable::MatchedVarsNames, _) => state.hits.iter().map(|hit| (hit.full_name(), hit.full_name())).collect(),
            (Variable::MatchedVar, _) => last(|hit| hit.value.to_vec()),
            (Variable::MatchedVarName, _) => last(|hit| hit.full_name()),
            (Variable::HighestSeverity, _) => vec![(Vec::new(), state.severity.unwrap_or(255).to_string().into_bytes())],
            _ => Vec::new(),
        }
    }

    fn excluded(&self, test: &Test<'_, 'r>, variable: Variable, name: &[u8]) -> bool {
        let takes = |target: &Target| target.variable == variable && target.takes(name);
        test.rule.excluded.iter().any(takes)
            || self.state.removed_targets.iter().any(|(rules, targets)| targets.iter().any(takes) && rules.contains(&test.number))
    }

    fn value(&mut self, test: &mut Test<'_, 'r>, variable: Variable, name: &[u8], value: &[u8]) {
        let mut current = Cow::Borrowed(value);
        if test.rule.multi_match {
            self.try_value(test, variable, name, &current);
        }
        for transform in &test.rule.transforms {
            if let Cow::Owned(changed) = transform.apply(&current) {
                current = Cow::Owned(changed);
                if test.rule.multi_match {
                    self.try_value(test, variable, name, &current);
                }
            }
        }
        if !test.rule.multi_match {
            self.try_value(test, variable, name, &current);
        }
    }

    fn try_value(&mut self, test: &mut Test<'_, 'r>, variable: Variable, name: &[u8], value: &[u8]) {
        if test.condition.operator.test(value, test.argument, None) != test.condition.negated {
            self.matched(test, Hit { variable, name: Cow::Owned(name.to_vec()), value: Cow::Owned(value.to_vec()) });
        }
    }

    fn matched(&mut self, test: &mut Test<'_, 'r>, hit: Hit<'r>) {
        if test.rule.capture && !test.condition.negated {
            let mut captures = Captures::default();
            test.condition.operator.test(&hit.value, test.argument, Some(&mut captures));
            self.keep_captures(captures);
        }
        test.matched = true;
        self.state.hits.push(hit);
        self.effects(test.rule);
    }

    fn keep_captures(&mut self, captures: Captures) {
        for (slot, value) in (0..).zip(captures.into_values()).take(CAPTURES) {
            self.state.tx.set(Slot(slot), value.map(Cow::Owned));
        }
    }

    fn effects(&mut self, rule: &'r Rule) {
        for effect in &rule.effects {
            match effect {
                Effect::SetVar(set) => self.set_var(set),
                Effect::RuleEngine(switch) => self.state.engine = *switch,
                Effect::Remove(rules) => self.state.remove(rules),
                Effect::RemoveTargets(rules, targets) => self.state.removed_targets.push((rules, targets)),
                Effect::BodyProcessor(name) => self.state.processor = Some(name),
                Effect::ForceRequestBody(on) => self.state.force_request_body = *on,
                Effect::RequestBody(on) => self.state.request_body = *on,
                Effect::ResponseBody(on) => self.state.response_body = *on,
                Effect::RequestBodyLimit(bytes) => self.state.request_body_limit = *bytes,
                Effect::ResponseBodyLimit(bytes) => self.state.response_body_limit = *bytes,
            }
        }
    }

    fn set_var(&mut self, set: &'r SetVar) {
        let name = set.slot.is_none().then(|| self.expand(&set.name).into_owned());
        let value = match set.operation {
            Operation::Delete => None,
            Operation::Set => Some(self.expand(&set.value)),
            Operation::Add | Operation::Subtract => {
                let by = number(&self.expand(&set.value));
                let old = match (set.slot, &name) {
                    (Some(slot), _) => self.state.tx.get(slot),
                    (None, name) => self.state.tx.get_named(name.as_deref().unwrap_or_default()),
                };
                let old = old.map_or(0, number);
                let new = if set.operation == Operation::Add { old.saturating_add(by) } else { old.saturating_sub(by) };
                Some(Cow::Owned(new.to_string().into_bytes()))
            }
        };
        match (set.slot, name) {
            (Some(slot), _) => self.state.tx.set(slot, value),
            (None, name) => self.state.tx.set_named(name.unwrap_or_default(), value),
        }
    }

    /// The text with its macros filled in; a macro without a value is empty.
    pub(super) fn expand(&self, template: &'r Template) -> Cow<'r, [u8]> {
        if let Some(text) = template.constant() {
            return Cow::Borrowed(text);
        }
        let mut text = Vec::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(piece) => text.extend_from_slice(piece),
                Piece::Value(Value::Tx(slot)) => text.extend_from_slice(self.state.tx.get(*slot).unwrap_or_default()),
                Piece::Value(Value::Of(variable, key)) => self.append(*variable, key.as_deref(), &mut text),
            }
        }
        Cow::Owned(text)
    }

    fn append(&self, variable: Variable, key: Option<&[u8]>, text: &mut Vec<u8>) {
        match variable.kind() {
            Kind::One => text.extend_from_slice(&self.one(variable)),
            Kind::Many => {
                let found = self.facts.many(variable).find(|(name, _)| key.is_none_or(|key| name.eq_ignore_ascii_case(key)));
                text.extend_from_slice(found.map_or(b"", |(_, value)| value));
            }
            Kind::State => {
                let target = Target { variable, counted: false, which: Which::All };
                let values = self.of_state(&target, |_| true);
                text.extend_from_slice(values.first().map_or(b"", |(_, value)| value));
            }
            Kind::Empty => {}
        }
    }

    /// What a match of the whole chain tells.
    pub(super) fn report(&self, rule: &'r Rule) -> Match {
        let shown = self.state.hits.iter().find(|hit| hit.variable.kind() != Kind::State).or(self.state.hits.last());
        let text = |template| {
            let expanded = self.expand(template);
            String::from_utf8_lossy(expanded.get(..MESSAGE_MAX).unwrap_or(&expanded)).into_owned()
        };
        Match {
            rule: rule.id,
            phase: rule.phase,
            at: rule.at.clone(),
            msg: text(&rule.about.msg),
            logdata: text(&rule.about.logdata),
            variable: shown.map_or(String::new(), |hit| String::from_utf8_lossy(&hit.full_name()).into_owned()),
            value: shown.map_or(Vec::new(), |hit| hit.value.iter().take(EXCERPT_MAX).copied().collect()),
            transforms: rule.transforms.to_vec(),
            tags: rule.about.tags.clone(),
            severity: rule.about.severity,
        }
    }
}

/// A rule while its values are tried.
struct Test<'a, 'r> {
    number: u32,
    rule: &'r Rule,
    condition: &'r Condition,
    argument: &'a [u8],
    hint: Hint<'a>,
    matched: bool,
}

impl Target {
    /// Whether a value of this name is meant.
    pub(crate) fn takes(&self, name: &[u8]) -> bool {
        match &self.which {
            Which::All => true,
            Which::Name(wanted, _) => name.eq_ignore_ascii_case(wanted),
            Which::Pattern(pattern, _) => pattern.finds(name),
        }
    }
}

/// The number at the beginning of a text, 0 if there is none.
fn number(text: &[u8]) -> i64 {
    let text = text.trim_ascii();
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let value = digits
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .fold(0_i64, |n, b| n.saturating_mul(10).saturating_add((b - b'0').into()));
    if negative { -value } else { value }
}
