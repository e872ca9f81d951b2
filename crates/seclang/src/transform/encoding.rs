//! Base64, hexadecimal, digests and parity.

use super::bytes::hex_pair;

/// What a base64 reader makes of a byte outside its alphabet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Line breaks are skipped; padding, and anything else, ends the text.
    Strict,
    /// Anything foreign is skipped, the URL-safe letters are read too.
    Forgiving,
}

/// Decodes base64 as far as it goes; padding need not be there.
///
/// ModSecurity 3 answers an invalid text with nothing at all, version 2 with the part before the fault. That part is kept: an
/// attacker should not make a value vanish by one foreign byte at its end.
pub(super) fn base64_decode(input: &[u8], alphabet: Alphabet, out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0u32, 0u8);
    for &byte in input {
        let Some(value) = base64_value(byte, alphabet) else {
            match alphabet {
                Alphabet::Strict if matches!(byte, b'\r' | b'\n') => continue,
                Alphabet::Strict => break,
                Alphabet::Forgiving => continue,
            }
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
}

const fn base64_value(byte: u8, alphabet: Alphabet) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        b'-' if matches!(alphabet, Alphabet::Forgiving) => Some(62),
        b'_' if matches!(alphabet, Alphabet::Forgiving) => Some(63),
        _ => None,
    }
}

/// How many bytes at the beginning of a text a strict reader of base64 takes in, at most.
pub(crate) fn base64_prefix(input: &[u8]) -> usize {
    let foreign = |byte: &u8| base64_value(*byte, Alphabet::Strict).is_none() && !matches!(byte, b'\r' | b'\n');
    input.iter().position(foreign).unwrap_or(input.len())
}

/// Encodes in base64 with padding (RFC 4648).
pub(super) fn base64_encode(input: &[u8], out: &mut Vec<u8>) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in input.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * at) & 63) as usize).filter(|_| at <= group.len());
            out.push(letter.copied().unwrap_or(b'='));
        }
    }
}

/// Two lower-case hexadecimal digits for each byte.
pub(super) fn hex_encode(input: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = input.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    out.extend(digits.filter_map(|value| DIGITS.get(usize::from(value))));
}

/// Pairs of hexadecimal digits, a lone last one dropped. Other bytes are reckoned with as if they were digits, as C code does.
pub(super) fn hex_decode(input: &[u8], out: &mut Vec<u8>) {
    let digit = |byte: u8| if byte >= b'A' { (byte & 0xdf).wrapping_sub(b'A').wrapping_add(10) } else { byte.wrapping_sub(b'0') };
    let (pairs, _) = input.as_chunks::<2>();
    out.extend(pairs.iter().map(|[high, low]| digit(*high).wrapping_mul(16).wrapping_add(digit(*low))));
}

/// SQL's hexadecimal literals: `0x414243` becomes `ABC`.
pub(super) fn sql_hex_decode(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'0', b'x' | b'X', digits @ ..] if let Some((byte, after)) = leading_pair(digits) => {
                out.push(byte);
                pairs(after, out)
            }
            _ => {
                out.push(*first);
                tail
            }
        };
    }
}

fn pairs<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    while let Some((byte, after)) = leading_pair(rest) {
        out.push(byte);
        rest = after;
    }
    rest
}

fn leading_pair(text: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, after @ ..] = text else { return None };
    Some((hex_pair(*high, *low)?, after))
}

/// The raw digest of a value.
pub(super) fn digest<D: sha1::Digest>(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&D::digest(input));
}

/// The byte with its eighth bit set so that the number of set bits is even (`wanted` 0) or odd (1).
pub(super) fn with_parity(byte: u8, wanted: u32) -> u8 {
    let low = byte & 0x7f;
    if low.count_ones() % 2 == wanted { low } else { low | 0x80 }
}
