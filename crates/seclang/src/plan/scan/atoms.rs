//! Builds a scan: which rules it can speak for, where they look, by what they are found.

use super::super::Step;
use super::super::bits::Bits;
use super::super::sets::Pieces;
use super::changes::{bit, changes_anything};
use super::{Chain, Encoded, How, Interest, Scan, Source, Trial};
use crate::operator::pattern_length_min;
use crate::rule::{Rule, RuleSet, Target, Which};
use crate::transform::Transform;
use crate::variable::{Kind, Variable};

/// A rule the scan speaks for.
struct Atom<'r> {
    number: u16,
    rule_number: u32,
    rule: &'r Rule,
    how: How,
    /// With `multiMatch`, from this many transformations on the rule is tried on what they make, under a number of its own.
    tried: Option<(usize, u16)>,
}

pub(super) fn scan(rules: &RuleSet, steps: &mut [Step]) -> Scan {
    let mut atoms = Vec::new();
    let mut numbers = steps.len()..Bits::MAX;
    for (at, step) in steps.iter_mut().enumerate().take(Bits::MAX) {
        let rule = rules.rules.get(step.rule as usize).filter(|rule| is_plannable(rule));
        if let (Some(rule), Ok(number)) = (rule, u16::try_from(at)) {
            step.atom = number;
            atoms.push(Atom::of(number, step.rule, rule, &mut numbers));
        }
    }
    let mut scan = Scan::default();
    collect(&mut scan, &atoms);
    scan.sources = variables(&atoms).into_iter().map(|variable| source(variable, &atoms)).collect();
    let interests = scan.sources.iter_mut().flat_map(|s| std::iter::once(&mut s.all).chain(s.named.iter_mut().map(|(_, i)| i)));
    for (id, interest) in (0..).zip(interests) {
        interest.id = id;
    }
    scan
}

impl<'r> Atom<'r> {
    fn of(number: u16, rule_number: u32, rule: &'r Rule, numbers: &mut impl Iterator<Item = usize>) -> Self {
        let how = rule.condition.as_ref().filter(|condition| !condition.negated).map_or(How::Trial, |condition| {
            match (condition.operator.as_pattern(), condition.operator.as_phrases()) {
                (Some(_), _) => How::Pattern,
                (_, Some(_)) => How::Phrase,
                _ => How::Trial,
            }
        });
        let unlike = rule.transforms.iter().position(|transform| changes_anything(*transform)).filter(|_| how != How::Trial);
        let other = |at| rule.multi_match.then(|| u16::try_from(numbers.next()?).ok().map(|number| (at, number))).flatten();
        match unlike.map(other) {
            None => Atom { number, rule_number, rule, how, tried: None },
            Some(None) => Atom { number, rule_number, rule, how: How::Trial, tried: None },
            Some(tried) => Atom { number, rule_number, rule, how, tried },
        }
    }
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
        let transforms = atom.rule.transforms.get(..atom.tried.map_or(usize::MAX, |(at, _)| at)).unwrap_or(&atom.rule.transforms);
        let tried = match atom.how {
            How::Trial => Some(atom.number),
            _ => atom.tried.map(|(_, number)| number),
        };
        if let Some(number) = tried {
            scan.trials.push(Trial { number, atom: atom.number, rule: atom.rule_number });
            scan.by_trial.insert(number.into());
        }
        if atom.how != How::Trial {
            scan.by_piece.insert(atom.number.into());
            patterns.extend(condition.operator.as_pattern().map(|pattern| (atom.number, pattern, transforms)));
            phrases.extend(condition.operator.as_phrases().into_iter().flatten().map(|phrase| (atom.number, phrase.as_slice())));
        }
    }
    scan.pieces = Pieces::of(&patterns, &phrases);
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

fn source(variable: Variable, atoms: &[Atom<'_>]) -> Source {
    let mut names: Vec<&[u8]> = targets(atoms, variable).filter_map(|(_, target)| name(target)).collect();
    names.sort_unstable();
    names.dedup();
    let interest = |of: &dyn Fn(&Target) -> bool| {
        let mut interest = Interest { encoded_min: usize::MAX, ..Interest::default() };
        for (atom, _) in targets(atoms, variable).filter(|(_, target)| of(target)) {
            interest.add(atom);
        }
        interest.finish();
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
    fn add(&mut self, atom: &Atom<'_>) {
        self.rules.insert(atom.number.into());
        let transforms = &atom.rule.transforms;
        let from = if atom.rule.multi_match { 0 } else { transforms.len() };
        for end in from..=transforms.len() {
            let chain = transforms.get(..end).unwrap_or_default();
            match atom.tried {
                Some((at, number)) if end > at => self.add_chain(atom.rule, number, chain, How::Trial),
                _ => self.add_chain(atom.rule, atom.number, chain, atom.how),
            }
        }
    }

    /// When all rules are in: which of them each chain has alone. Chains that change nothing are taken out.
    fn finish(&mut self) {
        let all: Vec<Bits> = self.chains.iter().map(|chain| chain.rules).collect();
        for (at, chain) in self.chains.iter_mut().enumerate() {
            chain.only = chain.rules;
            all.iter().enumerate().filter(|(other, _)| *other != at).for_each(|(_, rules)| chain.only.take(rules));
        }
        self.chains.retain(|chain| chain.bits != 0);
    }

    fn add_chain(&mut self, rule: &Rule, number: u16, transforms: &[Transform], how: How) {
        let bits = |transforms: &[Transform]| transforms.iter().fold(0, |all, transform| all | bit(how, *transform));
        let encoded = encoded(rule, transforms, how);
        let known = self
            .chains
            .iter_mut()
            .find(|c| *c.transforms == *transforms && c.how == how && c.encoded.is_some() == encoded.is_some());
        if let Some(chain) = known {
            chain.rules.insert(number.into());
            if let (Some(chain), Some(new)) = (&mut chain.encoded, encoded) {
                chain.length_min = chain.length_min.min(new.length_min);
            }
        } else {
            let mut rules = Bits::default();
            rules.insert(number.into());
            self.chains.push(Chain {
                transforms: transforms.into(),
                how,
                bits: bits(transforms),
                rules,
                only: Bits::EMPTY,
                encoded,
            });
        }
        match encoded {
            Some(Encoded { before, length_min }) => {
                self.transforms |= before;
                self.encoded_min = self.encoded_min.min(length_min);
            }
            None => self.transforms |= bits(transforms),
        }
    }
}

/// The shortest text in base64 that may hold something for the rule, where that can be told: if it looks for a pattern of some length
/// and nothing in the chain makes a text longer.
fn encoded(rule: &Rule, transforms: &[Transform], how: How) -> Option<Encoded> {
    let pattern = rule.condition.as_ref().filter(|c| !c.negated)?.operator.as_pattern()?;
    let at = transforms.iter().position(|transform| *transform == Transform::Base64Decode)?;
    let length_min = pattern_length_min(pattern).saturating_mul(4) / 3;
    let before = transforms.iter().take(at).fold(0, |all, transform| all | bit(how, *transform));
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
