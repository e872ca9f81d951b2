//! What reading on with a statement says.

/// Bytes of a comment looked at.
const REST_BYTES_MAX: usize = 256;

/// How the tokens came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// A word too many, or too few: no dialect reads this.
    Broken,
    /// The value ends where a statement could end.
    Whole,
    /// A comment hides what the app wrote behind the value.
    Comment(Rest),
    /// The last string of the value is closed by the app's own quote; whether that string begins with a digit.
    Open(bool),
    /// A semicolon and nothing more.
    Semicolon,
}

/// What stands in the comment at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing but signs and a few letters, as in comments that only hide the rest of a statement.
    Signs,
    /// Words.
    Words,
    /// Quotes too, as in prose about comments: `'--help'`.
    Quoted,
}

impl Rest {
    /// What a comment holds.
    pub(super) fn of(comment: &[u8]) -> Self {
        let near = comment.get(..comment.len().min(REST_BYTES_MAX)).unwrap_or_default();
        let letters = near.iter().filter(|b| b.is_ascii_alphabetic() || **b >= 128).count();
        if near.iter().any(|b| matches!(b, b'\'' | b'"' | b'`' | b'%')) {
            Self::Quoted
        } else if letters <= 4 && near.len() <= 32 {
            Self::Signs
        } else {
            Self::Words
        }
    }
}

/// What was seen on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) tail: Tail,
    /// The place after the last token.
    pub(super) end: usize,
    /// How many tokens.
    pub(super) tokens: usize,
    /// `AND`, `OR`, `&&`.
    pub(super) boolean: bool,
    /// `||` or another operator between operands.
    pub(super) operator: bool,
    /// A comparison of constants only, behind a boolean word or in a clause.
    pub(super) tautology: bool,
    /// Any comparison behind a boolean word.
    pub(super) compared: bool,
    /// A comparison before the first boolean word.
    pub(super) first_compared: bool,
    /// A constant as the whole side of a boolean word.
    pub(super) truth: bool,
    /// `UNION SELECT` with a list that is more than words.
    pub(super) union: bool,
    /// `UNION SELECT` and words, as in "credit union select committee".
    pub(super) union_words: bool,
    /// `(SELECT` with a list that is more than words.
    pub(super) subselect: bool,
    /// Another statement behind a semicolon.
    pub(super) stacked: bool,
    /// That statement cannot be anything else than one.
    pub(super) stacked_sure: bool,
    /// A function that waits, reads, runs or speaks through errors.
    pub(super) danger: bool,
    /// A function that takes data apart.
    pub(super) probe: bool,
    /// Any function call.
    pub(super) call: bool,
    /// `ORDER BY 5`, `GROUP BY`, `HAVING`, `LIMIT`.
    pub(super) clause: bool,
    /// `INTO OUTFILE`.
    pub(super) outfile: bool,
    /// A table only somebody who looks around asks for.
    pub(super) system: bool,
    /// `CASE WHEN … THEN … END`.
    pub(super) case: bool,
    /// A comma at the top: another column or value.
    pub(super) comma: bool,
    /// The first token is a number, or a bracket that closes the app's: no sentence begins so.
    pub(super) number_first: bool,
    /// All brackets that were opened are closed.
    pub(super) balanced: bool,
    /// Closing brackets the value never opened.
    pub(super) unopened: bool,
}

impl Seen {
    /// Nothing yet, at this place.
    pub(super) fn at(at: usize) -> Self {
        Self {
            tail: Tail::Broken,
            end: at,
            tokens: 0,
            boolean: false,
            operator: false,
            tautology: false,
            compared: false,
            first_compared: false,
            truth: false,
            union: false,
            union_words: false,
            subselect: false,
            stacked: false,
            stacked_sure: false,
            danger: false,
            probe: false,
            call: false,
            clause: false,
            outfile: false,
            system: false,
            case: false,
            comma: false,
            number_first: false,
            balanced: false,
            unopened: false,
        }
    }
}

/// What stands before the first token that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A string was just closed: an operator must follow.
    Operand,
    /// The value stands where an operand is wanted.
    Nothing,
}
