//! Looks for the pieces of many patterns in one pass over a value.
//!
//! The automaton of positions ([`Tracks`]) is made deterministic while it runs: a state is a set of positions, and what follows it
//! by which byte is worked out once and kept. What is kept is bounded; beyond it the memory starts anew.

use super::track::{Begin, Position, Tracks, is_word};
use crate::transform::ByteSet;
use std::collections::HashMap;

/// States that one thread keeps.
const STATES_MAX: usize = 8192;

/// The pieces, ready to be looked for.
#[derive(Debug, Clone)]
pub(super) struct Sweep {
    positions: Vec<Place>,
    /// The class of each byte: bytes of a class are told apart by no position.
    classes: Box<[u8; 256]>,
    /// A byte of each class.
    samples: Vec<u8>,
    /// The positions that each class reaches from nothing: at the beginning of a value, behind a word's byte, behind another.
    begins: [Vec<Vec<u16>>; 3],
    pieces: usize,
}

#[derive(Debug, Clone)]
struct Place {
    bytes: ByteSet,
    next: Box<[u16]>,
    found: Option<u16>,
    found_at_end: Option<u16>,
}

/// What came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
enum Before {
    Nothing,
    Word,
    Other,
}

/// A transition that is not known yet.
const UNKNOWN: u32 = 0;
/// Set in transitions to states that find something.
const FINDS: u32 = 1 << 31;

/// What one thread has worked out.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// For each state and class the next state: one more than its number.
    table: Vec<u32>,
    states: Vec<State>,
    entries: HashMap<(Before, Box<[u16]>), u32>,
    /// States made so far, those forgotten included: the work that was not spared.
    made: u64,
}

#[derive(Debug)]
struct State {
    before: Before,
    positions: Box<[u16]>,
    found: Box<[u16]>,
}

/// The pieces found in a value.
#[derive(Debug, Clone, Default)]
pub(super) struct Found(Vec<u64>);

impl Found {
    pub(super) fn clear(&mut self, pieces: usize) {
        self.0.clear();
        self.0.resize(pieces.div_ceil(64), 0);
    }

    fn insert(&mut self, piece: u16) {
        if let Some(word) = self.0.get_mut(usize::from(piece / 64)) {
            *word |= 1 << (piece % 64);
        }
    }

    pub(super) fn contains(&self, piece: u16) -> bool {
        self.0.get(usize::from(piece / 64)).is_some_and(|word| word >> (piece % 64) & 1 == 1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..).zip(&self.0).flat_map(|(at, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros() as usize;
                word &= word.wrapping_sub(1);
                (bit < 64).then_some(at * 64 + bit)
            })
        })
    }
}

impl Sweep {
    pub(super) fn new(tracks: &Tracks) -> Sweep {
        let classes = classes(tracks);
        let mut samples = Vec::new();
        for (byte, class) in (0..=u8::MAX).zip(classes.iter()) {
            if usize::from(*class) == samples.len() {
                samples.push(byte);
            }
        }
        let place = |position: &Position| Place {
            bytes: position.bytes,
            next: position.next.clone().into_boxed_slice(),
            found: position.found.then_some(position.piece),
            found_at_end: position.found_at_end.then_some(position.piece),
        };
        let positions: Vec<Place> = tracks.positions.iter().map(place).collect();
        let reach = |takes: fn(Begin) -> bool| {
            let by = |sample: &u8| {
                let taken = tracks.begins.iter().filter(|(_, begin)| takes(*begin)).map(|(at, _)| *at);
                taken.filter(|at| positions.get(usize::from(*at)).is_some_and(|p| p.bytes.contains(*sample))).collect()
            };
            samples.iter().map(by).collect::<Vec<Vec<u16>>>()
        };
        let begins = [reach(|_| true), reach(|b| b == Begin::Anywhere), reach(|b| b != Begin::Value)];
        Sweep { classes, samples, begins, pieces: tracks.pieces.into(), positions }
    }

    /// Looks through a value.
    pub(super) fn look(&self, value: &[u8], memory: &mut Memory, found: &mut Found) {
        found.clear(self.pieces);
        if memory.states.is_empty() {
            self.start(memory);
        }
        // The first state stands for the beginning of a value.
        let mut state = 0;
        for byte in value {
            let class = self.classes.get(usize::from(*byte)).copied().unwrap_or_default();
            let known = memory.table.get(state * self.samples.len() + usize::from(class)).copied();
            let next = known.filter(|next| *next != UNKNOWN).unwrap_or_else(|| self.step(state, class, memory));
            state = (next & !FINDS).saturating_sub(1) as usize;
            if next & FINDS != 0 {
                memory.states.get(state).iter().flat_map(|s| &s.found).for_each(|piece| found.insert(*piece));
            }
        }
        for at in memory.states.get(state).iter().flat_map(|s| &s.positions) {
            self.positions.get(usize::from(*at)).and_then(|p| p.found_at_end).into_iter().for_each(|piece| found.insert(piece));
        }
    }

    fn start(&self, memory: &mut Memory) {
        memory.table.clear();
        memory.states.clear();
        memory.entries.clear();
        self.state(Before::Nothing, Box::default(), memory);
    }

    /// Works a transition out, and keeps it.
    fn step(&self, from: usize, class: u8, memory: &mut Memory) -> u32 {
        let class = usize::from(class);
        let (Some(sample), Some(state)) = (self.samples.get(class), memory.states.get(from)) else { return UNKNOWN };
        let begins = self.begins.get(state.before as usize).and_then(|by| by.get(class));
        let next = state.positions.iter().filter_map(|at| self.positions.get(usize::from(*at))).flat_map(|place| &place.next);
        let takes = |at: &u16| self.positions.get(usize::from(*at)).is_some_and(|place| place.bytes.contains(*sample));
        let mut reached: Vec<u16> = next.copied().filter(takes).chain(begins.into_iter().flatten().copied()).collect();
        reached.sort_unstable();
        reached.dedup();
        let before = if is_word(*sample) { Before::Word } else { Before::Other };
        if memory.states.len() >= STATES_MAX {
            self.start(memory);
            return self.state(before, reached.into_boxed_slice(), memory);
        }
        let entry = self.state(before, reached.into_boxed_slice(), memory);
        if let Some(place) = memory.table.get_mut(from * self.samples.len() + class) {
            *place = entry;
        }
        entry
    }

    /// The transition to a state, which is made if it is new.
    fn state(&self, before: Before, positions: Box<[u16]>, memory: &mut Memory) -> u32 {
        let key = (before, positions);
        if let Some(known) = memory.entries.get(&key) {
            return *known;
        }
        let positions = key.1.clone();
        let mut found: Vec<u16> = positions.iter().filter_map(|at| self.positions.get(usize::from(*at))?.found).collect();
        found.dedup();
        memory.states.push(State { before, positions, found: found.into_boxed_slice() });
        memory.made += 1;
        memory.table.resize(memory.states.len() * self.samples.len(), UNKNOWN);
        let number = u32::try_from(memory.states.len()).unwrap_or(FINDS);
        let finds = memory.states.last().is_some_and(|state| !state.found.is_empty());
        let entry = if finds { number | FINDS } else { number };
        memory.entries.insert(key, entry);
        entry
    }
}

/// Sorts bytes into classes.
fn classes(tracks: &Tracks) -> Box<[u8; 256]> {
    let mut sets: Vec<ByteSet> = tracks.positions.iter().map(|p| p.bytes).collect();
    sets.sort_unstable();
    sets.dedup();
    let mut classes = Box::new([0_u8; 256]);
    let mut split = |is_in: &dyn Fn(u8) -> bool| {
        let mut numbers = HashMap::new();
        for (byte, class) in (0..=u8::MAX).zip(classes.iter_mut()) {
            let next = u8::try_from(numbers.len()).unwrap_or(u8::MAX);
            *class = *numbers.entry((*class, is_in(byte))).or_insert(next);
        }
    };
    split(&is_word);
    sets.iter().for_each(|set| split(&|byte| set.contains(byte)));
    classes
}
