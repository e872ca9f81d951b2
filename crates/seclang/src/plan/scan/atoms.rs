//! Builds a scan: which rules it can speak for, where they look, by what they are found.

use super::super::Step;
use super::super::bits::Bits;
use super::super::sets::{Patterns, Phrases};
use super::changes::{bit, changes_anything, deep_bit};
use super::{Chain, Encoded, Interest, Scan, Source};
use crate::operator::pattern_length_min;
use crate::rule::{Rule, RuleSet, Target, Which};
use crate::transform::Transform;
use crate::variable::{Kind, Variable};

/// A rule the scan speaks for.
struct Atom<'r> {
    number: u16,
    rule_number: u32,
    rule: &'r Rule,
}

pub(super) fn scan(rules: &RuleSet, steps: &mut [Step]) -> Scan {
    let mut atoms = Vec::new();
    for step in steps {
        let Some(rule) = rules.rules.get(step.rule as usize) else { continue };
        if let Ok(number) = u16::try_from(atoms.len())
            && atoms.len() < Bits::MAX
            && is_plannable(rule)
        {
            step.atom = number;
            atoms.push(Atom { number, rule_number: step.rule, rule });
        }
    }
    let mut scan = Scan::default();
    collect(&mut scan, &atoms);
    scan.sources = variables(&atoms).into_iter().map(|variable| source(variable, &atoms, &scan.by_pattern)).collect();
    let interests = scan.sources.iter_mut().flat_map(|s| std::iter::once(&mut s.all).chain(s.named.iter_mut().map(|(_, i)| i)));
    for (id, interest) in (0..).zip(interests) {
        interest.id = id;
    }
    scan
}

/// Whether the rule's first condition says what to look for in values of the exchange.
fn is_plannable(rule: &Rule) -> bool {
    let Some(condition) = &rule.condition else { return false };
    let of_exchange = |target: &Target| {
        let kind = target.variable.kind();
        !target.counted && target.variable != Variable::ReqbodyProcessor && matches!(kind, Kind::One | Kind::Many | Kind::Empty)
    };
    condition.argument.is_none() && rule.targets.iter().all(of_exchange)
}

/// Sorts the rules by how they are found.
fn collect(scan: &mut Scan, atoms: &[Atom<'_>]) {
    let (mut patterns, mut phrases) = (Vec::new(), Vec::new());
    for atom in atoms {
        let Some(condition) = &atom.rule.condition else { continue };
        let shared = !condition.negated && !atom.rule.transforms.iter().any(|t| changes_anything(*t));
        let number = usize::from(atom.number);
        match (condition.operator.as_pattern(), condition.operator.as_phrases()) {
            (Some(pattern), _) if shared => {
                patterns.push((atom.number, pattern, &*atom.rule.transforms));
                scan.by_pattern.insert(number);
            }
            (_, Some(list)) if shared => {
                phrases.extend(list.iter().map(|phrase| (atom.number, phrase.as_slice())));
                scan.by_phrase.insert(number);
            }
            _ => {
                scan.direct.push((atom.number, atom.rule_number));
                scan.by_trial.insert(number);
            }
        }
    }
    scan.patterns = Patterns::of(&patterns);
    scan.phrases = Phrases::of(&phrases);
}

fn variables(atoms: &[Atom<'_>]) -> Vec<Variable> {
    let mut all: Vec<Variable> = atoms.iter().flat_map(|atom| &atom.rule.targets).map(|target| target.variable).collect();
    all.sort_unstable();
    all.dedup();
    all.retain(|variable| variable.kind() != Kind::Empty);
    all
}

/// The rules that look at a variable, each with the targets by which it does.
fn targets<'a, 'r>(atoms: &'a [Atom<'r>], variable: Variable) -> impl Iterator<Item = (&'a Atom<'r>, &'r Target)> {
    atoms.iter().flat_map(move |atom| atom.rule.targets.iter().filter(move |t| t.variable == variable).map(move |t| (atom, t)))
}

fn source(variable: Variable, atoms: &[Atom<'_>], by_pattern: &Bits) -> Source {
    let mut names: Vec<&[u8]> = targets(atoms, variable).filter_map(|(_, target)| name(target)).collect();
    names.sort_unstable();
    names.dedup();
    let interest = |of: &dyn Fn(&Target) -> bool| {
        let mut interest = Interest { encoded_min: usize::MAX, ..Interest::default() };
        for (atom, _) in targets(atoms, variable).filter(|(_, target)| of(target)) {
            interest.add(atom, by_pattern.contains(atom.number.into()));
        }
        interest
    };
    let all = interest(&|target| name(target).is_none());
    let named = names.iter().map(|wanted| (wanted.to_vec(), interest(&|target| name(target).is_none_or(|name| name == *wanted))));
    Source { variable, all, named: named.collect() }
}

fn name(target: &Target) -> Option<&[u8]> {
    if let Which::Name(name, _) = &target.which { Some(name) } else { None }
}

impl Interest {
    /// Adds a rule by its chain; with `multiMatch` by every beginning of it too.
    fn add(&mut self, atom: &Atom<'_>, by_pattern: bool) {
        self.rules.insert(atom.number.into());
        let transforms = &atom.rule.transforms;
        let from = if atom.rule.multi_match { 0 } else { transforms.len() };
        for end in from..=transforms.len() {
            self.add_chain(atom, transforms.get(..end).unwrap_or_default(), by_pattern);
        }
    }

    fn add_chain(&mut self, atom: &Atom<'_>, transforms: &[Transform], by_pattern: bool) {
        let bit = if by_pattern { deep_bit } else { bit };
        let encoded = encoded(atom.rule, transforms);
        let known = self
            .chains
            .iter_mut()
            .find(|c| *c.transforms == *transforms && c.by_pattern == by_pattern && c.encoded.is_some() == encoded.is_some());
        if let Some(chain) = known {
            chain.rules.insert(atom.number.into());
            if let (Some(chain), Some(new)) = (&mut chain.encoded, encoded) {
                chain.length_min = chain.length_min.min(new.length_min);
            }
        } else {
            let mut rules = Bits::default();
            rules.insert(atom.number.into());
            let bits = transforms.iter().fold(0, |all, transform| all | bit(*transform));
            self.chains.push(Chain { transforms: transforms.into(), by_pattern, bits, rules, encoded });
        }
        match encoded {
            Some(Encoded { before, length_min }) => {
                self.transforms |= before;
                self.encoded_min = self.encoded_min.min(length_min);
            }
            None => self.transforms |= transforms.iter().fold(0, |all, transform| all | bit(*transform)),
        }
    }
}

/// The shortest text in base64 that may hold something for the rule, where that can be told: if it looks for a pattern of some length
/// and nothing in the chain makes a text longer.
fn encoded(rule: &Rule, transforms: &[Transform]) -> Option<Encoded> {
    let pattern = rule.condition.as_ref().filter(|c| !c.negated)?.operator.as_pattern()?;
    let at = transforms.iter().position(|transform| *transform == Transform::Base64Decode)?;
    let length_min = pattern_length_min(pattern).saturating_mul(4) / 3;
    let before = transforms.iter().take(at).fold(0, |all, transform| all | bit(*transform));
    (length_min > 0 && transforms.iter().all(|t| never_grows(*t))).then_some(Encoded { before, length_min })
}

fn never_grows(transform: Transform) -> bool {
    use Transform::{
        Base64Decode, CompressWhitespace, CssDecode, EscapeSeqDecode, HexDecode, JsDecode, Lowercase, RemoveComments,
        RemoveNulls, RemoveWhitespace, ReplaceComments, ReplaceNulls, Trim, UrlDecode, UrlDecodeUni,
    };
    matches!(
        transform,
        Base64Decode
            | CompressWhitespace
            | CssDecode
            | EscapeSeqDecode
            | HexDecode
            | JsDecode
            | Lowercase
            | RemoveComments
            | RemoveNulls
            | RemoveWhitespace
            | ReplaceComments
            | ReplaceNulls
            | Trim
            | UrlDecode
            | UrlDecodeUni
    )
}
