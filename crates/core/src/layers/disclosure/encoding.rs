//! Looking into compressed answers, within bounds.

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
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

fn undo(body: &[u8], coding: &str) -> Option<Vec<u8>> {
    match coding {
        "gzip" | "x-gzip" => inflate(MultiGzDecoder::new(body)),
        // RFC 9110 means zlib; some servers send the bare stream.
        "deflate" => Some(inflate(ZlibDecoder::new(body)).unwrap_or_default())
            .filter(|bytes| !bytes.is_empty())
            .or_else(|| inflate(DeflateDecoder::new(body))),
        _ => None,
    }
}

/// As much as can be read; `None` when nothing can.
fn inflate(decoder: impl Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let whole = decoder.take(INFLATED_BYTES_MAX).read_to_end(&mut out);
    (whole.is_ok() || !out.is_empty()).then_some(out)
}
