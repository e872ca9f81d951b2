//! `htmlEntityDecode`: numeric entities and the five names that matter to markup.

/// Decodes `&#DDD;`, `&#xHH;`, `&quot;`, `&amp;`, `&lt;`, `&gt;` and `&nbsp;`, each with or without its semicolon.
///
/// Any number of digits is read and the lower byte kept: a reader that stops after two is passed by leading zeroes
/// (CVE-2025-27110).
pub(super) fn decode(mut rest: &[u8], out: &mut Vec<u8>) {
    while let Some((plain, entity)) = memchr::memchr(b'&', rest).and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))) {
        out.extend_from_slice(plain);
        let read = match entity {
            [b'#', b'x' | b'X', digits @ ..] if let Some(read) = number(digits, 16) => Some(read),
            [b'#', digits @ ..] => number(digits, 10),
            _ => named(entity),
        };
        let (byte, after) = read.unwrap_or((b'&', entity));
        out.push(byte);
        rest = after;
    }
    out.extend_from_slice(rest);
}

/// A number of at least one digit and its optional semicolon. Too large a number saturates, as C's does.
fn number(text: &[u8], radix: u32) -> Option<(u8, &[u8])> {
    let digit = |byte: &u8| (*byte as char).to_digit(radix);
    let count = text.iter().take_while(|byte| digit(byte).is_some()).count();
    let (digits, after) = text.split_at_checked(count).filter(|_| count > 0)?;
    let value = digits.iter().filter_map(digit).fold(0i64, |value, digit| {
        value.checked_mul(radix.into()).and_then(|value| value.checked_add(digit.into())).unwrap_or(i64::MAX)
    });
    Some((value as u8, after_semicolon(after)))
}

fn named(text: &[u8]) -> Option<(u8, &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let (name, after) = text.split_at_checked(count)?;
    let known = [(&b"quot"[..], b'"'), (b"amp", b'&'), (b"lt", b'<'), (b"gt", b'>'), (b"nbsp", 0xa0)];
    let (_, byte) = known.iter().find(|(known, _)| name.eq_ignore_ascii_case(known))?;
    Some((*byte, after_semicolon(after)))
}

fn after_semicolon(text: &[u8]) -> &[u8] {
    text.strip_prefix(b";").unwrap_or(text)
}
