//! From bytes to tokens: a SQL that takes anything, as loosely as the loosest of the databases.

mod literal;

use super::token::{Kind, Token};
use super::words;
use crate::transform::ByteSet;

/// Inside which quotes the value is taken to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    None,
    Single,
    Double,
}

/// Whose comments are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `--` begins a comment wherever it stands; `#` is an operator.
    Standard,
    /// `--` needs white space after it; `#` begins a comment.
    MySql,
}

/// Where reading stands.
pub(super) struct Reader<'a> {
    value: &'a [u8],
    at: usize,
    quote: Quote,
    dialect: Dialect,
    /// How many tokens were read.
    pub(super) count: usize,
    /// A comment mark was seen that the dialects read differently.
    pub(super) ambiguous_comment: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(value: &'a [u8], quote: Quote, dialect: Dialect) -> Self {
        Self { value, at: 0, quote, dialect, count: 0, ambiguous_comment: false }
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.opening_string().or_else(|| self.token())?;
        self.count += 1;
        Some(token)
    }

    /// The string whose opening quote stood before the value.
    fn opening_string(&mut self) -> Option<Token> {
        let quote = match self.quote {
            Quote::None => return None,
            Quote::Single => b'\'',
            Quote::Double => b'"',
        };
        if self.at > 0 || self.value.is_empty() {
            return None;
        }
        let string = self.string(0, quote);
        Some(string.between(0, string.close))
    }

    fn token(&mut self) -> Option<Token> {
        loop {
            let first = *self.value.get(self.at)?;
            return Some(match first {
                0..=b' ' | 0x7f | 0xa0 => {
                    self.at += 1;
                    continue;
                }
                b'\'' | b'"' => self.string(1, first),
                b'#' => self.hash(),
                b'-' => self.dash(),
                b'/' => self.slash(),
                b'%' | b'+' | b'^' | b'~' => self.take(1, Kind::Operator),
                b'!' | b'&' | b'*' | b':' | b'<' | b'=' | b'>' | b'|' => self.operator(),
                b'?' | b']' => self.take(1, Kind::Unknown),
                b'.' | b'0'..=b'9' => self.number(),
                b'@' => self.variable(),
                b'\\' => self.backslash(),
                b'`' => self.backquoted(),
                b'[' => self.bracketed(),
                b'$' => self.money(),
                b'(' => self.take(1, Kind::LeftParenthesis),
                b')' => self.take(1, Kind::RightParenthesis),
                b'{' => self.take(1, Kind::LeftBrace),
                b'}' => self.take(1, Kind::RightBrace),
                b',' => self.take(1, Kind::Comma),
                b';' => self.take(1, Kind::Semicolon),
                _ => self.prefixed_string(first).unwrap_or_else(|| self.word()),
            });
        }
    }

    /// What is left to read.
    fn rest(&self) -> &'a [u8] {
        self.value.get(self.at..).unwrap_or_default()
    }

    /// The byte so many after this one.
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.value.get(self.at + ahead).copied()
    }

    /// So many bytes as a token.
    fn take(&mut self, length: usize, kind: Kind) -> Token {
        let text = self.rest().get(..length).unwrap_or(self.rest());
        self.at += text.len();
        Token::new(kind, text)
    }

    /// How many bytes from `ahead` on satisfy the condition. (libinjection's sets of digits and letters all hold NUL, for C's
    /// strings end with it.)
    fn span(&self, ahead: usize, wanted: impl Fn(u8) -> bool) -> usize {
        self.rest().iter().skip(ahead).take_while(|&&byte| wanted(byte)).count()
    }

    fn line_comment(&mut self) -> Token {
        let rest = self.rest();
        let end = memchr::memchr(b'\n', rest);
        let token = self.take(end.unwrap_or(rest.len()), Kind::Comment);
        self.at += usize::from(end.is_some());
        token
    }

    fn hash(&mut self) -> Token {
        self.ambiguous_comment = true;
        match self.dialect {
            Dialect::MySql => self.line_comment(),
            Dialect::Standard => self.take(1, Kind::Operator),
        }
    }

    fn dash(&mut self) -> Token {
        match (self.peek(1), self.peek(2), self.dialect) {
            (Some(b'-'), None, _) => self.line_comment(),
            (Some(b'-'), Some(next), _) if is_white(next) => self.line_comment(),
            (Some(b'-'), _, Dialect::Standard) => {
                self.ambiguous_comment = true;
                self.line_comment()
            }
            _ => self.take(1, Kind::Operator),
        }
    }

    /// Division, or a comment. One inside another, and the comment that MySQL executes, are evil.
    fn slash(&mut self) -> Token {
        let [b'/', b'*', inside @ ..] = self.rest() else { return self.take(1, Kind::Operator) };
        let end = memchr::memmem::find(inside, b"*/");
        let nested = end.and_then(|end| inside.get(..=end)).is_some_and(|text| memchr::memmem::find(text, b"/*").is_some());
        let kind = if nested || inside.first() == Some(&b'!') { Kind::Evil } else { Kind::Comment };
        self.take(end.map_or(self.rest().len(), |end| end + 4), kind)
    }

    fn operator(&mut self) -> Token {
        if self.rest().starts_with(b"<=>") {
            return self.take(3, Kind::Operator);
        }
        match self.rest().get(..2).and_then(words::kind) {
            Some(kind) => self.take(2, kind),
            None if self.peek(0) == Some(b':') && self.peek(1).is_some() => self.take(1, Kind::Colon),
            None => self.take(1, Kind::Operator),
        }
    }

    /// MySQL's `\N` is a value.
    fn backslash(&mut self) -> Token {
        match self.peek(1) {
            Some(b'N') => self.take(2, Kind::Number),
            _ => self.take(1, Kind::Backslash),
        }
    }

    fn word(&mut self) -> Token {
        let length = self.span(0, |byte| !ends_word(byte));
        let rest = self.rest();
        let kept = rest.get(..length.min(31)).unwrap_or_default();
        for (at, _) in kept.iter().enumerate().filter(|(_, byte)| matches!(byte, b'.' | b'`')) {
            match kept.get(..at).and_then(words::kind) {
                None | Some(Kind::Bareword) => {}
                Some(kind) => return self.take(at, kind),
            }
        }
        let kind = rest.get(..length).and_then(words::kind).unwrap_or(Kind::Bareword);
        self.take(length, kind)
    }

    /// A name in backquotes; a function stays one.
    fn backquoted(&mut self) -> Token {
        let string = self.string(1, b'`');
        let kind = if words::kind(string.text()) == Some(Kind::Function) { Kind::Function } else { Kind::Bareword };
        string.of(kind)
    }

    /// Transact-SQL's name in brackets.
    fn bracketed(&mut self) -> Token {
        let end = memchr::memchr(b']', self.rest());
        self.take(end.map_or(self.rest().len(), |end| end + 1), Kind::Bareword)
    }

    /// `@name`, `@@name`, each also in quotes.
    fn variable(&mut self) -> Token {
        self.at += if self.peek(1) == Some(b'@') { 2 } else { 1 };
        match self.peek(0) {
            Some(b'`') => self.backquoted().of(Kind::Variable),
            Some(quote @ (b'\'' | b'"')) => self.string(1, quote).of(Kind::Variable),
            _ => {
                let length = self.span(0, |byte| !ends_variable(byte));
                self.take(length, Kind::Variable)
            }
        }
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | 0x09..=0x0d | 0xa0 | 0)
}

fn ends_word(byte: u8) -> bool {
    const ENDS: ByteSet = ByteSet::new(b"[]{}<>:\\?=@!#~+-*/&|^%(),';\"");
    is_white(byte) || ENDS.contains(byte)
}

fn ends_variable(byte: u8) -> bool {
    const ENDS: ByteSet = ByteSet::new(b"<>:\\?=@!#~+-*/&|^%(),';`\"");
    (is_white(byte) && byte != 0xa0) || ENDS.contains(byte)
}
