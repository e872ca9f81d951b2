//! From the values of an exchange to the rules of a phase that may match.

use super::Step;
use super::bits::Bits;
use super::sets::{Patterns, Phrases};
use crate::rule::{Rule, RuleSet, Target, Which};
use crate::transaction::facts::Facts;
use crate::transform::{ByteSet, Transform};
use crate::variable::{Kind, Variable};
use std::borrow::Cow;

/// The atom of a rule that runs in any case.
pub(crate) const ALWAYS: u16 = u16::MAX;

/// What a phase looks for, and where.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    patterns: Option<Patterns>,
    phrases: Option<Phrases>,
    by_pattern: Bits,
    by_phrase: Bits,
    sqli: Bits,
    xss: Bits,
    sources: Vec<Source>,
    /// All chains of transformations as a tree: a chain is a node, its beginning the node's parent.
    nodes: Vec<Node>,
}

/// A chain of transformations: another one and one more. The first node is the empty chain.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    parent: usize,
    transform: Option<Transform>,
}

/// A variable, and who looks at its values.
#[derive(Debug)]
struct Source {
    variable: Variable,
    /// Who looks at a value of any name.
    all: Interest,
    /// Who looks at a value of this name (in lower case), those of `all` included.
    named: Vec<(Vec<u8>, Interest)>,
}

/// The rules that look at a value, by what they do to it before.
#[derive(Debug, Default)]
struct Interest {
    chains: Vec<(usize, Bits)>,
}

/// A rule the plan knows how to find.
struct Atom<'r> {
    number: u16,
    rule: &'r Rule,
}

impl Scan {
    /// Finds out which of these steps can be left out by what is found, and numbers them.
    pub(crate) fn of(rules: &RuleSet, steps: &mut [Step]) -> Scan {
        let mut atoms = Vec::new();
        for step in steps {
            let Some(rule) = rules.rules.get(step.rule as usize) else { continue };
            if let Ok(number) = u16::try_from(atoms.len())
                && atoms.len() < Bits::MAX
                && is_plannable(rule)
            {
                step.atom = number;
                atoms.push(Atom { number, rule });
            }
        }
        let mut scan = Scan { nodes: vec![Node { parent: 0, transform: None }], ..Scan::default() };
        scan.collect(&atoms);
        for variable in variables(&atoms) {
            let source = scan.source(variable, &atoms);
            scan.sources.push(source);
        }
        scan
    }

    fn collect(&mut self, atoms: &[Atom<'_>]) {
        let (mut patterns, mut phrases) = (Vec::new(), Vec::new());
        for Atom { number, rule } in atoms {
            let Some(operator) = rule.condition.as_ref().map(|c| &c.operator) else { continue };
            let atom = usize::from(*number);
            if let Some(pattern) = operator.as_pattern() {
                patterns.push((*number, pattern));
                self.by_pattern.insert(atom);
            } else if let Some(list) = operator.as_phrases() {
                phrases.extend(list.iter().map(|phrase| (*number, phrase.as_slice())));
                self.by_phrase.insert(atom);
            } else if operator.is_sqli() {
                self.sqli.insert(atom);
            } else {
                self.xss.insert(atom);
            }
        }
        self.patterns = Patterns::of(&patterns);
        self.phrases = Phrases::of(&phrases);
    }

    fn source(&mut self, variable: Variable, atoms: &[Atom<'_>]) -> Source {
        let mut all = Interest::default();
        let mut names: Vec<&[u8]> = Vec::new();
        for (atom, target) in targets(atoms, variable) {
            match &target.which {
                Which::Name(name, _) => names.push(name),
                _ => self.add(&mut all, atom),
            }
        }
        names.sort_unstable();
        names.dedup();
        let named = names.into_iter().map(|name| (name.to_vec(), self.named(variable, atoms, name))).collect();
        Source { variable, all, named }
    }

    fn named(&mut self, variable: Variable, atoms: &[Atom<'_>], name: &[u8]) -> Interest {
        let mut interest = Interest::default();
        for (atom, target) in targets(atoms, variable) {
            if target.takes_or_may_take(name) {
                self.add(&mut interest, atom);
            }
        }
        interest
    }

    /// Adds a rule's chain; with `multiMatch` every beginning of it too.
    fn add(&mut self, interest: &mut Interest, atom: &Atom<'_>) {
        let mut node = 0;
        let mut add_at = |node| {
            let at = interest.chains.iter().position(|(n, _)| *n == node).unwrap_or_else(|| {
                interest.chains.push((node, Bits::default()));
                interest.chains.len() - 1
            });
            if let Some((_, bits)) = interest.chains.get_mut(at) {
                bits.insert(atom.number.into());
            }
        };
        for transform in &atom.rule.transforms {
            if atom.rule.multi_match {
                add_at(node);
            }
            node = child(&mut self.nodes, node, *transform);
        }
        add_at(node);
    }

    /// The rules that may match.
    pub(crate) fn candidates(&self, facts: &Facts) -> Bits {
        let mut found = Bits::default();
        let mut forms = Forms::default();
        for source in &self.sources {
            match source.variable.kind() {
                Kind::One => self.value(&source.all, &facts.one(source.variable), &mut forms, &mut found),
                _ => {
                    for (name, value) in facts.many(source.variable) {
                        self.value(source.interest(name), value, &mut forms, &mut found);
                    }
                }
            }
        }
        found
    }

    fn value(&self, interest: &Interest, value: &[u8], forms: &mut Forms, found: &mut Bits) {
        if interest.chains.is_empty() {
            return;
        }
        let bytes = ByteSet::of(value);
        let mut unchanged = Bits::default();
        forms.clear(self.nodes.len());
        let mut first = true;
        for (node, rules) in &interest.chains {
            if self.may_change(*node, &bytes) {
                if first {
                    forms.push(value.to_vec());
                    first = false;
                }
                let form = self.form(*node, forms);
                forms.want(form, rules);
            } else {
                unchanged.add(rules);
            }
        }
        if first {
            self.look(value, &unchanged, found);
            return;
        }
        forms.want(0, &unchanged);
        for (form, wanted) in &forms.forms {
            self.look(form, wanted, found);
        }
    }

    /// Whether a chain may give a value of these bytes another form.
    fn may_change(&self, node: usize, bytes: &ByteSet) -> bool {
        let mut node = node;
        while let Some(Node { parent, transform: Some(transform) }) = self.nodes.get(node) {
            if transform.may_change(bytes) {
                return true;
            }
            node = *parent;
        }
        false
    }

    /// The number of the form that a chain gives, made if nobody has made it.
    fn form(&self, node: usize, forms: &mut Forms) -> usize {
        let Some(Node { parent, transform: Some(transform) }) = self.nodes.get(node) else { return 0 };
        if let Some(known) = forms.known(node) {
            return known;
        }
        let before = self.form(*parent, forms);
        let changed = match forms.get(before).map(|form| transform.apply(form)) {
            Some(Cow::Owned(changed)) => Some(changed),
            _ => None,
        };
        let form = changed.map_or(before, |changed| forms.push(changed));
        forms.remember(node, form);
        form
    }

    /// Looks for everything that is wanted in one form of a value.
    fn look(&self, form: &[u8], wanted: &Bits, found: &mut Bits) {
        if let Some(patterns) = self.patterns.as_ref().filter(|_| wanted.meets(&self.by_pattern)) {
            let hits = patterns.found(form).unwrap_or(self.by_pattern);
            found.add(&hits.and(wanted));
        } else if self.patterns.is_none() {
            found.add(&self.by_pattern.and(wanted));
        }
        match self.phrases.as_ref() {
            Some(phrases) if wanted.meets(&self.by_phrase) => found.add(&phrases.found(form).and(wanted)),
            Some(_) => {}
            None => found.add(&self.by_phrase.and(wanted)),
        }
        if wanted.meets(&self.sqli) && may_be_sqli(form) {
            found.add(&self.sqli.and(wanted));
        }
        if wanted.meets(&self.xss) && may_be_xss(form) {
            found.add(&self.xss.and(wanted));
        }
    }
}

impl Source {
    fn interest(&self, name: &[u8]) -> &Interest {
        self.named.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map_or(&self.all, |(_, interest)| interest)
    }
}

/// The forms of one value, each once, and which rules want to see each.
#[derive(Debug, Default)]
struct Forms {
    forms: Vec<(Vec<u8>, Bits)>,
    by_node: Vec<Option<usize>>,
}

impl Forms {
    fn clear(&mut self, nodes: usize) {
        self.forms.clear();
        self.by_node.clear();
        self.by_node.resize(nodes, None);
    }

    fn push(&mut self, form: Vec<u8>) -> usize {
        let known = self.forms.iter().position(|(known, _)| *known == form);
        known.unwrap_or_else(|| {
            self.forms.push((form, Bits::default()));
            self.forms.len() - 1
        })
    }

    fn get(&self, form: usize) -> Option<&[u8]> {
        self.forms.get(form).map(|(form, _)| form.as_slice())
    }

    fn want(&mut self, form: usize, rules: &Bits) {
        if let Some((_, wanted)) = self.forms.get_mut(form) {
            wanted.add(rules);
        }
    }

    fn known(&self, node: usize) -> Option<usize> {
        self.by_node.get(node).copied().flatten()
    }

    fn remember(&mut self, node: usize, form: usize) {
        if let Some(place) = self.by_node.get_mut(node) {
            *place = Some(form);
        }
    }
}

fn child(nodes: &mut Vec<Node>, parent: usize, transform: Transform) -> usize {
    let wanted = Node { parent, transform: Some(transform) };
    nodes.iter().position(|node| *node == wanted).unwrap_or_else(|| {
        nodes.push(wanted);
        nodes.len() - 1
    })
}

/// Whether the rule's first condition says what to look for in values of the exchange.
fn is_plannable(rule: &Rule) -> bool {
    let Some(condition) = &rule.condition else { return false };
    let operator = &condition.operator;
    let known = operator.as_pattern().is_some() || operator.as_phrases().is_some() || operator.is_sqli() || operator.is_xss();
    let of_exchange = |target: &Target| !target.counted && matches!(target.variable.kind(), Kind::One | Kind::Many | Kind::Empty);
    let changing = rule.targets.iter().any(|target| target.variable == Variable::ReqbodyProcessor);
    known && !condition.negated && condition.argument.is_none() && !changing && rule.targets.iter().all(of_exchange)
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

impl Target {
    fn takes_or_may_take(&self, name: &[u8]) -> bool {
        !matches!(&self.which, Which::Name(..)) || self.takes(name)
    }
}

/// One word is one token, and no single token is an attack to libinjection.
fn may_be_sqli(value: &[u8]) -> bool {
    !value.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Every attack that libinjection knows needs a tag, or an attribute with a value.
fn may_be_xss(value: &[u8]) -> bool {
    memchr::memchr2(b'<', b'=', value).is_some()
}
