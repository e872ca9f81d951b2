//! Looking into compressed answers, within bounds.

use flate2::{
    bufread::GzDecoder,
    read::{DeflateDecoder, ZlibDecoder},
};
use http::{HeaderMap, header};
use std::{borrow::Cow, io::Read};

/// A body as text.
pub(in crate::layers) enum Text<'a> {
    /// What it says, or its beginning.
    Plain(Cow<'a, [u8]>),
    /// It cannot be looked into.
    Unknown,
}

/// At most this much comes out of a compressed body, however small it was (CWE-409).
const INFLATED_BYTES_MAX: u64 = 512 << 10;

/// Nobody codes a body oftener; each time costs what one costs.
const CODINGS_MAX: usize = 4;

/// So many members of a gzip file are read: each costs as much as many kilobytes, though it may be empty. Servers write one.
const MEMBERS_MAX: usize = 16;

/// Undoes the content codings of a body, which may be cut off: the last first, however many lines list them (RFC 9110 section 8.4).
pub(in crate::layers) fn text<'a>(body: &'a [u8], headers: &HeaderMap) -> Text<'a> {
    let lines =
        headers.get_all(header::CONTENT_ENCODING).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).to_lowercase());
    let lines: Vec<String> = lines.collect();
    let all = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
    let codings: Vec<&str> = all.filter(|coding| !matches!(*coding, "" | "identity")).collect();
    if codings.len() > CODINGS_MAX {
        return Text::Unknown;
    }
    let undone = codings.iter().rev().try_fold(Cow::Borrowed(body), |bytes, coding| undo(&bytes, coding).map(Cow::Owned));
    undone.map_or(Text::Unknown, Text::Plain)
}

/// Text in UTF-16 or UTF-32, by its charset or its byte order mark, as far as it is ASCII: what is looked for is.
pub(super) fn narrow<'a>(text: Cow<'a, [u8]>, headers: &HeaderMap) -> Cow<'a, [u8]> {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase()).unwrap_or_default();
    let said =
        [&b"utf-16"[..], b"utf16", b"utf-32", b"utf32", b"ucs-2"].iter().any(|name| memchr::memmem::find(&kind, name).is_some());
    let begins = matches!(&text[..], [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, 0xfe, 0xff, ..]);
    if said || begins { text.iter().copied().filter(|byte| *byte != 0).collect::<Vec<u8>>().into() } else { text }
}

/// Whether a coding is one of those that are undone.
pub(in crate::layers) fn is_undone(coding: &str) -> bool {
    ["gzip", "x-gzip", "deflate", "identity"].iter().any(|known| coding.eq_ignore_ascii_case(known))
}

fn undo(body: &[u8], coding: &str) -> Option<Vec<u8>> {
    match coding {
        "gzip" | "x-gzip" => gunzip(body),
        // RFC 9110 means zlib; some servers send the bare stream.
        "deflate" => Some(inflate(ZlibDecoder::new(body)).unwrap_or_default())
            .filter(|bytes| !bytes.is_empty())
            .or_else(|| inflate(DeflateDecoder::new(body))),
        _ => None,
    }
}

/// The members of a gzip file, one after the other (RFC 1952 section 2.2).
fn gunzip(mut body: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut whole) = (Vec::new(), true);
    for _ in 0..MEMBERS_MAX {
        whole = add(GzDecoder::new(&mut body), &mut out);
        if body.is_empty() || !whole {
            break;
        }
    }
    (whole || !out.is_empty()).then_some(out)
}

fn inflate(decoder: impl Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let whole = add(decoder, &mut out);
    (whole || !out.is_empty()).then_some(out)
}

/// Adds what can be read, as far as there is room; whether that was no fault.
fn add(decoder: impl Read, out: &mut Vec<u8>) -> bool {
    let room = INFLATED_BYTES_MAX.saturating_sub(out.len() as u64);
    decoder.take(room).read_to_end(out).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn members_are_read_one_after_the_other_up_to_a_number() {
        let text = |members: usize| gunzip(&[gzip(b"ab").repeat(members), gzip(b"end")].concat()).unwrap();
        assert_eq!(text(0), b"end");
        assert_eq!(text(3), b"abababend");
        assert_eq!(text(100_000), b"ab".repeat(MEMBERS_MAX));
        let large = gunzip(&gzip(&[0; 400 << 10]).repeat(3)).unwrap();
        assert_eq!(large.len() as u64, INFLATED_BYTES_MAX);
        assert_eq!(gunzip(b"no gzip"), None);
    }
}
