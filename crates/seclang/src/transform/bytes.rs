//! Sets of bytes, and the small readings several decoders share.

/// A set of byte values: which bytes a value holds, or which bytes matter to a transformation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// The bytes that occur in a value.
    pub fn of(value: &[u8]) -> Self {
        if value.len() < 256 {
            return Self::new(value);
        }
        // Marks in memory do not wait for each other as bits in a word do.
        let mut seen = [false; 256];
        for &byte in value {
            if let Some(mark) = seen.get_mut(usize::from(byte)) {
                *mark = true;
            }
        }
        let mut words = [0; 4];
        for (word, marks) in words.iter_mut().zip(seen.as_chunks::<64>().0) {
            *word = marks.iter().rev().fold(0, |bits, &mark| bits << 1 | u64::from(mark));
        }
        Self(words)
    }

    /// The set of these bytes.
    #[expect(
        clippy::indexing_slicing,
        reason = "a constant function has no iterators; both indices are bounded beside their use"
    )]
    pub const fn new(bytes: &[u8]) -> Self {
        let mut words = [0u64; 4];
        let mut at = 0;
        while at < bytes.len() {
            words[(bytes[at] >> 6) as usize] |= 1 << (bytes[at] & 63);
            at += 1;
        }
        Self(words)
    }

    /// This set and the bytes from `first` to `last`.
    #[expect(clippy::indexing_slicing, reason = "a byte has no more than four times 64 values")]
    pub const fn with(mut self, first: u8, last: u8) -> Self {
        let mut byte = first as u16;
        while byte <= last as u16 {
            self.0[(byte >> 6) as usize] |= 1 << (byte & 63);
            byte += 1;
        }
        self
    }

    /// Whether the byte is a member.
    #[expect(clippy::indexing_slicing, reason = "a byte has no more than four times 64 values")]
    pub const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    /// The bytes in either.
    pub fn union(&self, other: &Self) -> Self {
        let mut both = *self;
        both.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine |= theirs);
        both
    }

    /// Whether some byte is in both.
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(mine, theirs)| mine & theirs != 0)
    }

    /// Whether some byte of the value is a member.
    pub fn meets(&self, value: &[u8]) -> bool {
        value.iter().any(|&byte| self.contains(byte))
    }
}

/// The value of a hexadecimal digit.
pub(super) const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The byte that two hexadecimal digits write.
pub(super) fn hex_pair(high: u8, low: u8) -> Option<u8> {
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

/// The byte meant by four hexadecimal digits: the lower one, but full-width forms (U+FF01 to U+FF5E) become the ASCII character
/// they look like.
pub(super) fn hex_quad(digits: [u8; 4]) -> Option<u8> {
    let [first, second, third, fourth] = digits;
    let (high, low) = (hex_pair(first, second)?, hex_pair(third, fourth)?);
    Some(if high == 0xff { narrow(low) } else { low })
}

/// The ASCII character of a full-width form, by the lower byte of its code point.
pub(super) const fn narrow(low: u8) -> u8 {
    if low > 0 && low < 0x5f { low + 0x20 } else { low }
}

/// Reads up to three octal digits: the value, and how many they were. Zero digits read as nothing.
pub(super) fn octal(text: &[u8]) -> Option<(u16, usize)> {
    let digits = text.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7'));
    let (value, count) = digits.fold((0, 0), |(value, count), digit| (value * 8 + u16::from(digit - b'0'), count + 1));
    (count > 0).then_some((value, count))
}
