//! Looking into compressed answers, within bounds.

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderValue;
use std::{borrow::Cow, io::Read};

/// A body as text.
pub(super) enum Text<'a> {
    /// What it says, or its beginning.
    Plain(Cow<'a, [u8]>),
    /// It cannot be looked into.
    Unknown,
}

/// At most this much comes out of a compressed body, however small it was (CWE-409).
const INFLATED_BYTES_MAX: u64 = 512 << 10;

/// Undoes the content coding of a body, which may be cut off.
pub(super) fn text<'a>(body: &'a [u8], coding: Option<&HeaderValue>) -> Text<'a> {
    let coding = coding.map_or(Cow::Borrowed(""), |coding| String::from_utf8_lossy(coding.as_bytes()));
    let inflated = match coding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => return Text::Plain(Cow::Borrowed(body)),
        "gzip" | "x-gzip" => inflate(MultiGzDecoder::new(body)),
        // RFC 9110 means zlib; some servers send the bare stream.
        "deflate" => Some(inflate(ZlibDecoder::new(body)).unwrap_or_default())
            .filter(|bytes| !bytes.is_empty())
            .or_else(|| inflate(DeflateDecoder::new(body))),
        _ => None,
    };
    inflated.map_or(Text::Unknown, |bytes| Text::Plain(Cow::Owned(bytes)))
}

/// As much as can be read; `None` when nothing can.
fn inflate(decoder: impl Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let whole = decoder.take(INFLATED_BYTES_MAX).read_to_end(&mut out);
    (whole.is_ok() || !out.is_empty()).then_some(out)
}
