//! The words and fingerprints of libinjection, as the crate `libinjectionrs` publishes them (BSD-3-Clause).

use libinjectionrs::sqli::sqli_data::SQL_KEYWORDS;

use super::token::Kind;

/// The longest word, and the longest fingerprint with its mark.
const WORD_BYTES_MAX: usize = 31;

/// The kind of a word or phrase, in either case; none if it is not a known one.
pub(super) fn kind(word: &[u8]) -> Option<Kind> {
    Kind::of_word(letter(word)?)
}

/// Whether the kinds of some tokens are those of a known injection. The table writes them in capitals after a `0`.
pub(super) fn is_fingerprint(letters: &[u8]) -> bool {
    !letters.is_empty() && letter(&[b"0", letters].concat()) == Some(b'F')
}

fn letter(word: &[u8]) -> Option<u8> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let capitals = || word.iter().map(u8::to_ascii_uppercase);
    let found = SQL_KEYWORDS.binary_search_by(|entry| entry.word.bytes().cmp(capitals())).ok()?;
    Some(SQL_KEYWORDS.get(found)?.token_type)
}
