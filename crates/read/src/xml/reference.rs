//! References: the five that XML has, and characters by number. All others are left as they are. With them go line ends, which
//! are LF in text (XML 1.0 section 2.11), and the white space of attributes, which is spaces (3.3.3).

use memchr::memchr;

/// Appends `raw` with its references undone; returns whether all were known.
pub(super) fn decode(raw: &[u8], attribute: bool, into: &mut Vec<u8>) -> bool {
    let (mut rest, mut known) = (raw, true);
    while let Some(at) = memchr(b'&', rest) {
        let (before, from) = rest.split_at(at);
        plain(before, attribute, into);
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
    plain(rest, attribute, into);
    known
}

fn plain(text: &[u8], attribute: bool, into: &mut Vec<u8>) {
    if !text.iter().any(|byte| *byte == b'\r' || (attribute && matches!(byte, b'\n' | b'\t'))) {
        return into.extend_from_slice(text);
    }
    let after = text.iter().skip(1).map(Some).chain([None]);
    into.extend(text.iter().zip(after).filter_map(|(byte, next)| match (byte, next) {
        (b'\r', Some(b'\n')) => None,
        (b'\r' | b'\n' | b'\t', _) if attribute => Some(b' '),
        (b'\r', _) => Some(b'\n'),
        _ => Some(*byte),
    }));
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
            (decode(raw, false, &mut into), into)
        };
        assert_eq!(plain(b"&lt;&#65;&#x42;&amp;lt;"), (true, b"<AB&lt;".to_vec()));
        assert_eq!(plain(b"a&xxe;b & &#+1; &#xd800;"), (false, b"a&xxe;b & &#+1; &#xd800;".to_vec()));
    }

    #[test]
    fn line_ends_are_one() {
        let (mut text, mut attribute) = (Vec::new(), Vec::new());
        assert!(decode(b"a\r\nb\rc\td&#13;", false, &mut text) && decode(b"a\r\nb\rc\td&#10;", true, &mut attribute));
        assert_eq!((text.as_slice(), attribute.as_slice()), (&b"a\nb\nc\td\r"[..], &b"a b c d\n"[..]));
    }
}
