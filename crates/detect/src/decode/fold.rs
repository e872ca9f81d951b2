//! Characters that software turns into others: fullwidth forms, look-alikes of quotes and brackets, overlong UTF-8, and characters
//! nobody sees.

/// What a piece of text becomes.
enum Folded {
    /// It stays.
    Same,
    /// Another character.
    To(u8),
    /// Nothing.
    Gone,
}

/// Folds a text; gives nothing if all stays.
pub(super) fn fold(text: &[u8], out: &mut dyn FnMut(Vec<u8>)) {
    let mut bytes = Vec::new();
    let (mut rest, mut changed) = (text, false);
    let mut kept = 0;
    while let Some(&first) = rest.first() {
        let at = text.len() - rest.len();
        let (length, folded) = if plain(first) { (1, Folded::Same) } else { one(rest) };
        if !matches!(folded, Folded::Same) {
            changed = true;
            bytes.extend_from_slice(text.get(kept..at).unwrap_or_default());
            kept = at + length;
        }
        if let Folded::To(byte) = folded {
            bytes.push(byte);
        }
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    if changed {
        bytes.extend_from_slice(text.get(kept..).unwrap_or_default());
        out(bytes);
    }
}

fn plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

/// The first character of a text.
fn one(text: &[u8]) -> (usize, Folded) {
    match text {
        [0..=31 | 127, ..] => (1, Folded::Gone),
        // Overlong: more bytes than the character needs (RFC 3629 section 10).
        [a @ (0xc0 | 0xc1), b @ 0x80..=0xbf, ..] => (2, Folded::To((a & 3) << 6 | b & 63)),
        // What some readers take for overlong too.
        [0xc0, b'.' | b'/' | b'\\', ..] => (1, Folded::Gone),
        [0xe0, b @ 0x80..=0x81, c @ 0x80..=0xbf, ..] => (3, Folded::To((b & 1) << 6 | c & 63)),
        [0xf0, 0x80, b @ 0x80..=0x81, c @ 0x80..=0xbf, ..] => (4, Folded::To((b & 1) << 6 | c & 63)),
        _ => character(text),
    }
}

fn character(text: &[u8]) -> (usize, Folded) {
    let length = match text.first() {
        // Most scripts have nothing that looks like a sign.
        Some(0xc3 | 0xc6..=0xc9 | 0xcb | 0xcc | 0xce..=0xd4 | 0xd6..=0xdf) => return (2, Folded::Same),
        Some(0xe0 | 0xe1 | 0xe4 | 0xe6..=0xee) => return (3, Folded::Same),
        Some(0xc2..=0xdf) => 2,
        Some(0xe2..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => 1,
    };
    let Some(found) = text.get(..length).and_then(|b| std::str::from_utf8(b).ok()).and_then(|s| s.chars().next()) else {
        return (1, Folded::Same);
    };
    (length, looks_like(found))
}

fn looks_like(found: char) -> Folded {
    let code = u32::from(found);
    let byte = match found {
        '\u{ff01}'..='\u{ff5e}' => code.wrapping_sub(0xfee0),
        '\u{24b6}'..='\u{24cf}' => code.wrapping_sub(0x24b6).wrapping_add(65),
        '\u{24d0}'..='\u{24e9}' => code.wrapping_sub(0x24d0).wrapping_add(97),
        '\u{2460}'..='\u{2468}' => code.wrapping_sub(0x2460).wrapping_add(49),
        '\u{24ea}' => 48,
        '\u{1d400}'..='\u{1d6a3}' => {
            let letter = code.wrapping_sub(0x1d400) % 52;
            if letter < 26 { 65 + letter } else { 71 + letter }
        }
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' | '\u{2bc}' | '\u{2b9}' | '\u{55a}' => u32::from(b'\''),
        '\u{201c}' | '\u{201d}' | '\u{2033}' | '\u{2ba}' => u32::from(b'"'),
        '\u{2039}' | '\u{fe64}' | '\u{2329}' => u32::from(b'<'),
        '\u{203a}' | '\u{fe65}' | '\u{232a}' => u32::from(b'>'),
        '\u{2044}' | '\u{2215}' => u32::from(b'/'),
        '\u{2216}' | '\u{fe68}' => u32::from(b'\\'),
        '\u{2024}' | '\u{3002}' | '\u{ff61}' => u32::from(b'.'),
        '\u{37e}' | '\u{fe54}' => u32::from(b';'),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{3000}' => u32::from(b' '),
        '\u{17f}' => u32::from(b's'),
        '\u{131}' => u32::from(b'i'),
        '\u{212a}' => u32::from(b'k'),
        // A line break to software that keeps only the low byte of each character.
        '\u{560a}' => u32::from(b'\n'),
        '\u{560d}' => u32::from(b'\r'),
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => return Folded::Gone,
        _ => return Folded::Same,
    };
    u8::try_from(byte).map_or(Folded::Same, Folded::To)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &[u8]) -> Option<Vec<u8>> {
        let mut found = None;
        fold(text, &mut |bytes| found = Some(bytes));
        found
    }

    #[test]
    fn look_alikes_fold_and_other_scripts_stay() {
        assert_eq!(folded("\u{ff1c}script\u{ff1e}".as_bytes()).as_deref(), Some(&b"<script>"[..]));
        assert_eq!(folded(b"\xc0\xae\xc0\xae\xc0\xafetc").as_deref(), Some(&b"../etc"[..]));
        assert_eq!(folded("x\u{2019} or 1".as_bytes()).as_deref(), Some(&b"x' or 1"[..]));
        assert_eq!(folded(b"scr\0ipt").as_deref(), Some(&b"script"[..]));
        for text in ["Grüße", "日本語", "Привет", "🎉 ok", "a\tb\n"] {
            assert_eq!(folded(text.as_bytes()), None, "{text}");
        }
    }
}
