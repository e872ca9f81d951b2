//! Which transformations may change a value, told by the bytes in it.

use super::super::shape::is_seen_through;
use super::How;
use crate::transform::{ByteSet, Transform};

/// A set of transformations for each byte.
#[derive(Debug)]
pub(super) struct Changes {
    by_byte: Box<[u64; 256]>,
    /// Those that change a path when it ends in a dot.
    last_dot: u64,
    /// Those that may change any value.
    any: u64,
}

impl Default for Changes {
    fn default() -> Self {
        let mut changes = Changes { by_byte: Box::new([0; 256]), last_dot: 0, any: 0 };
        Transform::ALL.iter().for_each(|transform| changes.add(*transform));
        changes
    }
}

impl Changes {
    /// The transformations that may change a value, as bits.
    pub(super) fn of(&self, value: &[u8]) -> u64 {
        let dot = if value.last() == Some(&b'.') { self.last_dot } else { 0 };
        value.iter().fold(self.any | dot, |all, byte| all | self.by_byte.get(usize::from(*byte)).copied().unwrap_or(u64::MAX))
    }

    fn add(&mut self, transform: Transform) {
        let is_path = matches!(transform, Transform::NormalizePath | Transform::NormalizePathWin);
        if is_path {
            self.last_dot |= own_bit(transform);
        }
        if changes_anything(transform) {
            self.any |= own_bit(transform);
        }
        for (byte, transforms) in (0..=u8::MAX).zip(self.by_byte.iter_mut()) {
            // A dot changes a path only behind a slash or at its end.
            if transform.may_change(&ByteSet::of(&[byte])) && !(is_path && byte == b'.') {
                *transforms |= own_bit(transform);
            }
            if byte == b'%' {
                *transforms |= ESCAPES;
            }
        }
    }
}

/// The bit of a transformation; none where rules are found in the value before it as well as behind it.
pub(super) fn bit(how: How, transform: Transform) -> u64 {
    match (how, transform) {
        (How::Pattern, Transform::UrlDecode | Transform::UrlDecodeUni) => ESCAPES,
        (How::Pattern, _) if is_seen_through(transform) => 0,
        // Phrases are found in either case.
        (How::Phrase, Transform::Lowercase | Transform::Uppercase) => 0,
        _ => own_bit(transform),
    }
}

/// The bit that says that a transformation may change a value.
pub(super) fn own_bit(transform: Transform) -> u64 {
    1 << (transform as u8)
}

/// Set where there is something for a decoding of URLs to do that patterns do not see through.
const ESCAPES: u64 = 1 << 63;

const _: () = assert!(Transform::ALL.len() < 64, "a set of transformations is 64 bits wide, one of them taken");

/// Whether the transformation may change a value of any bytes.
pub(super) fn changes_anything(transform: Transform) -> bool {
    transform.may_change(&ByteSet::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn what_is_told_to_stay_does_stay() {
        let changes = Changes::default();
        let values = ["", "a.b", "a.", "../x", "a b", "A", "a%41", "&lt;", "\\x41", "a/*b*/", "a\0", "\u{e4}", "/a/./b", "x.."];
        for value in values {
            let may_change = changes.of(value.as_bytes());
            for transform in Transform::ALL.iter().filter(|t| may_change & own_bit(**t) == 0) {
                assert!(matches!(transform.apply(value.as_bytes()), Cow::Borrowed(_)), "{transform:?} changes {value:?}");
            }
        }
    }
}
