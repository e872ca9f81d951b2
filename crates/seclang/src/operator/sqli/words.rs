//! The words and fingerprints of libinjection, as the crate `libinjectionrs` publishes them (BSD-3-Clause).

use libinjectionrs::sqli::sqli_data::SQL_KEYWORDS;

use super::fold::TOKENS_MAX;
use super::token::{Kind, TEXT_BYTES_MAX};

/// The kind of a word or phrase, in either case; none if it is not a known one.
pub(super) fn kind(word: &[u8]) -> Option<Kind> {
    Kind::of_word(letter(word)?)
}

/// Whether the kinds of some tokens are those of a known injection. The table writes them in capitals after a `0`; of one token
/// only `X` is known.
pub(super) fn is_fingerprint(letters: &[u8]) -> bool {
    let mut marked = [b'0'; 1 + TOKENS_MAX];
    marked.iter_mut().skip(1).zip(letters).for_each(|(slot, letter)| *slot = *letter);
    match letters {
        [] => false,
        [only] => *only == Kind::Evil.letter(),
        _ => marked.get(..=letters.len()).and_then(letter) == Some(b'F'),
    }
}

fn letter(word: &[u8]) -> Option<u8> {
    let mut capitals = [0; TEXT_BYTES_MAX];
    let capitals = capitals.get_mut(..word.len())?;
    capitals.iter_mut().zip(word).for_each(|(slot, byte)| *slot = byte.to_ascii_uppercase());
    let first = usize::from(*capitals.first()?);
    let alike = SQL_KEYWORDS.get(*STARTS.get(first)?..*STARTS.get(first + 1)?)?;
    let found = alike.binary_search_by(|entry| entry.word.as_bytes().cmp(capitals)).ok()?;
    Some(alike.get(found)?.token_type)
}

/// Where the words of the (sorted) table begin that begin with a byte, or with a higher one.
static STARTS: [usize; 257] = starts();

#[expect(clippy::indexing_slicing, reason = "a constant function has no iterators, and one that panics does not compile")]
const fn starts() -> [usize; 257] {
    let mut starts = [0; 257];
    let (mut byte, mut at) = (0, 0);
    while byte < 257 {
        while at < SQL_KEYWORDS.len() && (SQL_KEYWORDS[at].word.as_bytes()[0] as usize) < byte {
            at += 1;
        }
        starts[byte] = at;
        byte += 1;
    }
    starts
}
