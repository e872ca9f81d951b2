//! The shape of a pattern: sets of bytes in sequences, choices and loops. Only for looking ahead: a shape may find more than its
//! pattern does, never less.

use crate::transform::{ByteSet, REMOVED_WHITESPACE, Transform, WHITESPACE};
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// A repetition is written out so often and then goes on for ever.
const COPIES_MAX: u32 = 4;
/// What is larger than this is not written out: it may be there any number of times.
const COPIED_SIZE_MAX: usize = 64;

/// A shape.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Nothing at all.
    Empty,
    /// One byte out of these.
    Byte(ByteSet),
    /// The beginning of the value.
    Start,
    /// The end of the value.
    End,
    /// A word begins or ends.
    Boundary,
    Sequence(Vec<Shape>),
    Choice(Vec<Shape>),
    /// Any number of times.
    Loop(Box<Shape>),
    /// What follows is not looked at: found.
    Found,
}

impl Shape {
    /// The shape of a rewritten pattern; none if it does not parse.
    pub(super) fn of(pattern: &str) -> Option<Shape> {
        regex_automata::util::syntax::parse_with(pattern, &crate::operator::syntax()).ok().map(|parsed| read(&parsed))
    }

    /// The shape that finds in a value what this one finds in the value transformed, and what this one finds. None if that
    /// cannot be said.
    pub(super) fn before(&self, transform: Transform) -> Option<Shape> {
        Some(self.seen_through(&Lens::of(transform)?))
    }

    fn seen_through(&self, lens: &Lens) -> Shape {
        let all = |shapes: &[Shape]| shapes.iter().map(|shape| shape.seen_through(lens)).collect();
        match self {
            Shape::Byte(set) => lens.byte(set),
            Shape::Start => Shape::Sequence(vec![Shape::Start, lens.dropped(), lens.trimmed()]),
            Shape::End => Shape::Sequence(vec![lens.trimmed(), Shape::End]),
            Shape::Boundary if lens.drops.is_some() => Shape::Empty,
            Shape::Sequence(shapes) => Shape::Sequence(all(shapes)),
            Shape::Choice(shapes) => Shape::Choice(all(shapes)),
            Shape::Loop(shape) => Shape::Loop(Box::new(shape.seen_through(lens))),
            Shape::Empty | Shape::Boundary | Shape::Found => self.clone(),
        }
    }

    fn size(&self) -> usize {
        match self {
            Shape::Sequence(shapes) | Shape::Choice(shapes) => shapes.iter().map(Shape::size).sum::<usize>() + 1,
            Shape::Loop(shape) => shape.size() + 1,
            _ => 1,
        }
    }

    /// All bytes that can stand in it.
    pub(super) fn bytes(&self) -> ByteSet {
        match self {
            Shape::Byte(set) => *set,
            Shape::Sequence(shapes) | Shape::Choice(shapes) => {
                shapes.iter().fold(ByteSet::default(), |all, shape| all.union(&shape.bytes()))
            }
            Shape::Loop(shape) => shape.bytes(),
            _ => ByteSet::default(),
        }
    }
}

fn read(pattern: &Hir) -> Shape {
    match pattern.kind() {
        HirKind::Empty => Shape::Empty,
        HirKind::Literal(literal) => Shape::Sequence(literal.0.iter().map(|byte| Shape::Byte(ByteSet::new(&[*byte]))).collect()),
        HirKind::Class(class) => Shape::Byte(set(class)),
        HirKind::Look(look) => match look {
            Look::Start => Shape::Start,
            Look::End => Shape::End,
            Look::WordAscii => Shape::Boundary,
            _ => Shape::Empty,
        },
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Capture(capture) => read(&capture.sub),
        HirKind::Concat(parts) => Shape::Sequence(parts.iter().map(read).collect()),
        HirKind::Alternation(parts) => Shape::Choice(parts.iter().map(read).collect()),
    }
}

fn set(class: &Class) -> ByteSet {
    match class {
        Class::Bytes(class) => class.ranges().iter().fold(ByteSet::default(), |set, range| set.with(range.start(), range.end())),
        // Patterns are read as bytes; should a class of characters come all the same, it is any byte.
        Class::Unicode(_) => ByteSet::default().with(0, u8::MAX),
    }
}

fn repeated(repetition: &Repetition) -> Shape {
    let once = read(&repetition.sub);
    match (repetition.min, repetition.max) {
        (0, Some(1)) => Shape::Choice(vec![once, Shape::Empty]),
        _ if once.size() > COPIED_SIZE_MAX => Shape::Loop(Box::new(once)),
        (least, most) => {
            let mut parts = vec![once.clone(); least.min(COPIES_MAX) as usize];
            if most != Some(least) || least > COPIES_MAX {
                parts.push(Shape::Loop(Box::new(once)));
            }
            Shape::Sequence(parts)
        }
    }
}

/// What a transformation does byte by byte.
#[derive(Debug, Default)]
struct Lens {
    /// Bytes that vanish.
    drops: Option<ByteSet>,
    /// Bytes that vanish at the beginning and the end of the value.
    trims: Option<ByteSet>,
    /// Bytes that become one space, a run of them together.
    runs: Option<ByteSet>,
    /// Bytes before which such a run vanishes.
    closes: ByteSet,
    /// For each of these pairs, the first becomes the second.
    maps: &'static [(u8, u8)],
    letters: bool,
}

impl Lens {
    /// None for what does more. Of the decodings of URLs only that of `+`: a value with `%` is to be decoded before it is looked at.
    fn of(transform: Transform) -> Option<Lens> {
        let none = Lens::default();
        Some(match transform {
            Transform::Lowercase | Transform::Uppercase => Lens { letters: true, ..none },
            Transform::UrlDecode | Transform::UrlDecodeUni => Lens { maps: &[(b'+', b' ')], ..none },
            Transform::ReplaceNulls => Lens { maps: &[(0, b' ')], ..none },
            Transform::RemoveNulls => Lens { drops: Some(ByteSet::new(b"\0")), ..none },
            Transform::RemoveWhitespace => Lens { drops: Some(REMOVED_WHITESPACE), ..none },
            Transform::Trim | Transform::TrimLeft | Transform::TrimRight => Lens { trims: Some(WHITESPACE), ..none },
            Transform::CompressWhitespace => Lens { runs: Some(WHITESPACE), ..none },
            Transform::CmdLine => Lens {
                drops: Some(ByteSet::new(b"\"'\\^")),
                runs: Some(ByteSet::new(b" ,;\t\r\n")),
                closes: ByteSet::new(b"/("),
                letters: true,
                ..none
            },
            _ => return None,
        })
    }

    fn byte(&self, set: &ByteSet) -> Shape {
        let mut wider = *set;
        for (from, to) in self.maps {
            if set.contains(*to) {
                wider = wider.with(*from, *from);
            }
        }
        if self.letters {
            wider = (b'A'..=b'Z').filter(|b| set.contains(*b) || set.contains(b | 32)).fold(wider, |all, b| {
                let small = b | 32;
                all.with(b, b).with(small, small)
            });
        }
        let mut parts = Vec::new();
        if self.closes.intersects(set) {
            parts.push(self.between());
        }
        match &self.runs {
            Some(runs) if set.contains(b' ') => parts.extend([Shape::Byte(wider.union(runs)), self.between()]),
            _ => parts.extend([Shape::Byte(wider), self.dropped()]),
        }
        Shape::Sequence(parts)
    }

    fn dropped(&self) -> Shape {
        self.drops.map_or(Shape::Empty, |set| Shape::Loop(Box::new(Shape::Byte(set))))
    }

    fn trimmed(&self) -> Shape {
        self.trims.map_or(Shape::Empty, |set| Shape::Loop(Box::new(Shape::Byte(set))))
    }

    /// What may stand where a run of spaces does, or vanish.
    fn between(&self) -> Shape {
        let runs = self.runs.unwrap_or_default();
        Shape::Loop(Box::new(Shape::Byte(self.drops.map_or(runs, |drops| drops.union(&runs)))))
    }
}

/// Whether a pattern can be given the shape it has before the transformation.
pub(super) fn is_seen_through(transform: Transform) -> bool {
    Lens::of(transform).is_some()
}
