//! References: the five that XML has, and characters by number. All others are left as they are.

use memchr::memchr;

/// Appends `raw` with its references undone; returns whether all were known.
pub(super) fn decode(raw: &[u8], into: &mut Vec<u8>) -> bool {
    let (mut rest, mut known) = (raw, true);
    while let Some(at) = memchr(b'&', rest) {
        let (before, from) = rest.split_at(at);
        into.extend_from_slice(before);
        let after = from.get(1..).unwrap_or_default();
        // No reference is longer than this: the search stays linear.
        let near = after.get(..12).unwrap_or(after);
        let named = memchr(b';', near).and_then(|end| Some((character(after.get(..end)?)?, end + 1)));
        match named {
            Some((char, used)) => {
                into.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after.get(used..).unwrap_or_default();
            }
            None => {
                known = false;
                into.push(b'&');
                rest = after;
            }
        }
    }
    into.extend_from_slice(rest);
    known
}

fn character(name: &[u8]) -> Option<char> {
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    if !digits.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_xml_knows_is_undone() {
        let plain = |raw: &[u8]| {
            let mut into = Vec::new();
            (decode(raw, &mut into), into)
        };
        assert_eq!(plain(b"&lt;&#65;&#x42;&amp;lt;"), (true, b"<AB&lt;".to_vec()));
        assert_eq!(plain(b"a&xxe;b & &#+1; &#xd800;"), (false, b"a&xxe;b & &#+1; &#xd800;".to_vec()));
    }
}
