//! The `Cookie` header (RFC 6265 section 4.2.1).
//!
//! Pairs end at `;`, even within quotes, as RFC 6265 has it. A value in quotes is undone as Python's `http.cookies` writes it, which is
//! how all the frameworks read it, as long as no `;` is within.

use crate::{Bound, Field, Kind, Limits, Note, Notes, Out, Place, Stop};
use memchr::memchr;

/// Reads the value of a `Cookie` header. A value in quotes is undone; `raw` keeps it.
pub fn read_cookies(header: &[u8], limits: &Limits, out: &mut Out<'_>) -> Result<(), Stop> {
    out.spend(header.len())?;
    let mut notes = Notes::default();
    let mut fields = 0_u32;
    let mut pairs = header.split(|byte| *byte == b';').map(trim).peekable();
    while let Some(pair) = pairs.next() {
        if pair.is_empty() {
            if pairs.peek().is_some() {
                notes.once(Note::CookieEmpty, out)?;
            }
            continue;
        }
        fields = fields.saturating_add(1);
        if fields > limits.fields {
            return Err(Stop::Bound(Bound::Fields));
        }
        let (name, raw) = split(pair, &mut notes, out)?;
        let undone = unquoted(raw);
        judge(name, raw, undone.is_some(), &mut notes, out)?;
        if name.len() > limits.name_bytes {
            return Err(Stop::Bound(Bound::Name));
        }
        if raw.len() > limits.value_bytes {
            return Err(Stop::Bound(Bound::Value));
        }
        out.field(Field { place: Place::Cookie, kind: Kind::Text, name, value: undone.as_deref().unwrap_or(raw), raw })?;
    }
    Ok(())
}

/// What `Set-Cookie` has behind a cookie, and Python's `SimpleCookie` looks for here too.
const ATTRIBUTES: [&[u8]; 10] =
    [b"expires", b"path", b"comment", b"domain", b"max-age", b"secure", b"httponly", b"version", b"samesite", b"partitioned"];

/// A pair without `=` is a nameless value to browsers, a valueless name to Werkzeug, and nothing to others.
fn split<'a>(pair: &'a [u8], notes: &mut Notes, out: &mut Out<'_>) -> Result<(&'a [u8], &'a [u8]), Stop> {
    let Some(equals) = memchr(b'=', pair) else {
        notes.once(Note::CookieNoEquals, out)?;
        return Ok((b"", pair));
    };
    let (name, value) = (pair.get(..equals).unwrap_or_default(), pair.get(equals + 1..).unwrap_or_default());
    if name.last().is_some_and(|byte| is_space(*byte)) || value.first().is_some_and(|byte| is_space(*byte)) {
        notes.once(Note::CookieSpace, out)?;
    }
    Ok((trim(name), trim(value)))
}

fn judge(name: &[u8], raw: &[u8], undone: bool, notes: &mut Notes, out: &mut Out<'_>) -> Result<(), Stop> {
    if name.is_empty() {
        notes.once(Note::CookieNoName, out)?;
    } else if !name.iter().all(|byte| is_token(*byte)) {
        notes.once(Note::CookieName, out)?;
    } else if name.starts_with(b"$") || ATTRIBUTES.iter().any(|attribute| name.eq_ignore_ascii_case(attribute)) {
        notes.once(Note::CookieReserved, out)?;
    }
    if undone {
        notes.once(Note::CookieQuoted, out)?;
    } else if raw.starts_with(b"\"") {
        notes.once(Note::CookieQuote, out)?;
    } else if !raw.iter().all(|byte| is_cookie_octet(*byte)) {
        let spaced = raw.iter().any(|byte| is_space(*byte));
        notes.once(if spaced { Note::CookieInnerSpace } else { Note::CookieValue }, out)?;
    }
    if raw.iter().chain(name).any(u8::is_ascii_control) {
        notes.once(Note::CookieControl, out)?;
    }
    if !raw.is_ascii() || !name.is_ascii() {
        notes.once(Note::CookieNonAscii, out)?;
    }
    Ok(())
}

/// The value within quotes, escapes undone; `None` if it is not in quotes, or not as `http.cookies` writes it.
fn unquoted(raw: &[u8]) -> Option<Vec<u8>> {
    let [b'"', inner @ .., b'"'] = raw else { return None };
    let mut value = Vec::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        rest = match rest {
            [] => return Some(value),
            [b'\\', high @ b'0'..=b'1', middle @ b'0'..=b'7', low @ b'0'..=b'7', tail @ ..] => {
                value.push((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'));
                tail
            }
            [b'\\', b'2'..=b'3', b'0'..=b'7', b'0'..=b'7', ..] | [b'\\'] | [b'"', ..] => return None,
            [b'\\', byte, tail @ ..] | [byte, tail @ ..] => {
                value.push(*byte);
                tail
            }
        };
    }
}

/// RFC 6265 `cookie-octet`: visible ASCII without quotes, comma, semicolon and backslash.
fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

/// RFC 9110 `tchar`.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

pub(crate) fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Without the spaces and tabs around it.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_space(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_space(*last)
    {
        bytes = rest;
    }
    bytes
}
