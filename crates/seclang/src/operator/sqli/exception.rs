//! Values with the fingerprint of an injection that are ordinary text nevertheless.

use super::fold::Folded;
use super::token::Kind::{Bareword, Comment, Evil, Keyword, Number, Union};
use super::token::Token;

/// Whether a value whose fingerprint is known is harmless.
pub(super) fn harmless(value: &[u8], fingerprint: &[u8], folded: &Folded) -> bool {
    // SQL Server keeps whatever mentions this out of its log: nobody writes it by chance.
    let hides = fingerprint.len() > 1 && fingerprint.last() == Some(&Comment.letter());
    if hides && memchr::memmem::find(value, b"sp_password").is_some() {
        return false;
    }
    match folded.tokens.as_slice() {
        _ if fingerprint == [Evil.letter()] => false,
        [first, second] => harmless_pair(value, first, second, folded.read),
        [first, second, third] => harmless_triple(fingerprint, [first, second, third], folded.read),
        _ => false,
    }
}

fn harmless_pair(value: &[u8], first: &Token, second: &Token, read: usize) -> bool {
    let mark = second.text().first().copied().unwrap_or(0);
    match (first.kind, second.kind, mark) {
        // "1 union" and no more.
        (_, Union, _) => read == 2,
        (_, _, b'#') => true,
        // After a word only /* is no punctuation.
        (Bareword, Comment, mark) if mark != b'/' => true,
        (Number, Comment, b'/') => false,
        (Number, Comment, _) => read <= 2 && !ends_a_number(value, first.text().len()),
        // Dashes are common in prose, but not at its end.
        (_, _, b'-') => second.text().len() > 2,
        _ => false,
    }
}

/// Whether what stands there can follow a number before a comment that is meant: white space or the comment. As in libinjection the place is
/// counted from the beginning of the value, and bytes beyond ASCII pass for white space.
fn ends_a_number(value: &[u8], at: usize) -> bool {
    match value.get(at..).unwrap_or_default() {
        [] | [0..=b' ' | 0x80.., ..] => true,
        rest => rest.starts_with(b"/*") || rest.starts_with(b"--"),
    }
}

fn harmless_triple(fingerprint: &[u8], [first, second, third]: [&Token; 3], read: usize) -> bool {
    match fingerprint {
        // Injected are only the inner ends of two strings: `foo' + 'bar`.
        b"sos" | b"s&s" => !(first.open == 0 && third.close == 0 && first.close == third.open),
        // "sexy and 17" and no more.
        b"s&n" | b"n&1" | b"1&1" | b"1&v" | b"1&s" => read == 3,
        _ => {
            second.kind == Keyword
                && !second.text().get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"into") && second.text().len() > 4)
        }
    }
}
