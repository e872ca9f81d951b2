//! The words and fingerprints of libinjection, as the crate `libinjectionrs` publishes them (BSD-3-Clause).

use libinjectionrs::sqli::sqli_data::SQL_KEYWORDS;
use std::sync::LazyLock;

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
    let mut place = hash(capitals);
    loop {
        let number = INDEX.get(place % PLACES).copied().filter(|number| *number != VACANT)?;
        let entry = SQL_KEYWORDS.get(usize::from(number))?;
        if entry.word.as_bytes() == capitals {
            return Some(entry.token_type);
        }
        place += 1;
    }
}

/// Places for the numbers of words: most are vacant, so that what is no word is known for none at once.
const PLACES: usize = 1 << 15;
const VACANT: u16 = u16::MAX;

const _: () = assert!(SQL_KEYWORDS.len() < PLACES / 2, "half of the places are vacant");

/// Where each word of the table stands, by its hash.
static INDEX: LazyLock<Box<[u16]>> = LazyLock::new(|| {
    let mut index = vec![VACANT; PLACES].into_boxed_slice();
    for (number, entry) in (0..).zip(SQL_KEYWORDS) {
        let places = (hash(entry.word.as_bytes())..).map(|place| place % PLACES).take(PLACES);
        let vacant = places.into_iter().find(|place| index.get(*place) == Some(&VACANT));
        vacant.and_then(|place| index.get_mut(place)).into_iter().for_each(|place| *place = number);
    }
    index
});

/// Quick and not secret: what is looked up is compared with what stands there.
fn hash(word: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = word.as_chunks::<8>();
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let hash = words.iter().fold(word.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    (mix(hash, rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte))) >> 40) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_table_is_found_and_no_other() {
        for entry in SQL_KEYWORDS {
            assert_eq!(letter(entry.word.to_ascii_lowercase().as_bytes()), Some(entry.token_type), "{}", entry.word);
        }
        assert_eq!(letter(b"we were"), None);
        assert_eq!(letter(b""), None);
        assert_eq!(letter(&[b'A'; TEXT_BYTES_MAX + 1]), None);
    }
}
