//! White space and `cmdLine`.

use super::bytes::ByteSet;

/// What C calls white space in its plain locale; the vertical tab is one.
pub(crate) const WHITESPACE: ByteSet = ByteSet::new(b"\t\n\x0b\x0c\r ");

/// What `removeWhitespace` takes away: also the no-break space, in Latin-1 and (byte by byte) in UTF-8.
pub(crate) const REMOVED_WHITESPACE: ByteSet = ByteSet::new(b"\t\n\x0b\x0c\r \xa0\xc2");

/// One space for each run of white space.
pub(super) fn compress_whitespace(input: &[u8], out: &mut Vec<u8>) {
    let mut in_run = false;
    for &byte in input {
        let space = WHITESPACE.contains(byte);
        if !space {
            out.push(byte);
        } else if !in_run {
            out.push(b' ');
        }
        in_run = space;
    }
}

pub(super) fn trim_left(input: &[u8]) -> &[u8] {
    let start = input.iter().position(|&byte| !WHITESPACE.contains(byte)).unwrap_or(input.len());
    input.get(start..).unwrap_or_default()
}

pub(super) fn trim_right(input: &[u8]) -> &[u8] {
    let end = input.iter().rposition(|&byte| !WHITESPACE.contains(byte)).map_or(0, |last| last + 1);
    input.get(..end).unwrap_or_default()
}

/// A command line as a shell would make little of it: quotes, backslashes and carets go, separators become one space, none of
/// them before `/` or `(`, letters become small.
pub(super) fn cmd_line(input: &[u8], out: &mut Vec<u8>) {
    for &byte in input {
        if byte.is_ascii_alphanumeric() {
            out.push(byte.to_ascii_lowercase());
            continue;
        }
        match byte {
            b'"' | b'\'' | b'\\' | b'^' => {}
            b' ' | b',' | b';' | b'\t' | b'\r' | b'\n' => {
                if out.last() != Some(&b' ') {
                    out.push(b' ');
                }
            }
            b'/' | b'(' => {
                out.pop_if(|last| *last == b' ');
                out.push(byte);
            }
            _ => out.push(byte),
        }
    }
}
