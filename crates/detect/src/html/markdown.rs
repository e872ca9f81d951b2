//! Code in Markdown: renderers show it, so markup in it does nothing.

use std::borrow::Cow;

/// The text with code fences and code spans blanked out, at the same places.
pub(super) fn without_code(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'`', b'~', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut blank = text.to_vec();
    let (mut at, mut fence) = (0, None);
    for line in text.split_inclusive(|b| *b == b'\n') {
        let mark = fence_mark(line);
        let inside = fence.is_some();
        match (fence, mark) {
            (None, Some(open)) => fence = Some(open),
            (Some((byte, length)), Some((b, l))) if b == byte && l >= length => fence = None,
            (None, None) => spans(&mut blank, at, line),
            _ => {}
        }
        if inside && fence.is_some() {
            cover(&mut blank, at, at + line.len());
        }
        at += line.len();
    }
    Cow::Owned(blank)
}

/// The byte and length of the fence a line is (CommonMark section 4.5).
fn fence_mark(line: &[u8]) -> Option<(u8, usize)> {
    let line = line.trim_ascii_start();
    let &byte = line.first().filter(|b| matches!(b, b'`' | b'~'))?;
    let length = line.iter().take_while(|b| **b == byte).count();
    (length >= 3).then_some((byte, length))
}

/// Blanks the code spans of a line: a run of backquotes to the next run as long.
fn spans(blank: &mut [u8], offset: usize, line: &[u8]) {
    let (mut at, mut open) = (0, None);
    while let Some(found) = line.get(at..).and_then(|rest| memchr::memchr(b'`', rest)) {
        let start = at + found;
        let length = line.get(start..).unwrap_or_default().iter().take_while(|b| **b == b'`').count();
        match open {
            None => open = Some((start + length, length)),
            Some((from, wanted)) if wanted == length => {
                cover(blank, offset + from, offset + start);
                open = None;
            }
            Some(_) => {}
        }
        at = start + length;
    }
}

fn cover(blank: &mut [u8], from: usize, to: usize) {
    for byte in blank.get_mut(from..to).unwrap_or_default() {
        *byte = b' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_blanked_and_nothing_else() {
        let text = b"a `<b onx=1>` c\n```html\n<script>\n```\n<script>\n``<i>`` `<u>";
        let blank = String::from_utf8(without_code(text).into_owned()).unwrap();
        assert_eq!(blank.matches("<script>").count(), 1);
        assert!(!blank.contains("onx") && !blank.contains("<i>") && blank.contains("<u>"));
        assert_eq!(blank.len(), text.len());
    }
}
