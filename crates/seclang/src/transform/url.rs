//! `urlDecode`, `urlDecodeUni`, `urlEncode`.

use super::bytes::{hex_pair, hex_quad};

/// Percent-decoding; what is no valid triple stays as it stands. `+` is a space.
pub(super) fn decode(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'%', high, low, after @ ..] if let Some(byte) = hex_pair(*high, *low) => {
                out.push(byte);
                after
            }
            _ => {
                out.push(if *first == b'+' { b' ' } else { *first });
                tail
            }
        };
    }
}

/// The same, and `%uHHHH` as IIS reads it: the lower byte, full-width forms as ASCII.
pub(super) fn decode_unicode(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'%', b'u' | b'U', a, b, c, d, after @ ..] if let Some(byte) = hex_quad([*a, *b, *c, *d]) => {
                out.push(byte);
                after
            }
            [b'%', high, low, after @ ..] if let Some(byte) = hex_pair(*high, *low) => {
                out.push(byte);
                after
            }
            _ => {
                out.push(if *first == b'+' { b' ' } else { *first });
                tail
            }
        };
    }
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
