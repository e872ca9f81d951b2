//! Everything that many rules look for, looked for at once.

use super::bits::Bits;
use super::gist::clauses;
use super::shape::Shape;
use super::sweep::{Found, Memory, Sweep};
use super::track::Tracks;
use crate::transform::Transform;
use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;

/// A piece as likely as this at a place of ordinary text tells little: it is only looked for where a pattern has no better one.
const LIKELY: f32 = 0.05;
/// A piece is followed so many bytes deep; then it counts as found.
const DEPTH_MAX: i8 = 8;
/// The same for further pieces of the same pattern.
const DEPTH_FURTHER_MAX: i8 = 2;
/// So many pieces of a pattern are looked for.
const PIECES_MAX: usize = 3;

/// Patterns in one automaton, each with the number of its rule.
#[derive(Debug, Clone)]
pub(super) struct Patterns {
    sweep: Sweep,
    /// For each piece the rule it speaks for alone.
    alone: Vec<Option<u16>>,
    /// The rules that need several pieces.
    together: Vec<(u16, Box<[u16]>)>,
    /// The rules that nothing speaks for: they always may match.
    blind: Bits,
}

impl Patterns {
    /// None if there are none.
    pub(super) fn of(patterns: &[(u16, &str, &[Transform])]) -> Option<Patterns> {
        let mut tracks = Tracks::default();
        let (mut alone, mut together, mut blind) = (Vec::new(), Vec::new(), Bits::default());
        for (atom, pattern, transforms) in patterns {
            let shape = Shape::of(pattern)
                .map(|shape| transforms.iter().rev().fold(shape, |shape, transform| shape.before(*transform).unwrap_or(shape)));
            let clauses = shape.map(|shape| clauses(&shape)).unwrap_or_default();
            let chosen: Option<Vec<Vec<u16>>> = clauses.iter().map(|clause| choose(clause, &mut tracks)).collect();
            let Some(chosen) = chosen.filter(|chosen| !chosen.is_empty()) else {
                blind.insert((*atom).into());
                continue;
            };
            alone.resize(tracks.pieces.into(), None);
            for pieces in chosen {
                match pieces.as_slice() {
                    [only] => alone.get_mut(usize::from(*only)).into_iter().for_each(|place| *place = Some(*atom)),
                    _ => together.push((*atom, pieces.into_boxed_slice())),
                }
            }
        }
        (!patterns.is_empty()).then(|| Patterns { sweep: Sweep::new(&tracks), alone, together, blind })
    }

    /// The rules whose pattern may be found.
    pub(super) fn found(&self, value: &[u8], memory: &mut Memory, pieces: &mut Found) -> Bits {
        self.sweep.look(value, memory, pieces);
        let mut found = self.blind;
        let mut some_together = false;
        for piece in pieces.iter() {
            match self.alone.get(piece) {
                Some(Some(atom)) => found.insert((*atom).into()),
                _ => some_together = true,
            }
        }
        if some_together {
            for (atom, needed) in &self.together {
                if needed.iter().all(|piece| pieces.contains(*piece)) {
                    found.insert((*atom).into());
                }
            }
        }
        found
    }
}

/// The pieces of an alternative that tell most; None if none tells anything.
fn choose(clause: &[Shape], tracks: &mut Tracks) -> Option<Vec<u16>> {
    let mut chances = Vec::new();
    for piece in clause {
        if let Some((_, chance)) = tracks.add(piece, DEPTH_MAX) {
            tracks.undo_last();
            chances.push((chance, piece));
        }
    }
    chances.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let telling = chances.iter().take(PIECES_MAX).enumerate().filter(|(at, (chance, _))| *at == 0 || *chance < LIKELY);
    let depth = |at: usize| if at == 0 { DEPTH_MAX } else { DEPTH_FURTHER_MAX };
    let chosen: Vec<u16> =
        telling.filter_map(|(at, (_, piece))| tracks.add(piece, depth(at))).map(|(number, _)| number).collect();
    (!chosen.is_empty()).then_some(chosen)
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

#[cfg(test)]
mod tests;
