//! Many phrases as positions of one automaton: beginnings that phrases share are shared.

use super::track::{Begin, Position, Tracks};
use crate::transform::ByteSet;
use std::collections::HashMap;

/// A phrase is followed so many bytes; then it counts as found.
const LENGTH_MAX: usize = 20;

/// The beginnings of phrases; the first node is that of nothing.
struct Trie {
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    /// In small letters.
    byte: u8,
    next: Vec<u16>,
    /// The rules of which a phrase ends here, in order.
    atoms: Vec<u16>,
}

/// Adds phrases, which match in either case, each with the number of its rule. For each new piece the rules it speaks for; None if
/// it would be too much.
pub(super) fn add(tracks: &mut Tracks, phrases: &[(u16, &[u8])]) -> Option<Vec<Box<[u16]>>> {
    let mut phrases: Vec<(u16, &[u8])> =
        phrases.iter().map(|(atom, text)| (*atom, text.get(..LENGTH_MAX).unwrap_or(text))).collect();
    // The shortest first: what begins with a phrase of the same rule tells nothing more.
    phrases.sort_by_key(|(atom, text)| (text.len(), *atom));
    let mut trie = Trie { nodes: vec![Node::default()] };
    for (atom, text) in phrases {
        trie.insert(atom, text)?;
    }
    trie.write(tracks)
}

impl Trie {
    fn insert(&mut self, atom: u16, text: &[u8]) -> Option<()> {
        let mut at = 0;
        for byte in text.iter().map(u8::to_ascii_lowercase) {
            at = self.child(at, byte)?;
            if self.nodes.get(at)?.atoms.contains(&atom) {
                return Some(());
            }
        }
        self.nodes.get_mut(at)?.atoms.push(atom);
        Some(())
    }

    fn child(&mut self, at: usize, byte: u8) -> Option<usize> {
        let is_it = |child: &&u16| self.nodes.get(usize::from(**child)).is_some_and(|node| node.byte == byte);
        if let Some(known) = self.nodes.get(at)?.next.iter().find(is_it) {
            return Some((*known).into());
        }
        let number = u16::try_from(self.nodes.len()).ok()?;
        self.nodes.push(Node { byte, ..Node::default() });
        self.nodes.get_mut(at)?.next.push(number);
        Some(number.into())
    }

    fn write(self, tracks: &mut Tracks) -> Option<Vec<Box<[u16]>>> {
        let base = tracks.room_for(self.nodes.len())?;
        let place = |node: u16| base + node - 1;
        let mut pieces = Vec::new();
        let mut known = HashMap::new();
        let mut nodes = self.nodes.into_iter();
        let root = nodes.next()?;
        tracks.begins.extend(root.next.iter().map(|node| (place(*node), Begin::Anywhere)));
        for node in nodes {
            let bytes = ByteSet::new(&[node.byte, node.byte.to_ascii_uppercase()]);
            let next = node.next.iter().map(|node| place(*node)).collect();
            let piece = if node.atoms.is_empty() {
                None
            } else {
                let number = *known.entry(node.atoms.clone()).or_insert(pieces.len());
                if number == pieces.len() {
                    pieces.push(node.atoms.into_boxed_slice());
                }
                Some(tracks.pieces.checked_add(u16::try_from(number).ok()?)?)
            };
            tracks.positions.push(Position::of_phrase(bytes, next, piece));
        }
        tracks.pieces = tracks.pieces.checked_add(u16::try_from(pieces.len()).ok()?)?;
        Some(pieces)
    }
}
