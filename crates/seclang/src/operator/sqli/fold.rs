//! Folding: what says nothing about an injection is taken out until at most five tokens are left.

use super::reader::{Dialect, Quote, Reader};
use super::token::Kind::{
    Backslash, Bareword, Collate, Comma, Comment, Dot, Evil, Expression, Function, Group, Keyword, LeftBrace, LeftParenthesis,
    Logic, Number, Operator, RightBrace, RightParenthesis, Semicolon, SqlType, String, TransactSql, Variable,
};
use super::token::Token;

/// How many tokens a fingerprint has at most.
pub(super) const TOKENS_MAX: usize = 5;

/// Names that are functions only before a parenthesis.
const FUNCTIONS_BY_POSITION: [&str; 11] = [
    "USER_ID",
    "USER_NAME",
    "DATABASE",
    "PASSWORD",
    "USER",
    "CURRENT_USER",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
];

/// The tokens that are left.
pub(super) struct Folded {
    pub(super) tokens: Vec<Token>,
    /// How many tokens were read in all.
    pub(super) read: usize,
    /// See [`Reader::ambiguous_comment`].
    pub(super) ambiguous_comment: bool,
}

/// Reads and folds a value.
pub(super) fn fold(value: &[u8], quote: Quote, dialect: Dialect) -> Folded {
    let reader = Reader::new(value, quote, dialect);
    let mut folder = Folder { reader, tokens: Vec::with_capacity(8), left: 0, more: true, last_comment: None };
    folder.run();
    Folded { tokens: folder.tokens, read: folder.reader.count, ambiguous_comment: folder.reader.ambiguous_comment }
}

/// What to do after a look at the leftmost unfolded tokens.
enum Next {
    /// Something changed: look again.
    Again,
    /// Nothing to fold here.
    Go,
    /// The tokens are final.
    Stop,
}

struct Folder<'a> {
    reader: Reader<'a>,
    tokens: Vec<Token>,
    /// How many tokens are known to stay. Folding looks at those after them.
    left: usize,
    /// The reader may have more.
    more: bool,
    /// The comment after the last token.
    last_comment: Option<Token>,
}

impl Folder<'_> {
    fn run(&mut self) {
        let Some(first) = self.first() else { return };
        self.tokens.push(first);
        loop {
            if self.tokens.len() >= TOKENS_MAX {
                self.shorten();
            }
            if !self.more || self.left >= TOKENS_MAX {
                return self.finish();
            }
            match self.step() {
                Next::Again => {}
                Next::Go => self.left += 1,
                Next::Stop => return,
            }
        }
    }

    /// The first token that is no comment, parenthesis, type or sign.
    fn first(&mut self) -> Option<Token> {
        loop {
            let token = self.reader.next()?;
            if !token.is(&[Comment, LeftParenthesis, SqlType]) && !token.is_unary_operator() {
                return Some(token);
            }
        }
    }

    fn finish(&mut self) {
        if self.tokens.len() < TOKENS_MAX {
            self.tokens.extend(self.last_comment);
        }
        self.tokens.truncate(TOKENS_MAX);
        // PHP and MySQL: a backquote that opens nothing comments the rest out.
        let count = self.tokens.len();
        if let Some(last) = self.tokens.last_mut()
            && count > 2
            && last.kind == Bareword
            && last.open == b'`'
            && last.text().is_empty()
            && last.close == 0
        {
            last.kind = Comment;
        }
    }

    /// Five tokens that are only a calculation count as their first one.
    fn shorten(&mut self) {
        let Some([a, b, c, d, e]) = self.tokens.first_chunk() else { return };
        let calculation = matches!(
            (a.kind, b.kind, c.kind, d.kind, e.kind),
            (Number, Operator | Comma, LeftParenthesis, Number, RightParenthesis)
                | (Bareword, Operator, LeftParenthesis, Bareword | Number, RightParenthesis)
                | (Number, RightParenthesis, Comma, LeftParenthesis, Number)
                | (Bareword, RightParenthesis, Operator, LeftParenthesis, Bareword)
        );
        if calculation {
            let sixth = self.tokens.get(TOKENS_MAX).copied();
            self.tokens.truncate(1);
            self.tokens.extend(sixth);
            self.left = 0;
        }
    }

    fn unfolded(&self) -> usize {
        self.tokens.len().saturating_sub(self.left)
    }

    /// Reads until so many tokens follow those that stay.
    fn fill(&mut self, wanted: usize) -> bool {
        while self.more && self.tokens.len() <= TOKENS_MAX && self.unfolded() < wanted {
            match self.reader.next() {
                None => self.more = false,
                Some(token) if token.kind == Comment => self.last_comment = Some(token),
                Some(token) => {
                    self.last_comment = None;
                    self.tokens.push(token);
                }
            }
        }
        let filled = self.unfolded() >= wanted;
        if !filled {
            self.left = self.tokens.len();
        }
        filled
    }

    fn step(&mut self) -> Next {
        if !self.fill(2) {
            return Next::Again;
        }
        match self.fold_two() {
            Next::Go => {}
            other => return other,
        }
        if !self.fill(3) {
            return Next::Again;
        }
        self.fold_three()
    }

    /// Drops the last tokens, and looks again from the first one.
    fn drop_last(&mut self, count: usize) -> Next {
        self.tokens.truncate(self.tokens.len().saturating_sub(count));
        self.left = 0;
        Next::Again
    }

    /// The same, but looks again from the token before, or from here.
    fn drop_one_stepping_back(&mut self, steps: usize) -> Next {
        self.tokens.pop();
        self.left = self.left.saturating_sub(steps);
        Next::Again
    }

    /// Replaces the token so many after those that stay.
    fn replace(&mut self, ahead: usize, token: Token) {
        if let Some(slot) = self.tokens.get_mut(self.left + ahead) {
            *slot = token;
        }
    }

    fn fold_two(&mut self) -> Next {
        let Some(&[a, b]) = self.tokens.get(self.left..).and_then(|rest| rest.first_chunk()) else { return Next::Go };
        match (a.kind, b.kind) {
            (String, String) | (Semicolon, Semicolon) => return self.drop_one_stepping_back(0),
            (Operator | Logic, _) if b.is_unary_operator() || b.kind == SqlType => return self.drop_last(1),
            (LeftParenthesis, _) if b.is_unary_operator() => return self.drop_one_stepping_back(1),
            _ => {}
        }
        if let Some(phrase) = a.merged(&b) {
            self.replace(0, phrase);
            return self.drop_one_stepping_back(1);
        }
        match (a.kind, b.kind) {
            (Semicolon, Function) if b.text().get(..2).is_some_and(|name| name.eq_ignore_ascii_case(b"if")) => {
                self.replace(1, b.of(TransactSql));
                Next::Again
            }
            (Bareword | Variable, LeftParenthesis) if FUNCTIONS_BY_POSITION.iter().any(|name| a.says(name)) => {
                self.replace(0, a.of(Function));
                Next::Again
            }
            (Keyword, _) if a.says("IN") || a.says("NOT IN") => {
                let kind = if b.kind == LeftParenthesis { Operator } else { Bareword };
                self.replace(0, a.of(kind));
                Next::Again
            }
            (Operator, _) if a.says("LIKE") || a.says("NOT LIKE") => {
                if b.kind == LeftParenthesis {
                    self.replace(0, a.of(Function));
                }
                Next::Go
            }
            (SqlType, Bareword | Number | SqlType | LeftParenthesis | Function | Variable | String) => {
                self.replace(0, b);
                self.drop_last(1)
            }
            (Collate, Bareword) => {
                if b.text().contains(&b'_') {
                    self.replace(1, b.of(SqlType));
                    self.left = 0;
                }
                Next::Go
            }
            (Backslash, _) if b.is_arithmetic() => {
                self.replace(0, a.of(Number));
                self.drop_last(0)
            }
            (Backslash, _) => {
                self.replace(0, b);
                self.drop_last(1)
            }
            (LeftParenthesis, LeftParenthesis) | (RightParenthesis, RightParenthesis) => self.drop_last(1),
            (LeftBrace, Bareword) if b.text().is_empty() => {
                self.replace(1, b.of(Evil));
                self.tokens.truncate(self.left + 2);
                Next::Stop
            }
            (LeftBrace, Bareword) => self.drop_last(2),
            (_, RightBrace) => self.drop_last(1),
            _ => Next::Go,
        }
    }

    fn fold_three(&mut self) -> Next {
        let Some(&[a, b, c]) = self.tokens.get(self.left..).and_then(|rest| rest.first_chunk()) else { return Next::Go };
        match (a.kind, b.kind, c.kind) {
            (Number, Operator, Number) => self.drop_last(2),
            (Operator, middle, Operator) if middle != LeftParenthesis => self.drop_last(2),
            (Logic, _, Logic) => self.drop_last(2),
            (Variable, Operator, Variable | Number | Bareword) => self.drop_last(2),
            (Bareword | Number, Operator, Number | Bareword) => self.drop_last(2),
            (Bareword | Number | Variable | String, Operator, SqlType) if b.text() == b"::" => self.drop_last(2),
            (Bareword | Number | String | Variable, Comma, Number | Bareword | String | Variable) => self.drop_last(2),
            (Expression | Group | Comma, _, LeftParenthesis) if b.is_unary_operator() => self.drop_middle(c),
            (Keyword | Expression | Group, _, Number | Bareword | Variable | String | Function) if b.is_unary_operator() => {
                self.drop_middle(c)
            }
            (Comma, _, Number | Bareword | Variable | String) if b.is_unary_operator() => {
                self.replace(1, c);
                self.drop_last(3)
            }
            (Comma, _, Function) if b.is_unary_operator() => self.drop_middle(c),
            (Bareword, Dot, Bareword) => self.drop_last(2),
            (Expression, Dot, Bareword) => self.drop_middle(c),
            (Function, LeftParenthesis, inside) if inside != RightParenthesis && a.says("USER") => {
                self.replace(0, a.of(Bareword));
                Next::Go
            }
            _ => Next::Go,
        }
    }

    /// Takes the second of three tokens away.
    fn drop_middle(&mut self, third: Token) -> Next {
        self.replace(1, third);
        self.drop_last(1)
    }
}
