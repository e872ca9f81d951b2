//! What a pattern cannot do without: pieces of it that must all be found, in any order, wherever the pattern is.
//!
//! A pattern is cut where it lets anything stand (`.*`, `[^)]*`): such loops, once entered, are never left, and an automaton of
//! many patterns that keeps track of each of them has no end of states. Of what is between the cuts the beginnings are looked for.

use super::shape::Shape;

/// The pieces of one alternative of a pattern: it can only be where all of them are.
pub(super) type Clause = Vec<Shape>;

/// The alternatives of a shape.
pub(super) fn clauses(shape: &Shape) -> Vec<Clause> {
    let mut found = Vec::new();
    let mut single = Vec::new();
    for branch in branches(shape) {
        let mut pieces = pieces(branch);
        match pieces.pop() {
            Some(only) if pieces.is_empty() => single.push(only),
            Some(last) => {
                pieces.push(last);
                found.push(pieces);
            }
            None => {}
        }
    }
    if !single.is_empty() {
        found.push(vec![Shape::Choice(single)]);
    }
    found
}

fn branches(shape: &Shape) -> Vec<&Shape> {
    match shape {
        Shape::Choice(branches) => branches.iter().flat_map(self::branches).collect(),
        Shape::Sequence(parts) if let [only] = parts.as_slice() => branches(only),
        _ => vec![shape],
    }
}

fn pieces(shape: &Shape) -> Vec<Shape> {
    let Shape::Sequence(parts) = shape else { return vec![opened(shape)] };
    let mut pieces = vec![opened(shape)];
    for (at, part) in parts.iter().enumerate().filter(|(_, part)| is_cut(part)) {
        let rest = parts.get(at + 1..).unwrap_or_default().iter().map(opened);
        pieces.push(Shape::Sequence(std::iter::once(opened(&last(part))).chain(rest).collect()));
    }
    pieces
}

/// The shape with an end at each cut.
fn opened(shape: &Shape) -> Shape {
    match shape {
        Shape::Loop(_) if is_cut(shape) => Shape::Found,
        Shape::Sequence(parts) => Shape::Sequence(parts.iter().map(opened).collect()),
        Shape::Choice(parts) => Shape::Choice(parts.iter().map(opened).collect()),
        _ => shape.clone(),
    }
}

/// What stands behind the last cut.
fn last(shape: &Shape) -> Shape {
    match shape {
        Shape::Loop(_) if is_cut(shape) => Shape::Empty,
        Shape::Sequence(parts) => {
            let Some(at) = parts.iter().rposition(is_cut) else { return shape.clone() };
            let behind = parts.get(at + 1..).unwrap_or_default().iter().cloned();
            Shape::Sequence(parts.get(at).map(last).into_iter().chain(behind).collect())
        }
        Shape::Choice(parts) => Shape::Choice(parts.iter().map(last).collect()),
        _ => shape.clone(),
    }
}

/// Whether there is a loop in it that any letter keeps going.
fn is_cut(shape: &Shape) -> bool {
    match shape {
        Shape::Loop(inner) => {
            let bytes = inner.bytes();
            (b'a'..=b'z').all(|letter| bytes.contains(letter) || bytes.contains(letter.to_ascii_uppercase())) || is_cut(inner)
        }
        Shape::Sequence(parts) | Shape::Choice(parts) => parts.iter().any(is_cut),
        _ => false,
    }
}
