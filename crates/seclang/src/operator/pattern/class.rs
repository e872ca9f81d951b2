//! Character classes, taken apart and written anew.

use super::escape::{self, Escape, Place};
use super::{PatternError, literal};

/// A member of a class.
enum Member {
    Byte(u8),
    /// Written as the inside of a class; cannot bound a range.
    Set(String),
}

/// Rewrites a class whose opening bracket was just read.
pub(super) fn rewrite<'a>(text: &'a [u8], out: &mut String) -> Result<&'a [u8], PatternError> {
    out.push('[');
    let mut rest = text;
    if let [b'^', after @ ..] = rest {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    loop {
        match rest {
            [] => return Err(PatternError::Faulty("a class does not end".to_owned())),
            [b']', after @ ..] if !first => {
                out.push(']');
                return Ok(after);
            }
            _ => rest = item(rest, out)?,
        }
        first = false;
    }
}

/// One member, or a range of two.
fn item<'a>(text: &'a [u8], out: &mut String) -> Result<&'a [u8], PatternError> {
    let (low, after) = match member(text)? {
        (Member::Byte(low), after) => (low, after),
        (Member::Set(set), after) => {
            out.push_str(&set);
            return Ok(after);
        }
    };
    literal(low, out);
    let [b'-', bound @ ..] = after else { return Ok(after) };
    if matches!(bound, [] | [b']', ..]) {
        return Ok(after);
    }
    match member(bound)? {
        (Member::Byte(high), _) if high < low => Err(PatternError::Faulty("a range in a class is out of order".to_owned())),
        (Member::Byte(high), after) => {
            out.push('-');
            literal(high, out);
            Ok(after)
        }
        (Member::Set(_), _) => Ok(after),
    }
}

fn member(text: &[u8]) -> Result<(Member, &[u8]), PatternError> {
    match text {
        [b'[', b':', name @ ..] if let Some(end) = memchr::memmem::find(name, b":]") => {
            let (name, after) = name.split_at_checked(end).unwrap_or((name, &[]));
            Ok((Member::Set(named(name)?), after.get(2..).unwrap_or_default()))
        }
        [b'\\', after @ ..] => match escape::read(after, Place::Class)? {
            (Escape::Byte(byte), after) => Ok((Member::Byte(byte), after)),
            (Escape::Set(set) | Escape::Other(set), after) => Ok((Member::Set(set.to_owned()), after)),
        },
        [byte, after @ ..] => Ok((Member::Byte(*byte), after)),
        [] => Err(PatternError::Faulty("a class does not end".to_owned())),
    }
}

/// A POSIX class, `[:^name:]` its opposite.
fn named(name: &[u8]) -> Result<String, PatternError> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
        "xdigit",
    ];
    let (not, name) = name.strip_prefix(b"^").map_or(("", name), |name| ("^", name));
    match NAMES.iter().find(|known| known.as_bytes() == name) {
        Some(known) => Ok(format!("[:{not}{known}:]")),
        None => Err(PatternError::Faulty("there is no such named class".to_owned())),
    }
}
