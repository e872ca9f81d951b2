//! Injected SQL, judged as libinjection judges it: the value is read as tokens of a forgiving SQL, the tokens are folded to at most
//! five, and their kinds are looked up among the fingerprints of known injections.
//!
//! Code of our own over the word and fingerprint tables of the crate `libinjectionrs`. That crate's own judgement misses injections
//! that libinjection finds: `into outfile` in small letters, and phrases of three words (`in boolean mode`).

mod exception;
mod fold;
mod reader;
mod token;
mod words;

use fold::Folded;
use reader::{Dialect, Quote};

/// What about a value is injected SQL: the kinds of its tokens, one letter each, at most five.
pub(super) struct Fingerprint(Vec<u8>);

impl Fingerprint {
    pub(super) fn letters(&self) -> &[u8] {
        &self.0
    }
}

/// Judges a value as it stands, and as if it stood inside quotes of either kind that it also contains.
pub(super) fn judge(value: &[u8]) -> Option<Fingerprint> {
    if is_plain(value) {
        return None;
    }
    let quoted = |quote| memchr::memchr(quote, value).is_some();
    in_context(value, Quote::None)
        .or_else(|| quoted(b'\'').then(|| in_context(value, Quote::Single)).flatten())
        .or_else(|| quoted(b'"').then(|| in_dialect(value, Quote::Double, Dialect::MySql).0).flatten())
}

/// Whether the value is one word, one number, or a number and a word: most values are, and none of those is an injection.
fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Reads as standard SQL first; again as MySQL does if a comment mark was seen that the two read differently.
fn in_context(value: &[u8], quote: Quote) -> Option<Fingerprint> {
    let (found, ambiguous) = in_dialect(value, quote, Dialect::Standard);
    found.or_else(|| ambiguous.then(|| in_dialect(value, quote, Dialect::MySql).0).flatten())
}

fn in_dialect(value: &[u8], quote: Quote, dialect: Dialect) -> (Option<Fingerprint>, bool) {
    let folded = fold::fold(value, quote, dialect);
    let fingerprint = fingerprint(&folded);
    let injected = words::is_fingerprint(&fingerprint) && !exception::harmless(value, &fingerprint, &folded);
    (injected.then_some(Fingerprint(fingerprint)), folded.ambiguous_comment)
}

/// The kinds of the tokens; a value that no two databases read alike is only that, `X`.
fn fingerprint(folded: &Folded) -> Vec<u8> {
    let letters: Vec<u8> = folded.tokens.iter().map(|token| token.kind.letter()).collect();
    if letters.contains(&token::Kind::Evil.letter()) { vec![token::Kind::Evil.letter()] } else { letters }
}

#[cfg(test)]
mod tests;
