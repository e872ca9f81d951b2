//! What was found in values that were looked at lately: names of fields, headers of browsers, small numbers come again with nearly
//! every request, and what is found in a value depends on nothing else.

use super::super::bits::Bits;

/// Values kept for each phase and thread: 1 MiB.
const SLOTS: usize = 8192;
/// Longer values are not kept.
const LENGTH_MAX: usize = 123;
/// Different findings kept; values with yet another one are looked at again.
const FINDINGS_MAX: usize = 256;

/// A value, who looked at it, and what was found.
#[derive(Debug, Clone, Copy)]
struct Slot {
    interest: u16,
    /// One more than the length; 0 is an empty slot.
    length: u8,
    bytes: [u8; LENGTH_MAX],
    /// The number of what was found.
    finding: u16,
}

const EMPTY: Slot = Slot { interest: 0, length: 0, bytes: [0; LENGTH_MAX], finding: 0 };

/// The memory of one thread. A value has one place; a newer one takes it.
#[derive(Debug)]
pub(super) struct Memo {
    slots: Vec<Slot>,
    findings: Vec<Bits>,
}

impl Memo {
    pub(super) fn new() -> Memo {
        Memo { slots: vec![EMPTY; SLOTS], findings: Vec::new() }
    }

    /// The place of a value; None if it is too long to be kept.
    pub(super) fn place(interest: u16, value: &[u8]) -> Option<usize> {
        (value.len() <= LENGTH_MAX).then(|| hash(interest, value) % SLOTS)
    }

    /// What was found in the value, if that is known.
    pub(super) fn recall(&self, place: usize, interest: u16, value: &[u8]) -> Option<&Bits> {
        let slot = self.slots.get(place)?;
        let same = slot.interest == interest
            && usize::from(slot.length) == value.len() + 1
            && slot.bytes.get(..value.len()) == Some(value);
        self.findings.get(usize::from(slot.finding)).filter(|_| same)
    }

    /// Remembers what was found in it.
    pub(super) fn remember(&mut self, place: usize, interest: u16, value: &[u8], found: &Bits) {
        let known = self.findings.iter().position(|finding| finding == found);
        let number = known.unwrap_or(self.findings.len());
        if number >= FINDINGS_MAX {
            return;
        }
        if known.is_none() {
            self.findings.push(*found);
        }
        let Some(slot) = self.slots.get_mut(place) else { return };
        let (Ok(length), Some(bytes)) = (u8::try_from(value.len() + 1), slot.bytes.get_mut(..value.len())) else { return };
        bytes.copy_from_slice(value);
        (slot.interest, slot.length) = (interest, length);
        slot.finding = u16::try_from(number).unwrap_or(u16::MAX);
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
        assert_eq!(memo.recall(place, 3, b"colour"), None);
        let mut found = Bits::default();
        found.insert(7);
        memo.remember(place, 3, b"colour", &found);
        assert_eq!(memo.recall(place, 3, b"colour"), Some(&found));
        for (interest, other) in [(4, &b"colour"[..]), (3, b"color"), (3, b"")] {
            assert_eq!(memo.recall(place, interest, other), None);
        }
        assert_eq!(Memo::place(3, &[b'a'; LENGTH_MAX + 1]), None);
    }
}
