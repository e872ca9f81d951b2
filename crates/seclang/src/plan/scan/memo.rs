//! Values that were looked at lately and in which nothing was found: names of fields, headers of browsers, small numbers come again
//! with nearly every request, and what was found in a value depends on nothing else.

/// Values kept for each phase and thread: 256 KiB.
const SLOTS: usize = 4096;
/// Longer values are not kept.
const LENGTH_MAX: usize = 60;

/// A value, and who looked at it.
#[derive(Debug, Clone, Copy)]
struct Slot {
    interest: u16,
    /// One more than the length; 0 is an empty slot.
    length: u8,
    bytes: [u8; LENGTH_MAX],
}

const EMPTY: Slot = Slot { interest: 0, length: 0, bytes: [0; LENGTH_MAX] };

/// The memory of one thread. A value has one place; a newer one takes it.
#[derive(Debug)]
pub(super) struct Memo {
    slots: Vec<Slot>,
}

impl Memo {
    pub(super) fn new() -> Memo {
        Memo { slots: vec![EMPTY; SLOTS] }
    }

    /// The place of a value; None if it is too long to be kept.
    pub(super) fn place(interest: u16, value: &[u8]) -> Option<usize> {
        (value.len() <= LENGTH_MAX).then(|| hash(interest, value) % SLOTS)
    }

    /// Whether nothing was found in the value.
    pub(super) fn knows(&self, place: usize, interest: u16, value: &[u8]) -> bool {
        let Some(slot) = self.slots.get(place) else { return false };
        slot.interest == interest && usize::from(slot.length) == value.len() + 1 && slot.bytes.get(..value.len()) == Some(value)
    }

    /// Remembers that nothing was found in it.
    pub(super) fn remember(&mut self, place: usize, interest: u16, value: &[u8]) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        let (Ok(length), Some(bytes)) = (u8::try_from(value.len() + 1), slot.bytes.get_mut(..value.len())) else { return };
        bytes.copy_from_slice(value);
        (slot.interest, slot.length) = (interest, length);
    }
}

/// Quick and not secret: whoever makes values meet takes each other's place and nothing else.
fn hash(interest: u16, value: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let (words, rest) = value.as_chunks::<8>();
    let hash = words.iter().fold(u64::from(interest), |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(value.len() as u64, |last, byte| last << 8 | u64::from(*byte));
    (mix(hash, last) >> 40) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_value_for_the_very_same_rules_is_known() {
        let mut memo = Memo::new();
        let place = Memo::place(3, b"colour").expect("it is short");
        assert!(!memo.knows(place, 3, b"colour"));
        memo.remember(place, 3, b"colour");
        assert!(memo.knows(place, 3, b"colour"));
        assert!(!memo.knows(place, 4, b"colour") && !memo.knows(place, 3, b"color") && !memo.knows(place, 3, b""));
        assert_eq!(Memo::place(3, &[b'a'; LENGTH_MAX + 1]), None);
    }
}
