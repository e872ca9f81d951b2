//! XPath (CWE-643): a value that closes its quote and goes on with a path or with a function over one.
//!
//! Conditions that are always true are the same as in SQL; this finds what only XPath has.

use crate::{
    finding::{Judging, Rule, Text},
    marks::Marks,
};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 643, about }
}

const UNION: Rule = rule("xpath.union", 7, "a closed predicate and another path");
const FUNCTION: Rule = rule("xpath.function", 7, "a function over the nodes of the document, behind a closed quote or condition");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[UNION, FUNCTION];

/// A path.
pub(crate) const NEEDS: Marks = Marks::SLASH.or(Marks::OPEN);

/// Bytes looked at.
const VALUE_BYTES_MAX: usize = 1024;

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes.get(..text.bytes.len().min(VALUE_BYTES_MAX)).unwrap_or_default();
    if !judging.spend(value.len()) {
        return;
    }
    for quote in [b'\'', b'"'] {
        let Some(at) = memchr::memchr(quote, value) else { continue };
        let tail = value.get(at + 1..).unwrap_or_default();
        if let Some(rule) = behind(tail) {
            judging.found(rule, text, at..value.len());
        }
    }
    let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
    let bare = value.get(digits..).unwrap_or_default().trim_ascii_start();
    if let Some(rule) = (digits > 0 || bare.starts_with(b"]")).then(|| behind(bare)).flatten() {
        judging.found(rule, text, 0..value.len());
    }
}

/// What follows a closed quote or a number.
fn behind(tail: &[u8]) -> Option<&'static Rule> {
    tail.trim_ascii_start().first().filter(|b| b")]|oOaA".contains(b))?;
    let squeezed: Vec<u8> = tail.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(200).collect();
    let closed = squeezed.strip_prefix(b")").unwrap_or(&squeezed);
    if let Some(rest) = closed.strip_prefix(b"]") {
        let path = rest.starts_with(b"|/")
            || rest.starts_with(b"|*")
            || rest.starts_with(b"/..")
            || rest.starts_with(b"//*")
            || rest.starts_with(b"/parent::");
        return path.then_some(&UNION);
    }
    let word = tail.trim_ascii_start();
    let joined = [&b"or"[..], b"and", b"|"].iter().any(|w| word.get(..w.len()).is_some_and(|head| head.eq_ignore_ascii_case(w)));
    (joined && over_nodes(&squeezed)).then_some(&FUNCTION)
}

/// `count(/*)`, `name(/*[1])`, `string-length(//user[1]/password)`, `doc('http…')`.
fn over_nodes(text: &[u8]) -> bool {
    const FUNCTIONS: &[&[u8]] = &[
        b"count(",
        b"name(",
        b"string-length(",
        b"substring(",
        b"starts-with(",
        b"contains(",
        b"string(",
        b"local-name(",
        b"doc(",
        b"position(",
    ];
    FUNCTIONS.iter().any(|function| {
        memchr::memmem::find(text, function).is_some_and(|at| {
            let inner = text.get(at + function.len()..).unwrap_or_default();
            matches!(inner.first(), Some(b'/' | b'.' | b'*' | b'@' | b')'))
                || inner.starts_with(b"'http")
                || inner.starts_with(b"name(")
                || inner.starts_with(b"parent::")
        })
    })
}
