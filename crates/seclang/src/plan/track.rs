//! Pieces of many patterns as one automaton of positions: each byte of a piece is a position with the bytes that may stand there and
//! the positions that may follow.

use super::shape::Shape;
use crate::transform::ByteSet;

/// More where a piece can only stand at the beginning of the value: that costs nothing.
const DEPTH_MORE: i8 = 7;
/// Or until it is as unlikely as this in ordinary text.
const UNLIKELY: f32 = 1e-14;
/// Positions of all pieces together.
const POSITIONS_MAX: usize = 60_000;

/// Where a piece may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    Anywhere,
    /// At the beginning of the value, or behind a byte that is part of no word.
    Word,
    /// At the beginning of the value.
    Value,
}

/// A byte of a piece.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) bytes: ByteSet,
    pub(super) next: Vec<u16>,
    /// The piece that is found with this byte.
    pub(super) found: bool,
    /// The same, if it is the last one of the value.
    pub(super) found_at_end: bool,
    pub(super) piece: u16,
    depth: i8,
    chance: f32,
}

impl Position {
    /// A byte of a phrase, and the piece that is found with it.
    pub(super) fn of_phrase(bytes: ByteSet, next: Vec<u16>, piece: Option<u16>) -> Position {
        Position {
            bytes,
            next,
            found: piece.is_some(),
            found_at_end: false,
            piece: piece.unwrap_or_default(),
            depth: 0,
            chance: 0.0,
        }
    }
}

/// All pieces.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    pub(super) positions: Vec<Position>,
    pub(super) begins: Vec<(u16, Begin)>,
    pub(super) pieces: u16,
}

/// Where a shape may go on.
#[derive(Debug, Clone, Default)]
struct Front {
    positions: Vec<u16>,
    begin: Option<Begin>,
}

impl Tracks {
    /// Adds a piece: its number, and how likely it is at a place in ordinary text. None if it finds everything, or would be too much.
    pub(super) fn add(&mut self, piece: &Shape, depth_max: i8) -> Option<(u16, f32)> {
        let (positions, begins) = (self.positions.len(), self.begins.len());
        let mut build = Build { tracks: self, depth_max, empty: false };
        let front = build.shape(piece, Front { positions: Vec::new(), begin: Some(Begin::Anywhere) });
        build.found(&front);
        let fits = !build.empty && self.positions.len() < POSITIONS_MAX && self.pieces < u16::MAX;
        if !fits {
            self.undo(positions, begins);
            return None;
        }
        let chance = self.positions.iter().skip(positions).filter(|p| p.found || p.found_at_end).map(|p| p.chance).sum();
        self.pieces += 1;
        Some((self.pieces - 1, chance))
    }

    /// The number of the next position, if there is room for so many.
    pub(super) fn room_for(&self, more: usize) -> Option<u16> {
        let first = self.positions.len();
        (first + more < POSITIONS_MAX).then(|| u16::try_from(first).ok()).flatten()
    }

    /// Takes the last piece away.
    pub(super) fn undo_last(&mut self) {
        self.pieces -= 1;
        let first = self.positions.iter().position(|p| p.piece == self.pieces).unwrap_or(self.positions.len());
        let begins = self.begins.iter().position(|(at, _)| usize::from(*at) >= first).unwrap_or(self.begins.len());
        self.undo(first, begins);
    }

    fn undo(&mut self, positions: usize, begins: usize) {
        self.positions.truncate(positions);
        self.begins.truncate(begins);
    }
}

struct Build<'t> {
    tracks: &'t mut Tracks,
    depth_max: i8,
    /// The piece is found before any byte.
    empty: bool,
}

impl Build<'_> {
    /// Lets a shape follow; from where it goes on.
    fn shape(&mut self, shape: &Shape, front: Front) -> Front {
        match shape {
            Shape::Empty => front,
            Shape::Byte(bytes) => self.byte(*bytes, &front),
            Shape::Start => Front { positions: Vec::new(), begin: front.begin.map(|_| Begin::Value) },
            Shape::Boundary => Front { begin: front.begin.map(|b| if b == Begin::Value { b } else { Begin::Word }), ..front },
            Shape::End => self.end(&front),
            Shape::Found => {
                self.found(&front);
                Front::default()
            }
            Shape::Sequence(shapes) => shapes.iter().fold(front, |front, shape| self.shape(shape, front)),
            Shape::Choice(shapes) => {
                let ends = shapes.iter().map(|shape| self.shape(shape, front.clone())).collect::<Vec<_>>();
                ends.into_iter().fold(Front::default(), Front::or)
            }
            Shape::Loop(shape) => self.repeated(shape, front),
        }
    }

    fn byte(&mut self, bytes: ByteSet, front: &Front) -> Front {
        let Ok(number) = u16::try_from(self.tracks.positions.len()) else { return Front::default() };
        let mut position = Position {
            bytes,
            next: Vec::new(),
            found: false,
            found_at_end: false,
            piece: self.tracks.pieces,
            depth: i8::MAX,
            chance: 0.0,
        };
        let mut follows = false;
        for at in &front.positions {
            let Some(before) = self.tracks.positions.get_mut(usize::from(*at)) else { continue };
            if before.depth >= self.depth_max || before.depth > 0 && before.chance < UNLIKELY {
                before.found = true;
            } else {
                before.next.push(number);
                position.depth = position.depth.min(before.depth + 1);
                position.chance += before.chance;
                follows = true;
            }
        }
        if let Some(begin) = front.begin {
            let begin = if begin == Begin::Word && bytes.intersects(&NO_WORD) { Begin::Anywhere } else { begin };
            self.tracks.begins.push((number, begin));
            position.depth = if begin == Begin::Value { 1 - DEPTH_MORE } else { 1 };
            position.chance = match begin {
                Begin::Anywhere => 1.0,
                Begin::Word => 0.2,
                Begin::Value => 0.02,
            };
            follows = true;
        }
        if !follows {
            return Front::default();
        }
        position.chance = position.chance.min(1.0) * chance(&bytes);
        self.tracks.positions.push(position);
        Front { positions: vec![number], begin: None }
    }

    fn repeated(&mut self, shape: &Shape, front: Front) -> Front {
        let first = self.tracks.positions.len();
        let end = self.shape(shape, front.clone());
        // Whatever the shape begins with follows its end too.
        let begins: Vec<u16> = self.reached_from(&front, first);
        for at in &end.positions {
            if let Some(position) = self.tracks.positions.get_mut(usize::from(*at)).filter(|_| usize::from(*at) >= first) {
                position.next.extend(&begins);
            }
        }
        end.or(front)
    }

    /// The positions from `first` on that follow a front.
    fn reached_from(&self, front: &Front, first: usize) -> Vec<u16> {
        let next = front.positions.iter().filter_map(|at| self.tracks.positions.get(usize::from(*at))).flat_map(|p| &p.next);
        let begins = self.tracks.begins.iter().map(|(at, _)| at).filter(|_| front.begin.is_some());
        let mut reached: Vec<u16> = next.chain(begins).copied().filter(|at| usize::from(*at) >= first).collect();
        reached.sort_unstable();
        reached.dedup();
        reached
    }

    fn end(&mut self, front: &Front) -> Front {
        self.empty |= front.begin.is_some();
        for at in &front.positions {
            if let Some(position) = self.tracks.positions.get_mut(usize::from(*at)) {
                position.found_at_end = true;
            }
        }
        Front::default()
    }

    fn found(&mut self, front: &Front) {
        self.empty |= front.begin.is_some();
        for at in &front.positions {
            if let Some(position) = self.tracks.positions.get_mut(usize::from(*at)) {
                position.found = true;
            }
        }
    }
}

impl Front {
    fn or(mut self, other: Front) -> Front {
        self.positions.extend(other.positions);
        self.positions.sort_unstable();
        self.positions.dedup();
        self.begin = match (self.begin, other.begin) {
            (Some(one), Some(two)) if one == two => Some(one),
            (Some(_), Some(_)) => Some(Begin::Anywhere),
            (one, two) => one.or(two),
        };
        self
    }
}

/// Bytes that are part of no word.
const NO_WORD: ByteSet = ByteSet::new(b"").with(0, b'/').with(b':', b'@').with(b'[', b'^').with(b'`', b'`').with(b'{', 0xff);

/// How likely one of these bytes is at a place in ordinary text, roughly.
fn chance(bytes: &ByteSet) -> f32 {
    let share = |byte: u8| match byte {
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 0.07,
        b'a'..=b'z' => 0.02,
        b'0'..=b'9' | b'.' | b',' | b'-' | b'/' | b'=' | b'&' | b'_' | b'"' => 0.01,
        b'A'..=b'Z' => 0.005,
        _ => 0.001,
    };
    (0..=u8::MAX).filter(|byte| bytes.contains(*byte)).map(share).sum::<f32>().min(1.0)
}

/// Whether a byte is part of a word.
pub(super) fn is_word(byte: u8) -> bool {
    !NO_WORD.contains(byte)
}
