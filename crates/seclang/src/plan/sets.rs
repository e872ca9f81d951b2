//! Everything that many rules look for, looked for at once.

use super::bits::Bits;
use crate::operator::syntax;
use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::{Input, MatchKind};
use std::fmt;

/// What the automaton of one phase may keep for each thread, in bytes.
const CACHE_BYTES_MAX: usize = 4 << 20;
/// An automaton that is thrown away so often gives up: then every rule it speaks for runs on its own, in linear time.
const CACHE_CLEARS_MAX: usize = 2;
/// Less than so many bytes for each state made means that the automaton does not pay.
const BYTES_PER_STATE_MIN: usize = 10;

/// Patterns in one automaton, each with the number of its rule.
#[derive(Clone)]
pub(super) struct Patterns {
    dfa: DFA,
    atoms: Vec<u16>,
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patterns").field("atoms", &self.atoms.len()).finish_non_exhaustive()
    }
}

impl Patterns {
    /// None if they cannot stand in one automaton: then the rules run on their own.
    pub(super) fn of(patterns: &[(u16, &str)]) -> Option<Patterns> {
        let texts: Vec<&str> = patterns.iter().map(|(_, text)| *text).collect();
        if texts.is_empty() {
            return None;
        }
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .cache_capacity(CACHE_BYTES_MAX)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(CACHE_CLEARS_MAX))
            .minimum_bytes_per_state(Some(BYTES_PER_STATE_MIN));
        let thompson = regex_automata::nfa::thompson::Config::new()
            .utf8(false)
            .which_captures(regex_automata::nfa::thompson::WhichCaptures::None);
        let dfa = DFA::builder().configure(config).syntax(syntax()).thompson(thompson).build_many(&texts).ok()?;
        Some(Patterns { dfa, atoms: patterns.iter().map(|(atom, _)| *atom).collect() })
    }

    /// What one thread needs to search.
    pub(super) fn cache(&self) -> Cache {
        self.dfa.create_cache()
    }

    /// The rules whose pattern is found; None if the automaton gave up.
    pub(super) fn found(&self, value: &[u8], cache: &mut Cache) -> Option<Bits> {
        let mut found = Bits::default();
        let mut state = self.dfa.start_state_forward(cache, &Input::new(value)).ok()?;
        // The state of which all patterns are noted. Its number means nothing any more after the cache was cleared.
        let (mut last, mut clears) = (state, cache.clear_count());
        for byte in value {
            state = self.dfa.next_state(cache, state, *byte).ok()?;
            if state.is_tagged() && (state != last || cache.clear_count() != clears) {
                if state.is_match() {
                    self.add(cache, state, &mut found);
                } else if state.is_dead() {
                    return Some(found);
                } else if state.is_quit() {
                    return None;
                }
                (last, clears) = (state, cache.clear_count());
            }
        }
        state = self.dfa.next_eoi_state(cache, state).ok()?;
        if state.is_match() {
            self.add(cache, state, &mut found);
        }
        Some(found)
    }

    fn add(&self, cache: &Cache, state: regex_automata::hybrid::LazyStateID, found: &mut Bits) {
        for index in 0..self.dfa.match_len(cache, state) {
            let pattern = self.dfa.match_pattern(cache, state, index);
            if let Some(atom) = self.atoms.get(pattern.as_usize()) {
                found.insert((*atom).into());
            }
        }
    }
}

/// Phrases in one automaton, each with the numbers of its rules.
#[derive(Debug, Clone)]
pub(super) struct Phrases {
    automaton: NFA,
    start: StateID,
    atoms: Vec<u16>,
}

impl Phrases {
    /// None if they cannot stand in one automaton: then the rules run on their own.
    pub(super) fn of(phrases: &[(u16, &[u8])]) -> Option<Phrases> {
        if phrases.is_empty() {
            return None;
        }
        let automaton = NFA::builder().ascii_case_insensitive(true).build(phrases.iter().map(|(_, text)| *text)).ok()?;
        let start = automaton.start_state(Anchored::No).ok()?;
        Some(Phrases { automaton, start, atoms: phrases.iter().map(|(atom, _)| *atom).collect() })
    }

    /// The rules of which a phrase is found.
    pub(super) fn found(&self, value: &[u8]) -> Bits {
        let mut found = Bits::default();
        let mut state = self.start;
        for byte in value {
            state = self.automaton.next_state(Anchored::No, state, *byte);
            if self.automaton.is_special(state) && self.automaton.is_match(state) {
                for index in 0..self.automaton.match_len(state) {
                    let phrase = self.automaton.match_pattern(state, index);
                    if let Some(atom) = self.atoms.get(phrase.as_usize()) {
                        found.insert((*atom).into());
                    }
                }
            }
        }
        found
    }
}
