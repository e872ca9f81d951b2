//! The cheap first pass: which kinds of bytes a text has at all.
//!
//! Nearly all values are words and numbers. One look at each byte tells which detectors and decoders can find anything, so an
//! ordinary value costs one table walk.

/// A set of kinds of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks(u32);

impl Marks {
    pub(crate) const SINGLE: Self = Self(1);
    pub(crate) const DOUBLE: Self = Self(1 << 1);
    pub(crate) const TICK: Self = Self(1 << 2);
    pub(crate) const LESS: Self = Self(1 << 3);
    pub(crate) const AMP: Self = Self(1 << 4);
    pub(crate) const PERCENT: Self = Self(1 << 5);
    pub(crate) const OPEN: Self = Self(1 << 6);
    pub(crate) const BRACE: Self = Self(1 << 7);
    pub(crate) const DOLLAR: Self = Self(1 << 8);
    pub(crate) const SEMI: Self = Self(1 << 9);
    pub(crate) const PIPE: Self = Self(1 << 10);
    pub(crate) const SLASH: Self = Self(1 << 11);
    pub(crate) const BACKSLASH: Self = Self(1 << 12);
    pub(crate) const DOT: Self = Self(1 << 13);
    pub(crate) const COLON: Self = Self(1 << 14);
    pub(crate) const BREAK: Self = Self(1 << 15);
    pub(crate) const CONTROL: Self = Self(1 << 16);
    pub(crate) const HIGH: Self = Self(1 << 17);
    pub(crate) const EQUAL: Self = Self(1 << 18);
    pub(crate) const SIGN: Self = Self(1 << 19);
    pub(crate) const SPACE: Self = Self(1 << 20);
    pub(crate) const UNDER: Self = Self(1 << 21);
    pub(crate) const STAR: Self = Self(1 << 22);
    pub(crate) const UPPER: Self = Self(1 << 23);
    pub(crate) const LOWER: Self = Self(1 << 24);
    pub(crate) const DIGIT: Self = Self(1 << 25);
    pub(crate) const SQUARE: Self = Self(1 << 26);
    pub(crate) const PLUS: Self = Self(1 << 27);
    pub(crate) const OTHER: Self = Self(1 << 28);

    /// The kinds of bytes a text has.
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut seen = 0;
        for &byte in text {
            seen |= TABLE.get(usize::from(byte)).copied().unwrap_or(0);
        }
        Self(seen)
    }

    /// This or that.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of these kinds occurs.
    pub(crate) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// Whether all of these kinds occur.
    pub(crate) const fn all(self, of: Self) -> bool {
        self.0 & of.0 == of.0
    }

    /// Letters, digits and nothing that any interpreter gives a meaning.
    pub(crate) const fn is_word(self) -> bool {
        self.0 & !(Self::UPPER.0 | Self::LOWER.0 | Self::DIGIT.0 | Self::UNDER.0) == 0
    }
}

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        // A const table is filled by index; the loop's bound is the table's length.
        #[allow(clippy::indexing_slicing)]
        {
            table[byte] = kind(byte as u8).0;
        }
        byte += 1;
    }
    table
}

const fn kind(byte: u8) -> Marks {
    match byte {
        b'\'' => Marks::SINGLE,
        b'"' => Marks::DOUBLE,
        b'`' => Marks::TICK,
        b'<' => Marks::LESS,
        b'&' => Marks::AMP,
        b'%' => Marks::PERCENT,
        b'(' => Marks::OPEN,
        b'{' | b'}' => Marks::BRACE,
        b'$' => Marks::DOLLAR,
        b';' => Marks::SEMI,
        b'|' => Marks::PIPE,
        b'/' => Marks::SLASH,
        b'\\' => Marks::BACKSLASH,
        b'.' => Marks::DOT,
        b':' => Marks::COLON,
        b'\r' | b'\n' => Marks::BREAK,
        b' ' | b'\t' => Marks::SPACE,
        0..=31 | 127 => Marks::CONTROL,
        b'=' => Marks::EQUAL,
        b'-' | b'#' => Marks::SIGN,
        b'_' => Marks::UNDER,
        b'*' => Marks::STAR,
        b'[' => Marks::SQUARE,
        b'+' => Marks::PLUS,
        b'A'..=b'Z' => Marks::UPPER,
        b'a'..=b'z' => Marks::LOWER,
        b'0'..=b'9' => Marks::DIGIT,
        128.. => Marks::HIGH,
        _ => Marks::OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_need_no_detector() {
        assert!(Marks::of(b"Anna_2026").is_word());
        for text in ["O'Brien", "a b", "a=b", "a.b", "\u{e9}", "a\0"] {
            assert!(!Marks::of(text.as_bytes()).is_word(), "{text:?}");
        }
    }
}
