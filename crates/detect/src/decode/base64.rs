//! Base64, either alphabet, padded or not, when it hides text or a serialised object.

use crate::marks::Marks;

/// Shorter ones hide nothing that does harm, and many words look like them.
const ENCODED_BYTES_MIN: usize = 12;

/// How much of the decoded text must look like text.
const PROBE_BYTES: usize = 48;

/// Whether a value of letters and digits could be base64: words do not mix capitals and small letters, and are short.
pub(crate) fn may_be_base64(value: &[u8], marks: Marks) -> bool {
    value.len() >= ENCODED_BYTES_MIN && marks.all(Marks::UPPER.or(Marks::LOWER)) && probe(value).is_some()
}

/// Decodes a whole value.
pub(super) fn base64(text: &[u8], out: &mut dyn FnMut(Vec<u8>)) {
    let text = after_comma(text.trim_ascii());
    if text.len() < ENCODED_BYTES_MIN || probe(text).is_none() {
        return;
    }
    if let Some(bytes) = decode(text) {
        out(bytes);
    }
}

/// The data of a `data:` URL.
fn after_comma(text: &[u8]) -> &[u8] {
    if !text.starts_with(b"data:") {
        return text;
    }
    let head = text.get(..text.len().min(128)).unwrap_or_default();
    match memchr::memmem::find(head, b";base64,") {
        Some(at) => text.get(at + 8..).unwrap_or_default(),
        None => text,
    }
}

/// Decodes the beginning, and says whether it could be worth it: text, or the magic of a serialised object.
fn probe(text: &[u8]) -> Option<()> {
    let head = text.get(..text.len().min(PROBE_BYTES)).unwrap_or_default();
    let bytes = decode(head.get(..head.len() / 4 * 4)?)?;
    let magic = matches!(bytes.as_slice(), [0x80, 2..=5, ..] | [0xac, 0xed, 0, 5, ..]);
    let text = bytes.iter().filter(|b| matches!(b, b' '..=b'~' | b'\t' | b'\n' | b'\r')).count();
    (magic || text * 10 >= bytes.len() * 9).then_some(())
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0);
    let mut padded = false;
    for &byte in text {
        if matches!(byte, b'\r' | b'\n') {
            continue;
        }
        if byte == b'=' {
            padded = true;
            continue;
        }
        let six = digit(byte).filter(|_| !padded)?;
        bits = bits << 6 | six;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    (count < 6).then_some(out)
}

fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        let mut found = None;
        base64(text, &mut |bytes| found = Some(bytes));
        found
    }

    #[test]
    fn text_and_objects_are_decoded_and_words_are_not() {
        assert_eq!(decoded(b"e3sxMzM3KjEzMzh9fQ==").as_deref(), Some(&b"{{1337*1338}}"[..]));
        assert_eq!(decoded(b"e3sxMzM3KjEzMzh9fQ").as_deref(), Some(&b"{{1337*1338}}"[..]));
        assert!(decoded(b"gASVHgAAAAAAAACMBXBvc2l4").is_some());
        for text in [&b"incomprehensible"[..], b"QmlnTG9uZ05hbWVPZkFDbGFzcw!", b"5f0c9a7e1b2d4f6a8c0e", b"short"] {
            assert_eq!(decoded(text), None, "{}", text.escape_ascii());
        }
    }
}
