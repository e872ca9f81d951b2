//! What stands after a backslash.

use super::PatternError;

/// What an escape means.
pub(super) enum Escape {
    /// One byte.
    Byte(u8),
    /// A set, written as the inside of a class.
    Set(&'static str),
    /// Something that is neither, rewritten.
    Other(&'static str),
}

/// Where an escape stands: some mean something else in a class.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Outside,
    Class,
}

/// Reads what follows a backslash; the rest of the pattern comes back.
pub(super) fn read(text: &[u8], place: Place) -> Result<(Escape, &[u8]), PatternError> {
    let Some((first, after)) = text.split_first() else {
        return Err(PatternError::Faulty("a backslash ends the pattern".to_owned()));
    };
    let escape = match first {
        b'x' => return hexadecimal(after),
        b'c' => return control(after),
        b'0' => return Ok(octal(text)),
        b'1'..=b'7' if place == Place::Class => return Ok(octal(text)),
        b'1'..=b'9' if place == Place::Outside => return Err(PatternError::Unsupported("a back reference")),
        b'b' if place == Place::Class => Escape::Byte(8),
        _ => simple(*first, place)?,
    };
    Ok((escape, after))
}

/// Escapes of one character.
fn simple(letter: u8, place: Place) -> Result<Escape, PatternError> {
    Ok(match letter {
        b'a' => Escape::Byte(7),
        b'e' => Escape::Byte(0x1b),
        b'f' => Escape::Byte(0x0c),
        b'n' => Escape::Byte(b'\n'),
        b'r' => Escape::Byte(b'\r'),
        b't' => Escape::Byte(b'\t'),
        b'd' => Escape::Set(r"\d"),
        b'D' => Escape::Set(r"\D"),
        b's' => Escape::Set(r"\s"),
        b'S' => Escape::Set(r"\S"),
        b'w' => Escape::Set(r"\w"),
        b'W' => Escape::Set(r"\W"),
        b'h' => Escape::Set(r"\x09\x20\xa0"),
        b'H' => Escape::Set(r"\x00-\x08\x0a-\x1f\x21-\x9f\xa1-\xff"),
        b'v' => Escape::Set(r"\x0a-\x0d\x85"),
        b'V' => Escape::Set(r"\x00-\x09\x0e-\x84\x86-\xff"),
        _ if letter.is_ascii_alphanumeric() && place == Place::Outside => assertion(letter)?,
        _ if letter.is_ascii_alphabetic() => return Err(PatternError::Unsupported("this escape in a class")),
        _ => Escape::Byte(letter),
    })
}

/// Escapes that are no members of a class.
fn assertion(letter: u8) -> Result<Escape, PatternError> {
    Ok(Escape::Other(match letter {
        b'A' => r"\A",
        b'b' => r"\b",
        b'B' => r"\B",
        b'z' => r"\z",
        b'Z' => r"\n?\z",
        b'E' => "",
        b'N' => r"[^\n]",
        b'R' => r"(?:\r\n|[\x0a-\x0d\x85])",
        b'g' | b'k' => return Err(PatternError::Unsupported("a back reference")),
        b'G' | b'K' => return Err(PatternError::Unsupported("an assertion about where the search began (`\\G`, `\\K`)")),
        b'p' | b'P' | b'X' => return Err(PatternError::Unsupported("a Unicode property")),
        _ => return Err(PatternError::Unsupported("this escape")),
    }))
}

/// `\xhh` with up to two digits, `\x{h...}`.
fn hexadecimal(text: &[u8]) -> Result<(Escape, &[u8]), PatternError> {
    let braced = text.strip_prefix(b"{").and_then(|inside| Some(inside.split_at(memchr::memchr(b'}', inside)?)));
    if let Some((digits, after)) = braced {
        return match std::str::from_utf8(digits).map(|digits| u8::from_str_radix(digits, 16)) {
            Ok(Ok(byte)) => Ok((Escape::Byte(byte), after.get(1..).unwrap_or_default())),
            _ => Err(PatternError::Unsupported("a code point above ff")),
        };
    }
    let digits = text.iter().take(2).map_while(|&byte| char::from(byte).to_digit(16));
    let (byte, count) = digits.fold((0, 0), |(byte, count), digit| (byte << 4 | digit as u8, count + 1));
    Ok((Escape::Byte(byte), text.get(count..).unwrap_or_default()))
}

/// Up to three octal digits; above `\377` only two of them.
fn octal(text: &[u8]) -> (Escape, &[u8]) {
    let count = match text {
        [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7', ..] => 3,
        [_, b'0'..=b'7', ..] => 2,
        _ => 1,
    };
    let (digits, after) = text.split_at_checked(count).unwrap_or((text, &[]));
    (Escape::Byte(digits.iter().fold(0, |byte, digit| byte << 3 | (digit - b'0'))), after)
}

/// `\cX`: the control character.
fn control(text: &[u8]) -> Result<(Escape, &[u8]), PatternError> {
    match text {
        [letter @ 0x20..=0x7e, after @ ..] => Ok((Escape::Byte(letter.to_ascii_uppercase() ^ 0x40), after)),
        _ => Err(PatternError::Faulty("`\\c` needs a printable character".to_owned())),
    }
}
