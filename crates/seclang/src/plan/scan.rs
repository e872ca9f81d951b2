//! From the values of an exchange to the rules of a phase that may match.
//!
//! A value goes through one automaton for pieces of the patterns and for the phrases of all rules. Where
//! transformations give it another form, that form does too; a byte table says beforehand which chains can change it at all, and
//! chains that end alike share the form. Patterns see through transformations that work byte by byte (lower case, white space),
//! so that these cost no form. What is neither pattern nor phrase, or stands behind a transformation that changes everything
//! (base64), is tried rule by rule.

mod atoms;
mod changes;
mod forms;
mod memo;
mod scratch;

use super::Step;
use super::bits::Bits;
use super::sets::Pieces;
use super::sweep::{Found, Memory};
use crate::rule::RuleSet;
use crate::transaction::facts::Facts;
use crate::transform::Transform;
use crate::transform::base64_prefix;
use crate::variable::{Kind, Variable};
use changes::Changes;
use memo::Memo;
use scratch::{Scratch, Scratches};

/// The atom of a rule that runs in any case.
pub(crate) const ALWAYS: u16 = u16::MAX;

/// What a phase looks for, and where.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pieces: Option<Pieces>,
    /// Rules that are found by their pieces.
    by_piece: Bits,
    /// Rules that are tried on their own.
    trials: Vec<Trial>,
    by_trial: Bits,
    sources: Vec<Source>,
    changes: Changes,
    scratches: Scratches,
}

/// How it is told that a rule may match a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// By pieces of its pattern, which see through what a transformation does byte by byte.
    Pattern,
    /// By its phrases.
    Phrase,
    /// It is tried.
    Trial,
}

/// A rule that is tried.
#[derive(Debug)]
struct Trial {
    /// By this number it is wanted: that of the rule, or another one if the rule is found otherwise too.
    number: u16,
    atom: u16,
    rule: u32,
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
    /// Its number.
    id: u16,
    chains: Vec<Chain>,
    /// All rules of these chains.
    rules: Bits,
    /// The transformations in them, but for those behind a decoding that is bound to find nothing in a short text.
    transforms: u64,
    /// The shortest text whose decoding may hold something for one of the rules.
    encoded_min: usize,
}

/// A chain of transformations with the rules that use it.
#[derive(Debug)]
struct Chain {
    transforms: Box<[Transform]>,
    /// How its rules are found.
    how: How,
    /// The bits of values it may change.
    bits: u64,
    rules: Bits,
    /// Those of them that no other chain of the same interest has.
    only: Bits,
    /// Set if the chain decodes base64.
    encoded: Option<Encoded>,
}

/// Base64 in a chain: what stands before it, and the shortest text whose decoding may hold something for its rules.
#[derive(Debug, Clone, Copy)]
struct Encoded {
    before: u64,
    length_min: usize,
}

/// What looking at one value needs, and what is found in it.
struct Look<'a> {
    rules: &'a RuleSet,
    found: Bits,
}

/// What is found in the values of an exchange.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The rules that may match.
    rules: Bits,
    /// The values in which they may: a variable, which of its values, and the rules.
    values: Vec<(Variable, u32, Bits)>,
}

/// The values at which a rule is to look.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hint<'f> {
    /// All.
    All,
    /// Those in which something was found for the rule of this number.
    Found(&'f Findings, u16),
}

impl Findings {
    /// Where the rule of this number is to look; None if nowhere.
    pub(crate) fn hint(&self, atom: u16) -> Option<Hint<'_>> {
        match atom {
            ALWAYS => Some(Hint::All),
            _ => self.rules.contains(atom.into()).then_some(Hint::Found(self, atom)),
        }
    }

    /// The rules for which something was found.
    pub(crate) fn rules(&self) -> &Bits {
        &self.rules
    }

    /// The values of a variable at which the rule is to look, by their places.
    pub(crate) fn places(&self, variable: Variable, atom: u16) -> impl Iterator<Item = usize> {
        let of_rule = move |(of, _, rules): &&(Variable, u32, Bits)| *of == variable && rules.contains(atom.into());
        self.values.iter().filter(of_rule).map(|(_, at, _)| *at as usize)
    }

    fn add(&mut self, variable: Variable, at: usize, rules: &Bits) {
        if *rules != Bits::EMPTY {
            self.rules.add(rules);
            self.values.push((variable, u32::try_from(at).unwrap_or(u32::MAX), *rules));
        }
    }
}

impl Scan {
    /// What may match, and where.
    pub(crate) fn findings(&self, rules: &RuleSet, facts: &Facts) -> Findings {
        let mut findings = Findings::default();
        if self.sources.is_empty() {
            return findings;
        }
        let mut scratch = self.scratches.get();
        for source in &self.sources {
            let variable = source.variable;
            if variable.kind() == Kind::One {
                findings.add(variable, 0, &self.value(&source.all, &facts.one(variable), &mut scratch, rules));
            } else {
                for (at, (name, value)) in facts.many(variable).enumerate() {
                    findings.add(variable, at, &self.value(source.interest(name), value, &mut scratch, rules));
                }
            }
        }
        findings
    }

    /// The rules that may match because of this value.
    fn value(&self, interest: &Interest, value: &[u8], scratch: &mut Scratch, rules: &RuleSet) -> Bits {
        if interest.rules == Bits::EMPTY {
            return Bits::EMPTY;
        }
        let place = Memo::place(interest.id, value);
        if let Some(known) = place.and_then(|place| scratch.memo.recall(place, interest.id, value)) {
            return *known;
        }
        let mut look = Look { rules, found: Bits::EMPTY };
        self.forms(interest, value, scratch, &mut look);
        if let Some(place) = place {
            scratch.memo.remember(place, interest.id, value, &look.found);
        }
        look.found
    }

    fn forms(&self, interest: &Interest, value: &[u8], scratch: &mut Scratch, look: &mut Look<'_>) {
        let changing = self.changes.of(value);
        let encoded = base64_prefix(value);
        if changing & interest.transforms == 0 && encoded < interest.encoded_min {
            return self.look(value, &interest.rules, &mut scratch.sweep, &mut scratch.pieces, look);
        }
        let Scratch { forms, sweep, pieces, .. } = scratch;
        forms.clear(changing);
        let mut unchanged = interest.rules;
        for chain in interest.chains.iter().filter(|chain| chain.bits & changing != 0) {
            unchanged.take(&chain.only);
            if chain.encoded.is_none_or(|e| value.len() >= e.length_min && (encoded >= e.length_min || e.before & changing != 0))
            {
                match forms.of(&chain.transforms, chain.how, value, &self.changes) {
                    forms::ORIGINAL => unchanged.add(&chain.rules),
                    form => forms.want(form, &chain.rules),
                }
            }
        }
        self.look(value, &unchanged, sweep, pieces, look);
        for (form, wanted) in forms.iter() {
            self.look(form, wanted, sweep, pieces, look);
        }
    }

    /// Looks for everything that is wanted in one form of a value.
    fn look(&self, form: &[u8], wanted: &Bits, sweep: &mut Memory, pieces: &mut Found, look: &mut Look<'_>) {
        if wanted.meets(&self.by_piece) {
            let hits = self.pieces.as_ref().map(|all| all.found(form, sweep, pieces));
            look.found.add(&hits.unwrap_or(self.by_piece).and(wanted));
        }
        if wanted.meets(&self.by_trial) {
            self.try_rules(form, wanted, look);
        }
    }

    fn try_rules(&self, form: &[u8], wanted: &Bits, look: &mut Look<'_>) {
        for trial in &self.trials {
            let atom = usize::from(trial.atom);
            if wanted.contains(trial.number.into()) && !look.found.contains(atom) {
                let condition = look.rules.rules.get(trial.rule as usize).and_then(|rule| rule.condition.as_ref());
                if condition.is_none_or(|c| c.operator.test(form, b"", None) != c.negated) {
                    look.found.insert(atom);
                }
            }
        }
    }
}

impl Source {
    fn interest(&self, name: &[u8]) -> &Interest {
        self.named.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map_or(&self.all, |(_, interest)| interest)
    }
}

impl Scan {
    /// Finds out which of these steps can be left out by what is found, and numbers them.
    pub(crate) fn of(rules: &RuleSet, steps: &mut [Step]) -> Scan {
        atoms::scan(rules, steps)
    }
}
