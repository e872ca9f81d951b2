//! Tokens of SQL as SQLite, PostgreSQL, MySQL and their relatives cut them.
//!
//! Where dialects differ, the reading that lets an attacker go on is taken: `#` starts a comment, `/*! */` is white space with
//! code in it, NUL ends the statement, `1or` is a number and a word.

use super::words::{Word, word};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A number, also hexadecimal.
    Number,
    /// A closed string in single or double quotes.
    Text,
    /// A string that is still open where the value ends, opened by this quote; whether it begins with a digit.
    OpenText(u8, bool),
    /// A word: keyword, function or identifier.
    Word(Word),
    /// `` `name` `` or `[name]`.
    Quoted,
    /// `@name`, `@@name`, `:name`, `$1`, `?`.
    Variable,
    /// An operator that compares.
    Compare,
    /// Any other operator between two operands.
    Operator,
    /// `||`, which joins strings or means OR; `&&`.
    Double(u8),
    /// `+ - ~ !`, which also stand before an operand.
    Sign,
    /// `*`, which also stands for all columns.
    Star,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `,`.
    Comma,
    /// `.`.
    Dot,
    /// `;`.
    Semicolon,
    /// A comment that swallows the rest of the value or line.
    Comment,
    /// A byte no dialect allows here.
    Bad,
    /// The end of the value.
    End,
}

/// A walk over the tokens of a text.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    /// Where the next token begins.
    pub(super) at: usize,
    /// Whether a backslash escapes a quote (MySQL, `E''` in PostgreSQL).
    backslash: bool,
    /// Inside `/*!`, whose `*/` is white space.
    executable: bool,
    /// Whether white space came before the last token.
    pub(super) spaced: bool,
    /// The range of the last word, for its text.
    pub(super) word: (usize, usize),
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8], at: usize, backslash: bool) -> Self {
        Self { text, at, backslash, executable: false, spaced: false, word: (at, at) }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.get(self.at.saturating_add(ahead)).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text of the last word.
    pub(super) fn spelled(&self) -> &'a [u8] {
        self.text.get(self.word.0..self.word.1).unwrap_or_default()
    }

    /// The text after the token that was read last.
    pub(super) fn after(&self) -> &'a [u8] {
        self.rest()
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Token {
        let before = self.at;
        self.skip_space();
        self.spaced = self.at > before;
        let Some(&first) = self.rest().first() else { return Token::End };
        let start = self.at;
        match first {
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 128.. => self.word(),
            b'\'' | b'"' => self.string(first),
            b'`' => self.quoted(b'`'),
            b'[' => self.quoted(b']'),
            b'@' | b':' | b'$' | b'?' => self.variable(first),
            b'#' => self.comment(),
            b'-' if self.byte(1) == b'-' => self.comment(),
            b'/' if self.byte(1) == b'*' => Token::Comment,
            0 => self.comment(),
            _ => self.sign(first, start),
        }
    }

    fn comment(&mut self) -> Token {
        let line = memchr::memchr2(b'\n', b'\r', self.rest());
        match line {
            // Code goes on in the next line: the comment is white space.
            Some(end) if !self.rest().get(end..).unwrap_or_default().trim_ascii_start().is_empty() => {
                self.at += end;
                self.next_bounded()
            }
            _ => Token::Comment,
        }
    }

    /// `next` after a comment line; a text of nothing but comment lines must not recurse without bound.
    fn next_bounded(&mut self) -> Token {
        for _ in 0..64 {
            self.skip_space();
            let rest = self.rest();
            let comment = rest.first() == Some(&b'#') || rest.starts_with(b"--") || rest.first() == Some(&0);
            if !comment {
                return self.next();
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else { return Token::Comment };
            self.at += end;
        }
        Token::Comment
    }

    /// White space of any dialect and comments that are closed.
    fn skip_space(&mut self) {
        loop {
            match self.rest() {
                [b' ' | b'\t'..=b'\r' | 0x1c..=0x1f, ..] => self.at += 1,
                [0xc2, 0xa0, ..] => self.at += 2,
                // The no-break space of Latin-1, which old MySQL takes for white space.
                [0xa0, ..] => self.at += 1,
                [b'/', b'*', b'!', ..] => {
                    self.at += 3;
                    while self.byte(0).is_ascii_digit() {
                        self.at += 1;
                    }
                    self.executable = true;
                }
                [b'*', b'/', ..] if self.executable => {
                    self.at += 2;
                    self.executable = false;
                }
                [b'/', b'*', inner @ ..] => match memchr::memmem::find(inner, b"*/") {
                    Some(end) => self.at += end + 4,
                    None => return,
                },
                _ => return,
            }
        }
    }

    fn number(&mut self) -> Token {
        let start = self.at;
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X' | b'b' | b'B') && self.byte(2).is_ascii_hexdigit() {
            self.at += 2;
            self.run(|b| b.is_ascii_hexdigit());
        } else {
            self.run(|b| b.is_ascii_digit() || b == b'.');
            if matches!(self.byte(0), b'e' | b'E') {
                let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
                if self.byte(1 + sign).is_ascii_digit() {
                    self.at += 1 + sign;
                    self.run(|b| b.is_ascii_digit());
                } else if matches!(self.byte(1), b'.' | b'(' | b' ' | 0) {
                    self.at += 1; // MySQL reads `1e(` and `1e.` as a number
                }
            }
        }
        if is_name(self.byte(0)) { self.glued(start) } else { Token::Number }
    }

    /// Letters right after a number: a keyword that was glued to it, or an identifier such as `1st`.
    fn glued(&mut self, start: usize) -> Token {
        let here = self.at;
        self.run(is_name);
        let letters = self.text.get(here..self.at).unwrap_or_default();
        if word(letters).follows_operand() {
            self.at = here;
            return Token::Number;
        }
        self.word = (start, self.at);
        Token::Word(Word::Name)
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        self.run(is_name);
        self.word = (start, self.at);
        Token::Word(word(self.spelled()))
    }

    fn string(&mut self, quote: u8) -> Token {
        let start = self.at + 1;
        match close(self.text, start, quote, self.backslash) {
            Some(end) => {
                self.at = end;
                Token::Text
            }
            None => {
                self.at = self.text.len();
                Token::OpenText(quote, self.text.get(start).is_some_and(u8::is_ascii_digit))
            }
        }
    }

    fn quoted(&mut self, end: u8) -> Token {
        let inner = self.rest().get(1..).unwrap_or_default();
        // Identifiers are at most 128 characters anywhere.
        match memchr::memchr(end, inner.get(..inner.len().min(512)).unwrap_or_default()) {
            Some(length) if length > 0 => {
                self.at += length + 2;
                Token::Quoted
            }
            _ => {
                self.at += 1;
                Token::Bad
            }
        }
    }

    fn variable(&mut self, first: u8) -> Token {
        if first == b':' && self.byte(1) == b':' {
            self.at += 2;
            return Token::Operator; // a cast of PostgreSQL
        }
        if first == b':' && self.byte(1) == b'=' {
            self.at += 2;
            return Token::Operator;
        }
        if first == b'$' && self.byte(1) == b'$' {
            return self.dollar();
        }
        let start = self.at;
        self.at += 1;
        self.run(|b| is_name(b) || b == b'@' || b == b'$' || b == b'.');
        if self.at == start + 1 && first != b'?' { Token::Bad } else { Token::Variable }
    }

    /// `$$text$$` of PostgreSQL.
    fn dollar(&mut self) -> Token {
        let inner = self.rest().get(2..).unwrap_or_default();
        match memchr::memmem::find(inner, b"$$") {
            Some(end) => self.at += end + 4,
            None => self.at = self.text.len(),
        }
        Token::Text
    }

    fn sign(&mut self, first: u8, start: usize) -> Token {
        let two = (first, self.byte(1));
        let (length, token) = match two {
            (b'<', b'=') if self.byte(2) == b'>' => (3, Token::Compare),
            (b'<' | b'>' | b'!' | b'=' | b'^', b'=') | (b'<', b'>') | (b'!' | b'^', b'<' | b'>') => (2, Token::Compare),
            (b'|', b'|') | (b'&', b'&') => (2, Token::Double(first)),
            (b'<', b'<') | (b'>', b'>') | (b'-', b'>') => (2 + usize::from(self.byte(2) == b'>'), Token::Operator),
            (b'~', b'*') | (b'!', b'~') | (b'@', b'>') | (b'<', b'@') => (2, Token::Compare),
            (b'=' | b'<' | b'>', _) => (1, Token::Compare),
            (b'+' | b'-' | b'~' | b'!', _) => (1, Token::Sign),
            (b'*', _) => (1, Token::Star),
            (b'/' | b'%' | b'|' | b'&' | b'^', _) => (1, Token::Operator),
            (b'(', _) => (1, Token::Open),
            (b')', _) => (1, Token::Close),
            (b',', _) => (1, Token::Comma),
            (b'.', _) => (1, Token::Dot),
            (b';', _) => (1, Token::Semicolon),
            _ => (1, Token::Bad),
        };
        self.at = start + length;
        token
    }

    fn run(&mut self, of: impl Fn(u8) -> bool) {
        while self.text.get(self.at).is_some_and(|&b| of(b)) {
            self.at += 1;
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 128..=0x9f | 0xa1..)
}

/// Where the string that is open at `start` ends: the place after the closing quote. A doubled quote is an escaped one.
pub(super) fn close(text: &[u8], start: usize, quote: u8, backslash: bool) -> Option<usize> {
    let mut at = start;
    loop {
        let rest = text.get(at..)?;
        let found = if backslash { memchr::memchr2(quote, b'\\', rest)? } else { memchr::memchr(quote, rest)? };
        let here = at + found;
        match (text.get(here), text.get(here + 1)) {
            (Some(b'\\'), _) => at = here + 2,
            (_, Some(&next)) if next == quote => at = here + 2,
            _ => return Some(here + 1),
        }
    }
}
