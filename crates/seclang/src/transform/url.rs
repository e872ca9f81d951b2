//! `urlDecode`, `urlDecodeUni`, `urlEncode`.

use super::bytes::{hex_pair, hex_quad};

/// Percent-decoding; what is no valid triple stays as it stands. `+` is a space.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    decode_with(input, out, |escape| match escape {
        [high, low, after @ ..] => Some((hex_pair(*high, *low)?, after)),
        _ => None,
    });
}

/// The same, and `%uHHHH` as IIS reads it: the lower byte, full-width forms as ASCII.
pub(super) fn decode_unicode(input: &[u8], out: &mut Vec<u8>) {
    decode_with(input, out, |escape| match escape {
        [b'u' | b'U', a, b, c, d, after @ ..] => Some((hex_quad([*a, *b, *c, *d])?, after)),
        [high, low, after @ ..] => Some((hex_pair(*high, *low)?, after)),
        _ => None,
    });
}

/// Decodes what `read` makes of the bytes behind each `%`: a byte, and what comes after.
fn decode_with(mut rest: &[u8], out: &mut Vec<u8>, read: impl Fn(&[u8]) -> Option<(u8, &[u8])>) {
    let spaced = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
    while let Some((plain, escape)) = memchr::memchr(b'%', rest).and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))) {
        out.extend(plain.iter().map(spaced));
        let (byte, after) = read(escape).unwrap_or((b'%', escape));
        out.push(byte);
        rest = after;
    }
    out.extend(rest.iter().map(spaced));
}

/// Percent-encodes all but letters, digits and `*`; a space becomes `+`.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) {
    for &byte in input {
        match byte {
            b' ' => out.push(b'+'),
            b'*' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(byte),
            _ => {
                out.push(b'%');
                super::encoding::hex_encode(&[byte], out);
            }
        }
    }
}
