//! What the rules themselves write while they run.

use crate::action::Switch;
use crate::names::{Names, Slot};
use crate::rule::{RuleSet, Target};
use crate::variable::Variable;
use std::borrow::Cow;

/// TX values whose names were made while rules ran, at most; and their longest value in bytes.
const MADE_MAX: usize = 1024;
const VALUE_MAX: usize = 64 << 10;

/// TX: by slot those that rules name, by name those that were made up on the way.
#[derive(Debug, Clone)]
pub(crate) struct Tx<'r> {
    names: &'r Names,
    slots: Vec<Option<Cow<'r, [u8]>>>,
    made: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<'r> Tx<'r> {
    fn new(names: &'r Names) -> Self {
        Tx { names, slots: vec![None; names.len()], made: Vec::new() }
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&[u8]> {
        self.slots.get(slot.0 as usize)?.as_deref()
    }

    /// The value as it is kept: one that stands in the rules is not copied with it.
    pub(crate) fn shared(&self, slot: Slot) -> Option<&Cow<'r, [u8]>> {
        self.slots.get(slot.0 as usize)?.as_ref()
    }

    pub(crate) fn get_named(&self, name: &[u8]) -> Option<&[u8]> {
        let name = name.to_ascii_lowercase();
        match self.names.find(&name) {
            Some(slot) => self.get(slot),
            None => self.made.iter().find(|(made, _)| *made == name).map(|(_, value)| value.as_slice()),
        }
    }

    pub(crate) fn set(&mut self, slot: Slot, value: Option<Cow<'r, [u8]>>) {
        if let Some(place) = self.slots.get_mut(slot.0 as usize) {
            *place = value.filter(|v| v.len() <= VALUE_MAX);
        }
    }

    pub(crate) fn set_named(&mut self, mut name: Vec<u8>, value: Option<Cow<'r, [u8]>>) {
        name.make_ascii_lowercase();
        if let Some(slot) = self.names.find(&name) {
            return self.set(slot, value);
        }
        self.made.retain(|(made, _)| *made != name);
        if let Some(value) = value.filter(|v| v.len() <= VALUE_MAX && name.len() <= VALUE_MAX)
            && self.made.len() < MADE_MAX
        {
            self.made.push((name, value.into_owned()));
        }
    }

    /// The values that have slots.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (Slot, &[u8])> {
        (0..).zip(&self.slots).filter_map(|(slot, value)| Some((Slot(slot), value.as_deref()?)))
    }

    /// The values whose names were made up on the way.
    pub(crate) fn made(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.made.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The name of a slot.
    pub(crate) fn name(&self, slot: Slot) -> &'r [u8] {
        self.names.name(slot)
    }

    /// All values, with their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.slots().map(|(slot, value)| (self.name(slot), value)).chain(self.made())
    }
}

/// A value that has matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit<'r> {
    pub(crate) variable: Variable,
    pub(crate) name: Cow<'r, [u8]>,
    /// As the operator saw it, after transformations.
    pub(crate) value: Cow<'r, [u8]>,
}

impl Hit<'_> {
    /// The name as messages show it, such as `ARGS:q`.
    pub(crate) fn full_name(&self) -> Vec<u8> {
        match self.variable.kind() {
            crate::variable::Kind::One => self.variable.name().into(),
            _ if self.name.is_empty() && self.variable != Variable::Args => self.variable.name().into(),
            _ => [self.variable.name().as_bytes(), b":", &*self.name].concat(),
        }
    }
}

/// The state of one exchange.
#[derive(Debug, Clone)]
pub(crate) struct State<'r> {
    pub(crate) tx: Tx<'r>,
    /// The values that have matched in the chain that runs; the last one stays for later rules.
    pub(crate) hits: Vec<Hit<'r>>,
    pub(crate) engine: Switch,
    pub(crate) severity: Option<u8>,
    pub(crate) removed_targets: Vec<(&'r [u32], &'r [Target])>,
    pub(crate) processor: Option<&'r str>,
    pub(crate) force_request_body: bool,
    pub(crate) request_body: bool,
    pub(crate) response_body: bool,
    pub(crate) request_body_limit: usize,
    pub(crate) response_body_limit: usize,
    removed: Vec<u64>,
}

impl<'r> State<'r> {
    pub(crate) fn new(rules: &'r RuleSet) -> Self {
        let settings = &rules.settings;
        State {
            tx: Tx::new(&rules.names),
            hits: Vec::new(),
            engine: settings.engine,
            severity: None,
            removed_targets: Vec::new(),
            processor: None,
            force_request_body: false,
            request_body: settings.request_body,
            response_body: settings.response_body,
            request_body_limit: settings.request_body_limit,
            response_body_limit: settings.response_body_limit,
            removed: Vec::new(),
        }
    }

    /// Takes rules out of the rest of the exchange.
    pub(crate) fn remove(&mut self, rules: &[u32]) {
        for rule in rules {
            let (word, bit) = ((rule / 64) as usize, rule % 64);
            if self.removed.len() <= word {
                self.removed.resize(word + 1, 0);
            }
            if let Some(word) = self.removed.get_mut(word) {
                *word |= 1 << bit;
            }
        }
    }

    pub(crate) fn is_removed(&self, rule: u32) -> bool {
        self.removed.get((rule / 64) as usize).is_some_and(|word| word >> (rule % 64) & 1 == 1)
    }
}
