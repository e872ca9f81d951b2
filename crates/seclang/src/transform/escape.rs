//! Backslash escapes of three languages: `jsDecode`, `cssDecode`, `escapeSeqDecode`.

use super::bytes::{hex_digit, hex_pair, hex_quad, narrow, octal};
use super::text::WHITESPACE;

/// JavaScript (and HTML5 character references of that look): `\uHHHH`, `\xHH`, `\OOO`, `\C`.
pub(super) fn javascript(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [first, tail @ ..] = rest {
        let (byte, after) = match rest {
            [b'\\', b'u', a, b, c, d, after @ ..] if let Some(byte) = hex_quad([*a, *b, *c, *d]) => (byte, after),
            [b'\\', b'x', high, low, after @ ..] if let Some(byte) = hex_pair(*high, *low) => (byte, after),
            [b'\\', digits @ ..] if let Some((value, count)) = octal_byte(digits) => {
                (value, digits.get(count..).unwrap_or_default())
            }
            [b'\\', letter, after @ ..] => (control(*letter).unwrap_or(*letter), after),
            _ => (*first, tail),
        };
        out.push(byte);
        rest = after;
    }
}

/// An octal escape that must fit one byte: of `\400` only `\40` is taken.
fn octal_byte(digits: &[u8]) -> Option<(u8, usize)> {
    let (value, count) = octal(digits)?;
    Some(u8::try_from(value).map_or(((value / 8) as u8, count - 1), |byte| (byte, count)))
}

/// The control characters that C and JavaScript name by a letter.
const fn control(letter: u8) -> Option<u8> {
    Some(match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        _ => return None,
    })
}

/// ANSI C: a letter, `\xHH`, `\OOO` (the lower byte of it); before anything else the backslash is dropped.
pub(super) fn ansi_c(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [first, tail @ ..] = rest {
        let (byte, after) = match rest {
            [b'\\', b'x' | b'X', high, low, after @ ..] if let Some(byte) = hex_pair(*high, *low) => (byte, after),
            [b'\\', digits @ ..] if let Some((value, count)) = octal(digits) => {
                (value as u8, digits.get(count..).unwrap_or_default())
            }
            [b'\\', letter, after @ ..] => (control(*letter).unwrap_or(*letter), after),
            _ => (*first, tail),
        };
        out.push(byte);
        rest = after;
    }
}

/// CSS 2: a backslash and one to six hexadecimal digits with one white space after them; before a newline or at the end the
/// backslash vanishes, before anything else it only quotes.
pub(super) fn css(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', []) => tail,
            (b'\\', [b'\n', after @ ..]) => after,
            (b'\\', [quoted, after @ ..]) => css_code(tail, out).unwrap_or_else(|| {
                out.push(*quoted);
                after
            }),
            _ => {
                out.push(*first);
                tail
            }
        };
    }
}

/// Decodes the hexadecimal digits after a backslash: the two last ones count.
fn css_code<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let count = text.iter().take(6).take_while(|&&byte| hex_digit(byte).is_some()).count();
    let (digits, after) = text.split_at_checked(count)?;
    let code = digits.iter().try_fold(0u32, |code, &digit| Some(code << 4 | u32::from(hex_digit(digit)?)))?;
    let low = (code & 0xff) as u8;
    match count {
        0 => return None,
        4.. if code >> 8 == 0xff => out.push(narrow(low)),
        _ => out.push(low),
    }
    Some(match after {
        [space, further @ ..] if WHITESPACE.contains(*space) => further,
        _ => after,
    })
}
