//! Percent-decoding (RFC 3986 section 2.1) with `+` for a space, as forms have it.

use memchr::memchr2;

/// Appends the decoded form of `raw`. A `%` without two hexadecimal digits behind it stays as it is, as in every Python
/// framework. Returns whether all escapes were good.
pub fn decode(raw: &[u8], plus_is_space: bool, into: &mut Vec<u8>) -> bool {
    let mut good = true;
    let mut rest = raw;
    while let Some(at) = memchr2(b'%', b'+', rest) {
        let (before, from) = rest.split_at(at);
        into.extend_from_slice(before);
        rest = match from {
            [b'+', tail @ ..] => {
                into.push(if plus_is_space { b' ' } else { b'+' });
                tail
            }
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                into.push(nibble(*high) << 4 | nibble(*low));
                tail
            }
            [first, tail @ ..] => {
                good = false;
                into.push(*first);
                tail
            }
            [] => from,
        };
    }
    into.extend_from_slice(rest);
    good
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(raw: &[u8]) -> (Vec<u8>, bool) {
        let mut into = Vec::new();
        let good = decode(raw, true, &mut into);
        (into, good)
    }

    #[test]
    fn good_escapes_are_decoded_once() {
        assert_eq!(plain(b"a+b%20c%2fD%2525"), (b"a b c/D%25".to_vec(), true));
        assert_eq!(plain(b"%00%fF"), (vec![0, 255], true));
    }

    #[test]
    fn bad_escapes_stay() {
        for raw in [&b"%"[..], b"%4", b"%zz", b"%u0041", b"%%", b"100%"] {
            assert_eq!(plain(raw), (raw.to_vec(), false));
        }
        assert_eq!(plain(b"%%41"), (b"%A".to_vec(), false));
    }
}
