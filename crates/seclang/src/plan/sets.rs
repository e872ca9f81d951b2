//! Everything that many rules look for, looked for at once.

use super::bits::Bits;
use super::gist::clauses;
use super::shape::Shape;
use super::sweep::{Found, Memory, Sweep};
use super::track::Tracks;
use super::trie;
use crate::transform::Transform;

/// A piece as likely as this at a place of ordinary text tells little: it is only looked for where a pattern has no better one.
const LIKELY: f32 = 0.05;
/// A piece is followed so many bytes deep; then it counts as found.
const DEPTH_MAX: i8 = 12;
/// The same for further pieces of the same pattern.
const DEPTH_FURTHER_MAX: i8 = 3;
/// So many pieces of a pattern are looked for.
const PIECES_MAX: usize = 3;

/// Patterns and phrases in one automaton, each with the number of its rule.
#[derive(Debug, Clone)]
pub(super) struct Pieces {
    sweep: Sweep,
    /// For each piece what it speaks for.
    meanings: Vec<Meaning>,
    /// The rules that nothing speaks for: they always may match.
    blind: Bits,
}

/// What a piece speaks for.
#[derive(Debug, Clone, Default)]
struct Meaning {
    /// The rules that need no other piece.
    alone: Box<[u16]>,
    /// The rule that needs these pieces too. A piece that others need, and only they, has none.
    together: Option<(u16, Box<[u16]>)>,
}

impl Pieces {
    /// None if there are none.
    pub(super) fn of(patterns: &[(u16, &str, &[Transform])], phrases: &[(u16, &[u8])]) -> Option<Pieces> {
        let mut tracks = Tracks::default();
        let (mut meanings, mut blind) = (Vec::<Meaning>::new(), Bits::default());
        for (atom, pattern, transforms) in patterns {
            let shape = Shape::of(pattern)
                .map(|shape| transforms.iter().rev().fold(shape, |shape, transform| shape.before(*transform).unwrap_or(shape)));
            let clauses = shape.map(|shape| clauses(&shape)).unwrap_or_default();
            let chosen: Option<Vec<Vec<u16>>> = clauses.iter().map(|clause| choose(clause, &mut tracks)).collect();
            let Some(chosen) = chosen.filter(|chosen| !chosen.is_empty()) else {
                blind.insert((*atom).into());
                continue;
            };
            meanings.resize(tracks.pieces.into(), Meaning::default());
            for pieces in chosen {
                let Some((first, others)) = pieces.split_first() else { continue };
                let Some(meaning) = meanings.get_mut(usize::from(*first)) else { continue };
                match others {
                    [] => meaning.alone = Box::new([*atom]),
                    _ => meaning.together = Some((*atom, others.into())),
                }
            }
        }
        meanings.resize(tracks.pieces.into(), Meaning::default());
        match trie::add(&mut tracks, phrases) {
            Some(pieces) => meanings.extend(pieces.into_iter().map(|alone| Meaning { alone, together: None })),
            None => phrases.iter().for_each(|(atom, _)| blind.insert((*atom).into())),
        }
        let some = !patterns.is_empty() || !phrases.is_empty();
        some.then(|| Pieces { sweep: Sweep::new(&tracks), meanings, blind })
    }

    /// The rules whose pattern or phrase may be found.
    pub(super) fn found(&self, value: &[u8], memory: &mut Memory, pieces: &mut Found) -> Bits {
        self.sweep.look(value, memory, pieces);
        let mut found = self.blind;
        for meaning in pieces.iter().filter_map(|piece| self.meanings.get(piece)) {
            meaning.alone.iter().for_each(|atom| found.insert((*atom).into()));
            if let Some((atom, others)) = &meaning.together
                && others.iter().all(|piece| pieces.contains(*piece))
            {
                found.insert((*atom).into());
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
    let mut chosen = Vec::new();
    for (_, piece) in chances.iter().take(PIECES_MAX) {
        let depth = if chosen.is_empty() { DEPTH_MAX } else { DEPTH_FURTHER_MAX };
        match tracks.add(piece, depth) {
            Some((_, chance)) if !chosen.is_empty() && chance >= LIKELY => tracks.undo_last(),
            Some((number, _)) => chosen.push(number),
            None => {}
        }
    }
    (!chosen.is_empty()).then_some(chosen)
}

#[cfg(test)]
mod tests;
