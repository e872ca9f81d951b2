//! From drafts to rules that run: defaults filled in, operators compiled, jumps and removals resolved.

use super::directives::{Loader, pattern, within};
use super::draft::Draft;
use crate::action::{Action, Ctl, Remove, SetVar};
use crate::error::{Fault, LoadError};
use crate::files::{Beside, Files};
use crate::names::Names;
use crate::operator::{Operator, has_macro};
use crate::parse::operator as condition;
use crate::parse::targets::{self, Selection};
use crate::plan::Plan;
use crate::rule::{About, Condition, Disruption, Effect, NamePattern, Rule, RuleSet, Skip, Target, Which};
use crate::template::Template;
use crate::transform::Transform;
use crate::variable::Variable;

/// Status of a refusal that names none.
const STATUS_DEFAULT: u16 = 403;

/// Builds every rule and reports everything that is wrong.
pub(super) fn build(mut loader: Loader<'_>) -> Result<RuleSet, Vec<LoadError>> {
    let mut faults = std::mem::take(&mut loader.faults);
    if let Some(open) = loader.drafts.last().filter(|last| last.links.last().unwrap_or(last).goes_on()) {
        faults.push(LoadError { at: open.at.clone(), rule: Some(open.id), fault: Fault::OpenChain });
    }
    let left_out = loader.leave_out();
    let phases = phases(&loader.drafts);
    let drafts = std::mem::take(&mut loader.drafts);
    let mut rules = Vec::with_capacity(drafts.len());
    let mut builder =
        Builder { drafts: &drafts, phases: &phases, markers: &loader.markers, host: loader.host, names: &mut loader.names };
    for (number, draft) in drafts.iter().enumerate() {
        match builder.chain(draft, number) {
            Ok(rule) => rules.push(rule),
            Err(fault) => faults.push(LoadError { at: draft.at.clone(), rule: Some(draft.id), fault }),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    rules.iter_mut().for_each(|rule| find_slots(rule, &loader.names));
    let (plain, plan) = (Plan::default(), Plan::default());
    let mut rules = RuleSet { rules, phases, names: loader.names, settings: loader.settings, left_out, plain, plan };
    (rules.plain, rules.plan) = (Plan::plain(&rules), Plan::of(&rules));
    Ok(rules)
}

fn name_pattern(pattern: &str) -> Result<NamePattern, Fault> {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if let Some(beginning) = pattern.strip_prefix('^').filter(|rest| is_plain(rest)) {
        return Ok(NamePattern::Beginning(beginning.to_ascii_lowercase().into_bytes()));
    }
    let operator = Operator::compile("rx", &format!("(?i:{pattern})"), &crate::files::NoFiles);
    operator.map(|operator| NamePattern::Any(Box::new(operator))).map_err(|e| Fault::Operator(e.to_string()))
}

/// Notes which TX names a pattern finds, now that all are known.
fn find_slots(rule: &mut Rule, names: &Names) {
    let targets = rule.targets.iter_mut().chain(&mut rule.excluded);
    for target in targets.filter(|target| target.variable == Variable::Tx) {
        if let Which::Pattern(pattern, slots) = &mut target.which {
            *slots = names.slots().filter(|slot| pattern.finds(names.name(*slot))).collect();
        }
    }
    if let Some(link) = &mut rule.link {
        find_slots(link, names);
    }
}

/// The numbers of the rules of each phase.
fn phases(drafts: &[Draft]) -> [Vec<u32>; 5] {
    let mut phases: [Vec<u32>; 5] = Default::default();
    for (number, draft) in (0u32..).zip(drafts) {
        if let Some(order) = phases.get_mut(usize::from(draft.phase()).saturating_sub(1)) {
            order.push(number);
        }
    }
    phases
}

struct Builder<'b> {
    drafts: &'b [Draft],
    phases: &'b [Vec<u32>; 5],
    markers: &'b [(String, usize)],
    host: &'b dyn Files,
    names: &'b mut Names,
}

impl Builder<'_> {
    fn chain(&mut self, draft: &Draft, number: usize) -> Result<Rule, Fault> {
        let mut first = self.rule(draft)?;
        first.phase = draft.phase();
        (first.verdict, first.log) = disruption(draft);
        first.skip = self.skip(draft, number)?;
        let mut link = None;
        for draft in draft.links.iter().rev() {
            let mut rule = self.rule(draft)?;
            rule.phase = first.phase;
            rule.link = link.take().map(Box::new);
            link = Some(rule);
        }
        first.link = link.map(Box::new);
        Ok(first)
    }

    fn rule(&mut self, draft: &Draft) -> Result<Rule, Fault> {
        let (excluded, targets): (Vec<_>, Vec<_>) = draft.targets.iter().partition(|t| t.excluded);
        let file = draft.at.file.clone();
        Ok(Rule {
            id: draft.id,
            at: draft.at.clone(),
            phase: 0,
            targets: self.targets(targets)?,
            excluded: self.targets(excluded)?,
            condition: draft.condition.as_ref().map(|c| self.condition(c, &file)).transpose()?,
            transforms: transforms(draft),
            capture: draft.actions.contains(&Action::Capture),
            multi_match: draft.actions.contains(&Action::MultiMatch),
            effects: self.effects(draft)?,
            link: None,
            verdict: Disruption::Pass,
            skip: Skip::No,
            log: false,
            about: about(draft),
        })
    }

    fn targets<'t>(&mut self, written: impl IntoIterator<Item = &'t targets::Written>) -> Result<Box<[Target]>, Fault> {
        written.into_iter().map(|target| self.target(target)).collect()
    }

    fn target(&mut self, written: &targets::Written) -> Result<Target, Fault> {
        let which = match &written.selector {
            Selection::All => Which::All,
            Selection::Name(name) => {
                let slot = if written.variable == Variable::Tx { self.names.slot(name.as_bytes()) } else { crate::names::NONE };
                Which::Name(name.to_ascii_lowercase().into_bytes(), slot)
            }
            Selection::Pattern(pattern) => Which::Pattern(name_pattern(pattern)?, Box::default()),
        };
        Ok(Target { variable: written.variable, counted: written.counted, which })
    }

    fn condition(&mut self, written: &condition::Written, file: &str) -> Result<Condition, Fault> {
        let beside = Beside::of(self.host, file);
        let operator =
            Operator::compile(&written.name, &written.argument, &beside).map_err(|e| Fault::Operator(e.to_string()))?;
        let has_macro = has_macro(&written.argument);
        let argument = has_macro.then(|| Template::parse(&written.argument, self.names)).transpose()?;
        Ok(Condition { operator, negated: written.negated, argument })
    }

    fn effects(&mut self, draft: &Draft) -> Result<Box<[Effect]>, Fault> {
        let mut effects = Vec::new();
        for action in &draft.actions {
            match action {
                Action::SetVar(set) => effects.push(Effect::SetVar(SetVar::clone(set))),
                Action::Ctl(ctl) => effects.push(self.ctl(ctl)?),
                _ => {}
            }
        }
        Ok(effects.into())
    }

    fn ctl(&mut self, ctl: &Ctl) -> Result<Effect, Fault> {
        Ok(match ctl {
            Ctl::RuleEngine(switch) => Effect::RuleEngine(*switch),
            Ctl::Remove(which) => Effect::Remove(self.which(which)?),
            Ctl::RemoveTargets(which, targets) => Effect::RemoveTargets(self.which(which)?, self.targets(targets)?),
            Ctl::BodyProcessor(name) => Effect::BodyProcessor(name.clone()),
            Ctl::ForceRequestBody(on) => Effect::ForceRequestBody(*on),
            Ctl::RequestBody(on) => Effect::RequestBody(*on),
            Ctl::ResponseBody(on) => Effect::ResponseBody(*on),
            Ctl::RequestBodyLimit(bytes) => Effect::RequestBodyLimit(*bytes),
            Ctl::ResponseBodyLimit(bytes) => Effect::ResponseBodyLimit(*bytes),
        })
    }

    /// The numbers of the rules that a `ctl` is about.
    fn which(&self, which: &Remove) -> Result<Box<[u32]>, Fault> {
        let found: Box<dyn Fn(&Draft) -> bool> = match which {
            Remove::Ids(ids) => Box::new(move |draft| within(draft.id, ids)),
            Remove::Tag(tag) => {
                let pattern = pattern(tag)?;
                Box::new(move |draft| draft.tags().any(|t| pattern.is_match(t)))
            }
            Remove::Msg(msg) => {
                let pattern = pattern(msg)?;
                Box::new(move |draft| draft.msg().is_some_and(|m| pattern.is_match(m)))
            }
        };
        Ok((0u32..).zip(self.drafts).filter(|(_, draft)| found(draft)).map(|(number, _)| number).collect())
    }

    fn skip(&self, draft: &Draft, number: usize) -> Result<Skip, Fault> {
        let wanted = draft.actions.iter().rev().find(|a| matches!(a, Action::Skip(_) | Action::SkipAfter(_)));
        let name = match wanted {
            Some(Action::Skip(rules)) => return Ok(Skip::Rules(*rules)),
            Some(Action::SkipAfter(name)) => name,
            _ => return Ok(Skip::No),
        };
        let marks = self.markers.iter().filter(|(marker, _)| marker == name).map(|(_, position)| *position);
        let rules = self.drafts.iter().zip(1..).filter(|(d, _)| d.id.to_string() == *name).map(|(_, position)| position);
        let positions: Vec<usize> = marks.chain(rules).collect();
        if positions.is_empty() {
            return Err(Fault::Marker(name.clone()));
        }
        let order = self.phases.get(usize::from(draft.phase()).saturating_sub(1)).map_or(&[][..], |o| o);
        let goal = positions.into_iter().filter(|position| *position > number).min().unwrap_or(usize::MAX);
        Ok(Skip::To(order.iter().position(|n| *n as usize >= goal).unwrap_or(order.len())))
    }
}

/// The transformations of a rule: those of SecDefaultAction first, unless `t:none` is among its own.
fn transforms(draft: &Draft) -> Box<[Transform]> {
    let mut chain = Vec::new();
    for action in draft.defaults.iter().chain(&draft.actions) {
        match action {
            Action::Transform(transform) => chain.push(*transform),
            Action::NoTransform => chain.clear(),
            _ => {}
        }
    }
    chain.into()
}

/// What the rule does to the exchange when it matches, and whether that is logged.
fn disruption(draft: &Draft) -> (Disruption, bool) {
    let defaults = || draft.defaults.iter();
    let is_verdict = |a: &&Action| {
        matches!(a, Action::Deny | Action::Drop | Action::Pass | Action::Block | Action::Redirect(_) | Action::Allow(_))
    };
    let own = draft.actions.iter().rev().find(is_verdict).filter(|a| !matches!(a, Action::Block));
    let chosen = own.or_else(|| defaults().rev().find(is_verdict));
    let everything = || defaults().chain(&draft.actions).rev();
    let status = everything().find_map(|a| if let Action::Status(status) = a { Some(*status) } else { None });
    let log = everything().find_map(|a| if let Action::Log(log) = a { Some(*log) } else { None }).unwrap_or(true);
    let verdict = match chosen {
        Some(Action::Deny) => Disruption::Deny(status.unwrap_or(STATUS_DEFAULT)),
        Some(Action::Drop) => Disruption::Drop,
        Some(Action::Redirect(to)) => Disruption::Redirect(to.clone(), status.unwrap_or(302)),
        Some(Action::Allow(reach)) => Disruption::Allow(*reach),
        _ => Disruption::Pass,
    };
    (verdict, log)
}

fn about(draft: &Draft) -> About {
    let mut about = About::default();
    for action in &draft.actions {
        match action {
            Action::Msg(msg) => about.msg = msg.clone(),
            Action::LogData(data) => about.logdata = data.clone(),
            Action::Tag(tag) => about.tags.push(tag.clone()),
            Action::Severity(severity) => about.severity = Some(*severity),
            Action::Ver(ver) => about.ver.clone_from(ver),
            _ => {}
        }
    }
    about
}
