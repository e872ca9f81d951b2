//! Looks for the pieces of many patterns in one pass over a value.
//!
//! The automaton of positions ([`Tracks`]) is made deterministic while it runs: a state is a set of positions, and what follows it
//! by which byte is worked out once and kept. What is kept is bounded; beyond it the memory starts anew.
//!
//! Most positions of a set are those that begin a piece with the last byte. They follow from it alone, and so do those one byte
//! further on from the last two: a state names its last byte and holds only positions further on.

use super::track::{Begin, Position, Tracks, is_word};
use crate::transform::ByteSet;
use std::collections::HashMap;
use std::ops::Range;

/// States that one thread keeps: 4 MiB of transitions where there are no more than 128 classes of bytes. Noise has about ten thousand,
/// one for each pair of bytes; where they do not fit, every byte is worked out anew.
const STATES_MAX: usize = 16 << 10;
/// Positions that one thread keeps for two bytes: 1 MiB.
const SECONDS_MAX: usize = 512 << 10;

/// The pieces, ready to be looked for.
#[derive(Debug, Clone)]
pub(super) struct Sweep {
    positions: Vec<Place>,
    /// The class of each byte: bytes of a class are told apart by no position.
    classes: Box<[u8; 256]>,
    /// A byte of each class.
    samples: Vec<u8>,
    /// Places in a row of transitions, of which each class has one: 128 or 256.
    row: usize,
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
const UNKNOWN: u16 = 0;
/// Set in transitions to states that find something. Any other transition is the number of the next state.
const FINDS: u16 = 1 << 15;
/// The state at the beginning of a value. Numbers begin with it.
const FIRST: u16 = 1;

const _: () = assert!(STATES_MAX < FINDS as usize, "the number of a state fits beside the mark");

/// What one thread has worked out.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// A row for each number of a state, with the transition for each byte.
    table: Vec<u16>,
    /// For each number of a state the last search in which what it finds was noted.
    noted: Vec<u32>,
    search: u32,
    states: Vec<State>,
    /// The positions of all states.
    positions: Vec<u16>,
    /// The pieces that they find.
    found: Vec<u16>,
    /// Numbers of states, each where the hash of what it is says or behind that; half of the places are vacant.
    index: Vec<u16>,
    /// The positions just reached.
    reached: Vec<u16>,
    /// For what came before, a class and another one: where in `seconds` are the positions that they reach, if that is known.
    pairs: HashMap<(Before, u8, u8), Range<usize>>,
    seconds: Vec<u16>,
}

/// The byte that was read last: what came before it, and its class.
type Last = Option<(Before, u8)>;

#[derive(Debug)]
struct State {
    /// None at the beginning of a value.
    last: Last,
    /// The positions that are further on than the first byte of a piece.
    positions: Range<usize>,
    found: Range<usize>,
}

impl Memory {
    fn state(&self, number: u16) -> Option<&State> {
        self.states.get(usize::from(number).wrapping_sub(usize::from(FIRST)))
    }

    fn positions(&self, number: u16) -> &[u16] {
        self.state(number).and_then(|state| self.positions.get(state.positions.clone())).unwrap_or_default()
    }

    fn found(&self, number: u16) -> &[u16] {
        self.state(number).and_then(|state| self.found.get(state.found.clone())).unwrap_or_default()
    }

    /// Whether what this state finds was not noted yet in this search; it counts as noted then.
    fn is_first_note(&mut self, number: u16) -> bool {
        let search = self.search;
        self.noted.get_mut(usize::from(number)).is_none_or(|last| std::mem::replace(last, search) != search)
    }

    fn clear(&mut self) {
        self.table.clear();
        self.noted.clear();
        self.states.clear();
        self.positions.clear();
        self.found.clear();
        self.index.clear();
        self.index.resize(2 * STATES_MAX, UNKNOWN);
    }
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
        let row = if samples.len() <= 128 { 128 } else { 256 };
        Sweep { classes, samples, row, begins, pieces: tracks.pieces.into(), positions }
    }

    /// Looks through a value.
    pub(super) fn look(&self, value: &[u8], memory: &mut Memory, found: &mut Found) {
        found.clear(self.pieces);
        if memory.states.is_empty() {
            self.start(memory);
        }
        memory.search = memory.search.wrapping_add(1);
        let (mut state, mut rest) = (FIRST, value);
        while let Some((class, entry, after)) = self.run(&mut state, rest, &memory.table) {
            rest = after;
            let next = if entry == UNKNOWN { self.step(state, class, memory) } else { entry };
            state = next & !FINDS;
            if next & FINDS != 0 && memory.is_first_note(state) {
                memory.found(state).iter().for_each(|piece| found.insert(*piece));
            }
        }
        let last = memory.state(state).and_then(|state| state.last);
        let ends = self.places(memory.positions(state)).chain(self.places(self.firsts(last)));
        ends.filter_map(|place| place.found_at_end).for_each(|piece| found.insert(piece));
    }

    /// Follows transitions that are known and find nothing, which is all that most bytes need. Stops at any other one: the class of its
    /// byte, the transition and what comes after.
    fn run<'v>(&self, state: &mut u16, value: &'v [u8], table: &[u16]) -> Option<(u8, u16, &'v [u8])> {
        // A width that is known when this is compiled spares a multiplication, and each byte waits for the one before.
        match self.row {
            128 => self.run_in_rows::<128>(state, value, table),
            _ => self.run_in_rows::<256>(state, value, table),
        }
    }

    #[inline]
    fn run_in_rows<'v, const ROW: usize>(&self, state: &mut u16, value: &'v [u8], table: &[u16]) -> Option<(u8, u16, &'v [u8])> {
        let mut now = *state;
        for (at, byte) in value.iter().enumerate() {
            let class = self.classes.get(usize::from(*byte)).copied().unwrap_or_default();
            let entry = table.get(ROW * usize::from(now) + usize::from(class)).copied().unwrap_or(UNKNOWN);
            if entry == UNKNOWN || entry >= FINDS {
                *state = now;
                return Some((class, entry, value.get(at + 1..).unwrap_or_default()));
            }
            now = entry;
        }
        *state = now;
        None
    }

    fn places(&self, positions: &[u16]) -> impl Iterator<Item = &Place> {
        positions.iter().filter_map(|at| self.positions.get(usize::from(*at)))
    }

    /// The positions that begin a piece with this byte.
    fn firsts(&self, last: Last) -> &[u16] {
        let by_class = last.and_then(|(before, class)| self.begins.get(before as usize)?.get(usize::from(class)));
        by_class.map_or(&[], Vec::as_slice)
    }

    /// Adds those of the positions behind these at which this byte may stand.
    fn follow(&self, positions: &[u16], byte: u8, reached: &mut Vec<u16>) {
        let next = self.places(positions).flat_map(|place| &place.next);
        reached.extend(next.filter(|at| self.positions.get(usize::from(**at)).is_some_and(|place| place.bytes.contains(byte))));
    }

    fn start(&self, memory: &mut Memory) {
        memory.clear();
        memory.reached.clear();
        memory.table.resize(self.row * usize::from(FIRST), UNKNOWN);
        memory.noted.resize(FIRST.into(), 0);
        self.state(None, memory);
    }

    /// Works a transition out, and keeps it.
    fn step(&self, from: u16, class: u8, memory: &mut Memory) -> u16 {
        let (Some(byte), Some(state)) = (self.samples.get(usize::from(class)), memory.state(from)) else { return FIRST };
        let last = state.last;
        let mut reached = std::mem::take(&mut memory.reached);
        reached.clear();
        reached.extend_from_slice(self.seconds(last, class, *byte, memory));
        self.follow(memory.positions(from), *byte, &mut reached);
        reached.sort_unstable();
        reached.dedup();
        let full = memory.states.len() >= STATES_MAX;
        if full {
            self.start(memory);
        }
        memory.reached = reached;
        let before = last.map_or(Before::Nothing, |(_, class)| self.before(class));
        let entry = self.state(Some((before, class)), memory);
        let place = self.row * usize::from(from) + usize::from(class);
        memory.table.get_mut(place).filter(|_| !full).into_iter().for_each(|place| *place = entry);
        entry
    }

    /// The positions that are second in a piece which began with the last byte, and goes on with this one.
    fn seconds<'m>(&self, last: Last, class: u8, byte: u8, memory: &'m mut Memory) -> &'m [u16] {
        let Some((before, first)) = last else { return &[] };
        let range = match memory.pairs.get(&(before, first, class)) {
            Some(known) => known.clone(),
            None => {
                if memory.seconds.len() >= SECONDS_MAX {
                    memory.pairs.clear();
                    memory.seconds.clear();
                }
                let start = memory.seconds.len();
                self.follow(self.firsts(last), byte, &mut memory.seconds);
                memory.pairs.insert((before, first, class), start..memory.seconds.len());
                start..memory.seconds.len()
            }
        };
        memory.seconds.get(range).unwrap_or_default()
    }

    /// What a byte of this class is to what comes after it.
    fn before(&self, class: u8) -> Before {
        let sample = self.samples.get(usize::from(class));
        if sample.is_some_and(|byte| is_word(*byte)) { Before::Word } else { Before::Other }
    }

    /// The transition to the state of this last byte and the positions just reached; it is made if it is new.
    fn state(&self, last: Last, memory: &mut Memory) -> u16 {
        let is_it = |number: u16| {
            memory.positions(number) == memory.reached && memory.state(number).is_some_and(|state| state.last == last)
        };
        let places = memory.index.len().max(1);
        let mut place = hash(last, &memory.reached) % places;
        let number = loop {
            match memory.index.get(place).copied().unwrap_or(UNKNOWN) {
                UNKNOWN => break self.new_state(last, place, memory),
                known if is_it(known) => break known,
                _ => place = (place + 1) % places,
            }
        };
        number | if memory.found(number).is_empty() { 0 } else { FINDS }
    }

    fn new_state(&self, last: Last, place: usize, memory: &mut Memory) -> u16 {
        let number = u16::try_from(memory.states.len()).unwrap_or_default().saturating_add(FIRST);
        let (positions, found) = (memory.positions.len(), memory.found.len());
        memory.positions.extend_from_slice(&memory.reached);
        let reached = self.places(&memory.reached).chain(self.places(self.firsts(last)));
        memory.found.extend(reached.filter_map(|place| place.found));
        memory.states.push(State { last, positions: positions..memory.positions.len(), found: found..memory.found.len() });
        memory.table.resize(self.row * (usize::from(number) + 1), UNKNOWN);
        memory.noted.resize(usize::from(number) + 1, memory.search.wrapping_sub(1));
        memory.index.get_mut(place).into_iter().for_each(|place| *place = number);
        number
    }
}

/// Quick and not secret: positions come from rules, and what is found by it is compared.
fn hash(last: Last, positions: &[u16]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let start = last.map_or(0, |(before, class)| u64::from(class) << 2 | (before as u64 + 1));
    let mix = |hash: u64, at: &u16| (hash ^ u64::from(*at)).wrapping_mul(FACTOR).rotate_left(29);
    (mix(positions.iter().fold(start, mix), &0) >> 40) as usize
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
