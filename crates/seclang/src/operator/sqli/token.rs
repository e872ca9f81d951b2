//! Tokens and their kinds.

/// The longest text a token keeps: no word of the tables is longer.
pub(super) const TEXT_BYTES_MAX: usize = 31;

/// What a token is. Its letter is that of libinjection's fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Keyword = b'k',
    Union = b'U',
    Group = b'B',
    Expression = b'E',
    SqlType = b't',
    Function = b'f',
    Bareword = b'n',
    Number = b'1',
    Variable = b'v',
    String = b's',
    Operator = b'o',
    Logic = b'&',
    Comment = b'c',
    Collate = b'A',
    LeftParenthesis = b'(',
    RightParenthesis = b')',
    LeftBrace = b'{',
    RightBrace = b'}',
    Dot = b'.',
    Comma = b',',
    Colon = b':',
    Semicolon = b';',
    TransactSql = b'T',
    Unknown = b'?',
    /// Databases disagree about it, or it serves nothing but evasion.
    Evil = b'X',
    Backslash = b'\\',
}

impl Kind {
    pub(super) const fn letter(self) -> u8 {
        self as u8
    }

    /// The kind of a word by the letter the table gives it.
    pub(super) const fn of_word(letter: u8) -> Option<Self> {
        Some(match letter {
            b'k' => Self::Keyword,
            b'U' => Self::Union,
            b'B' => Self::Group,
            b'E' => Self::Expression,
            b't' => Self::SqlType,
            b'f' => Self::Function,
            b'n' => Self::Bareword,
            b'1' => Self::Number,
            b'v' => Self::Variable,
            b'o' => Self::Operator,
            b'&' => Self::Logic,
            b'A' => Self::Collate,
            b'T' => Self::TransactSql,
            _ => return None,
        })
    }
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    text: [u8; TEXT_BYTES_MAX],
    length: u8,
    /// The quote before a string; 0 if it began before the value, or this is no string.
    pub(super) open: u8,
    /// The quote after it; 0 if there was none.
    pub(super) close: u8,
}

impl Token {
    /// A token that keeps the beginning of its text.
    pub(super) fn new(kind: Kind, text: &[u8]) -> Self {
        let mut kept = [0; TEXT_BYTES_MAX];
        kept.iter_mut().zip(text).for_each(|(slot, byte)| *slot = *byte);
        Self { kind, text: kept, length: text.len().min(TEXT_BYTES_MAX) as u8, open: 0, close: 0 }
    }

    /// The same between these quotes.
    pub(super) fn between(self, open: u8, close: u8) -> Self {
        Self { open, close, ..self }
    }

    /// The same, of another kind.
    pub(super) fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..usize::from(self.length)).unwrap_or_default()
    }

    pub(super) fn is(&self, kinds: &[Kind]) -> bool {
        kinds.contains(&self.kind)
    }

    pub(super) fn says(&self, word: &str) -> bool {
        self.text().eq_ignore_ascii_case(word.as_bytes())
    }

    pub(super) fn is_unary_operator(&self) -> bool {
        self.kind == Kind::Operator && (matches!(self.text(), b"+" | b"-" | b"!" | b"~" | b"!!") || self.says("NOT"))
    }

    pub(super) fn is_arithmetic(&self) -> bool {
        self.kind == Kind::Operator && matches!(self.text(), b"*" | b"/" | b"-" | b"+" | b"%")
    }

    /// This token and the next as one phrase, if the tables know it.
    pub(super) fn merged(&self, next: &Self) -> Option<Self> {
        use Kind::{Bareword, Expression, Function, Keyword, Logic, Operator, SqlType, TransactSql, Union};
        const WORDS: [Kind; 8] = [Keyword, Bareword, Operator, Union, Function, Expression, TransactSql, SqlType];
        if !self.is(&WORDS) || !(next.is(&WORDS) || next.kind == Logic) {
            return None;
        }
        let length = self.text().len() + 1 + next.text().len();
        let mut phrase = [b' '; TEXT_BYTES_MAX];
        phrase.iter_mut().zip(self.text()).for_each(|(slot, byte)| *slot = *byte);
        phrase.iter_mut().skip(self.text().len() + 1).zip(next.text()).for_each(|(slot, byte)| *slot = *byte);
        let phrase = phrase.get(..length)?;
        Some(Self::new(super::words::kind(phrase)?, phrase))
    }
}
