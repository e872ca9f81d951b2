//! Builds a scan: which rules it can speak for, where they look, by what they are found.

use super::super::Step;
use super::super::bits::Bits;
use super::super::sets::{Patterns, Phrases};
use super::{Chain, Changes, Interest, Node, Scan, Source};
use crate::operator::pattern_length_min;
use crate::rule::{Rule, RuleSet, Target, Which};
use crate::transform::{ByteSet, Transform};
use crate::variable::{Kind, Variable};

/// A rule the scan speaks for.
struct Atom<'r> {
    number: u16,
    rule_number: u32,
    rule: &'r Rule,
}

/// The last bit of [`Changes`]: chains that found no bit of their own share it, and count as changing everything.
const LAST_END: u64 = 1 << 63;

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
    let mut scan = Scan { nodes: vec![Node { parent: 0, transform: None }], ..Scan::default() };
    collect(&mut scan, &atoms);
    let mut ends = vec![0];
    for variable in variables(&atoms) {
        let source = source(&mut scan, &mut ends, variable, &atoms);
        scan.sources.push(source);
    }
    scan.changes = changes(&scan, &ends);
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
                patterns.push((atom.number, pattern));
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

fn source(scan: &mut Scan, ends: &mut Vec<usize>, variable: Variable, atoms: &[Atom<'_>]) -> Source {
    let mut names: Vec<&[u8]> = targets(atoms, variable).filter_map(|(_, target)| name(target)).collect();
    names.sort_unstable();
    names.dedup();
    let mut interest = |of: &dyn Fn(&Target) -> bool| {
        let mut interest = Interest::default();
        for (atom, _) in targets(atoms, variable).filter(|(_, target)| of(target)) {
            add(scan, ends, &mut interest, atom);
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

/// Adds a rule by its chain; with `multiMatch` by every beginning of it too.
fn add(scan: &mut Scan, ends: &mut Vec<usize>, interest: &mut Interest, atom: &Atom<'_>) {
    let mut node = 0;
    let length_min = length_min(atom.rule);
    interest.rules.insert(atom.number.into());
    for transform in &atom.rule.transforms {
        if atom.rule.multi_match {
            interest.add(node, end_bit(ends, node), atom.number, 0);
        }
        node = child(&mut scan.nodes, node, *transform);
    }
    interest.add(node, end_bit(ends, node), atom.number, length_min);
}

impl Interest {
    fn add(&mut self, node: usize, end: u64, atom: u16, length_min: usize) {
        self.ends |= end;
        let at = self.chains.iter().position(|chain| chain.node == node).unwrap_or_else(|| {
            self.chains.push(Chain { node, end, rules: Bits::default(), length_min });
            self.chains.len() - 1
        });
        if let Some(chain) = self.chains.get_mut(at) {
            chain.rules.insert(atom.into());
            chain.length_min = chain.length_min.min(length_min);
        }
    }
}

/// The bit of a chain; the empty chain changes nothing and has none.
fn end_bit(ends: &mut Vec<usize>, node: usize) -> u64 {
    let at = ends.iter().position(|end| *end == node).unwrap_or_else(|| {
        ends.push(node);
        ends.len() - 1
    });
    match at {
        0 => 0,
        1..=63 => 1 << (at - 1),
        _ => LAST_END,
    }
}

fn child(nodes: &mut Vec<Node>, parent: usize, transform: Transform) -> usize {
    let wanted = Node { parent, transform: Some(transform) };
    nodes.iter().position(|node| *node == wanted).unwrap_or_else(|| {
        nodes.push(wanted);
        nodes.len() - 1
    })
}

fn changes(scan: &Scan, ends: &[usize]) -> Changes {
    let mut changes = Changes { any: LAST_END, ..Changes::default() };
    for (at, node) in ends.iter().enumerate().skip(1).take(63) {
        let bit = 1 << (at - 1);
        for transform in transforms(&scan.nodes, *node) {
            add_changes(&mut changes, transform, bit);
        }
    }
    changes
}

/// The transformations of a chain, last first.
fn transforms(nodes: &[Node], node: usize) -> impl Iterator<Item = Transform> + '_ {
    let chain = std::iter::successors(nodes.get(node), |node| nodes.get(node.parent).filter(|_| node.transform.is_some()));
    chain.map_while(|node| node.transform)
}

fn add_changes(changes: &mut Changes, transform: Transform, bit: u64) {
    let is_path = matches!(transform, Transform::NormalizePath | Transform::NormalizePathWin);
    if is_path {
        changes.last_dot |= bit;
    }
    if changes_anything(transform) {
        changes.any |= bit;
    }
    for (byte, chains) in (0..=u8::MAX).zip(changes.by_byte.iter_mut()) {
        // A dot changes a path only behind a slash or at its end.
        if transform.may_change(&ByteSet::of(&[byte])) && !(is_path && byte == b'.') {
            *chains |= bit;
        }
    }
}

/// Whether the transformation may change a value of any bytes.
fn changes_anything(transform: Transform) -> bool {
    transform.may_change(&ByteSet::default())
}

/// The least length of a value in which the rule may find something; only worked out where it saves base64 decoding.
fn length_min(rule: &Rule) -> usize {
    let Some(pattern) = rule.condition.as_ref().filter(|c| !c.negated).and_then(|c| c.operator.as_pattern()) else { return 0 };
    let decodes = rule.transforms.contains(&Transform::Base64Decode);
    if !decodes || rule.multi_match || !rule.transforms.iter().all(|t| never_grows(*t)) {
        return 0;
    }
    pattern_length_min(pattern).saturating_mul(4) / 3
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
