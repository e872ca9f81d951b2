//! Strings in all their notations, and numbers.

use super::{Kind, Reader, Token, is_white};

impl<'a> Reader<'a> {
    /// A string whose text begins so many bytes ahead. A backslash or doubling quotes its end.
    pub(super) fn string(&mut self, ahead: usize, quote: u8) -> Token {
        let text = self.rest().get(ahead..).unwrap_or_default();
        match end_of_string(text, quote) {
            Some(end) => {
                self.at += ahead + end + 1;
                Token::new(Kind::String, text.get(..end).unwrap_or_default()).between(quote, quote)
            }
            None => {
                self.at = self.value.len();
                Token::new(Kind::String, text).between(quote, 0)
            }
        }
    }

    /// The strings that begin like a word: `n'..'`, `e'..'`, `u&'..'`, `x'..'`, `b'..'`, `q'(..)'`, `nq'(..)'`.
    pub(super) fn prefixed_string(&mut self, first: u8) -> Option<Token> {
        match (first.to_ascii_lowercase(), self.peek(1)?, self.peek(2)?) {
            (b'e' | b'n', b'\'', _) => Some(self.string(2, b'\'')),
            (b'n', b'q' | b'Q', _) => self.oracle_string(1),
            (b'q', b'\'', _) => self.oracle_string(0),
            (b'u', b'&', b'\'') => {
                let string = self.string(3, b'\'');
                Some(string.between(b'u', if string.close == 0 { 0 } else { b'u' }))
            }
            (b'x', b'\'', _) => self.digit_string(|byte| byte.is_ascii_hexdigit() || byte == 0),
            (b'b', b'\'', _) => self.digit_string(|byte| matches!(byte, b'0' | b'1' | 0)),
            _ => None,
        }
    }

    /// `x'4142'` and `b'0101'` are numbers.
    fn digit_string(&mut self, digit: impl Fn(u8) -> bool) -> Option<Token> {
        let count = self.span(2, digit);
        (self.peek(2 + count)? == b'\'').then(|| self.take(count + 3, Kind::Number))
    }

    /// Oracle's `q'[..]'`: any printable character after the quote, or the bracket that belongs to it, ends it.
    fn oracle_string(&mut self, ahead: usize) -> Option<Token> {
        let [b'q' | b'Q', b'\'', open @ 33..=127, text @ ..] = self.rest().get(ahead..)? else { return None };
        let close = match open {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            b'<' => b'>',
            other => *other,
        };
        Some(self.until(ahead + 3, text, &[close, b'\''], b'q'))
    }

    /// A string up to a mark of several bytes, or to the end.
    fn until(&mut self, ahead: usize, text: &'a [u8], mark: &[u8], quote: u8) -> Token {
        match memchr::memmem::find(text, mark) {
            Some(end) => {
                self.at += ahead + end + mark.len();
                Token::new(Kind::String, text.get(..end).unwrap_or_default()).between(quote, quote)
            }
            None => {
                self.at = self.value.len();
                Token::new(Kind::String, text).between(quote, 0)
            }
        }
    }

    /// `$1,000.00`; PostgreSQL's `$$..$$` and `$tag$..$tag$`; else a lone `$` is a name.
    pub(super) fn money(&mut self) -> Token {
        match self.span(1, |byte| matches!(byte, b'0'..=b'9' | b'.' | b',' | 0)) {
            0 => self.dollar_string().unwrap_or_else(|| self.take(1, Kind::Bareword)),
            1 if self.peek(1) == Some(b'.') => self.word(),
            digits => self.take(1 + digits, Kind::Number),
        }
    }

    fn dollar_string(&mut self) -> Option<Token> {
        let letters = self.span(1, |byte| byte.is_ascii_alphabetic() || byte == 0);
        if self.peek(1 + letters)? != b'$' {
            return None;
        }
        let (mark, text) = self.rest().split_at_checked(letters + 2)?;
        Some(self.until(mark.len(), text, mark, b'$'))
    }

    /// Decimal, hexadecimal, binary; with fraction and exponent; a lone dot.
    pub(super) fn number(&mut self) -> Token {
        match (self.peek(0), self.peek(1)) {
            (Some(b'0'), Some(b'x' | b'X')) => self.radix(|byte| byte.is_ascii_hexdigit() || byte == 0),
            (Some(b'0'), Some(b'b' | b'B')) => self.radix(|byte| matches!(byte, b'0' | b'1' | 0)),
            _ => self.decimal(),
        }
    }

    fn radix(&mut self, digit: impl Fn(u8) -> bool) -> Token {
        match self.span(2, digit) {
            0 => self.take(2, Kind::Bareword),
            digits => self.take(2 + digits, Kind::Number),
        }
    }

    fn decimal(&mut self) -> Token {
        let digits = |from: usize| self.span(from, |byte| byte.is_ascii_digit());
        let mut length = digits(0);
        if self.peek(length) == Some(b'.') {
            length += 1;
            length += digits(length);
            if length == 1 {
                return self.take(1, Kind::Dot);
            }
        }
        let mut kind = Kind::Number;
        if let Some(b'e' | b'E') = self.peek(length) {
            length += 1 + usize::from(matches!(self.peek(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length);
            length += exponent;
            if exponent == 0 {
                kind = Kind::Bareword;
            }
        }
        self.take(length + self.float_suffix(length), kind)
    }

    /// Oracle's `1f` and `1d`: only before an end, or before what may be `union`.
    fn float_suffix(&self, at: usize) -> usize {
        let suffix = matches!(self.peek(at), Some(b'd' | b'D' | b'f' | b'F'));
        let ends = self.peek(at + 1).is_none_or(|next| is_white(next) || matches!(next, b';' | b'u' | b'U'));
        usize::from(suffix && ends)
    }
}

/// Where a string's closing quote stands.
fn end_of_string(text: &[u8], quote: u8) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(quote, text.get(from..)?)?;
        let backslashes = text.get(..end)?.iter().rev().take_while(|&&byte| byte == b'\\').count();
        from = match text.get(end + 1) {
            _ if backslashes % 2 == 1 => end + 1,
            Some(next) if *next == quote => end + 2,
            _ => return Some(end),
        };
    }
}
