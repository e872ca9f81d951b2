//! The strings of a JSON document that is the value of something else.

/// Strings looked at in one document.
const STRINGS_MAX: usize = 512;

/// Gives every string of the document, names and values, that is more than a word.
pub(super) fn strings(text: &[u8], out: &mut dyn FnMut(Vec<u8>)) {
    let text = text.trim_ascii();
    // A document ends as it begins; code that begins with a string does not.
    let ends =
        matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) | (Some(b'"'), Some(b'"')));
    if !ends || text.len() < 3 {
        return;
    }
    let mut rest = text;
    let mut given = 0;
    while let Some(at) = memchr::memchr(b'"', rest) {
        let inner = rest.get(at + 1..).unwrap_or_default();
        let Some((string, length)) = string(inner) else { return };
        if text.first() == Some(&b'"') && length < inner.len() {
            return;
        }
        if given < STRINGS_MAX && !crate::marks::Marks::of(&string).is_word() {
            given += 1;
            out(string);
        }
        rest = inner.get(length..).unwrap_or_default();
    }
}

/// A string up to its closing quote, unescaped, and the length it took (RFC 8259 section 7).
fn string(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut bytes = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let found = memchr::memchr2(b'"', b'\\', rest)?;
        bytes.extend_from_slice(rest.get(..found)?);
        at += found + 1;
        if rest.get(found) == Some(&b'"') {
            return Some((bytes, at));
        }
        let escaped = *text.get(at)?;
        at += 1;
        match escaped {
            b'n' => bytes.push(b'\n'),
            b't' => bytes.push(b'\t'),
            b'r' => bytes.push(b'\r'),
            b'b' | b'f' => {}
            b'u' => {
                let digits = text.get(at..at + 4)?;
                let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                let mut buffer = [0; 4];
                bytes.extend_from_slice(char::from_u32(code).unwrap_or('?').encode_utf8(&mut buffer).as_bytes());
                at += 4;
            }
            other => bytes.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_unescaped() {
        let mut found = Vec::new();
        strings(br#"{"name": "plain", "q": "x\u0027 or \"1\"", "n": 1}"#, &mut |s| found.push(String::from_utf8(s).unwrap()));
        assert_eq!(found, ["x' or \"1\""]);
        strings(br#"he said "not json""#, &mut |_| panic!("no document"));
    }
}
