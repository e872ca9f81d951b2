//! Leaving a string of source code: what scripts of pages and of servers have in common.

/// Bytes looked at behind a closed quote.
pub(crate) const TAIL_BYTES_MAX: usize = 512;

/// Whether what follows a closed quote is an operator and then, soon, a use of one of the names; the length up to there.
///
/// A value that leaves its string must go on as the language does. In prose and in code that merely has quotes in it a word
/// follows the quote, or words stand side by side.
pub(crate) fn leaves(tail: &[u8], sink: fn(&[u8]) -> bool, invoked: fn(&[u8]) -> bool) -> Option<usize> {
    let start = tail.trim_ascii_start();
    start.first().filter(|b| b";-+*/,)]}|&^?=<>%".contains(b))?;
    // What leaves a string does so in its line.
    let near = start.get(..start.len().min(TAIL_BYTES_MAX))?;
    let near = near.get(..memchr::memchr(b'\n', near).unwrap_or(near.len()))?;
    let (mut at, mut words) = (0, 0);
    while let Some(found) = near.get(at..)?.iter().position(|b| b.is_ascii_alphabetic() || *b == b'_') {
        let from = at + found;
        let length = near.get(from..)?.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$')).count();
        if sink(near.get(from..from + length)?) && invoked(near.get(from + length..)?) {
            return Some(from + length);
        }
        if words > 0 && is_prose(near.get(..from)?) {
            return None;
        }
        words += 1;
        at = from + length;
    }
    None
}

/// Whether the last thing before a word is another word and a space, and not one of the language.
fn is_prose(before: &[u8]) -> bool {
    const KEYWORDS: &[&[u8]] = &[
        b"var", b"let", b"new", b"in", b"of", b"return", b"throw", b"typeof", b"void", b"if", b"else", b"const", b"or", b"and",
        b"not", b"import",
    ];
    let trimmed = before.trim_ascii_end();
    trimmed.len() < before.len()
        && trimmed.last().is_some_and(u8::is_ascii_alphabetic)
        && !KEYWORDS.iter().any(|word| trimmed.ends_with(word))
}
