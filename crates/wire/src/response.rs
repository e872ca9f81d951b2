//! Response heads, as an app behind us sends them.

use crate::fields::{Fields, Side};
use crate::framing::Framing;
use crate::request::Version;
use crate::scan::Scan;
use crate::{Fault, Limits};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};

/// The longest reason phrase read; it is never forwarded.
const REASON_BYTES_MAX: usize = 512;

/// How the body of a response is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFraming {
    /// No body follows: HEAD, 1xx, 204, 304 (RFC 9112 6.3).
    None,
    /// Exactly so many bytes.
    Length(u64),
    /// Chunks, read by [`crate::ChunkedDecoder`].
    Chunked,
    /// Until the app closes the connection.
    UntilClose,
}

/// A response head that can be read in only one way.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status; the reason phrase is dropped.
    pub status: StatusCode,
    /// The version the app speaks.
    pub version: Version,
    /// The fields for the client; at most one Content-Length, Upgrade only with 101.
    pub headers: HeaderMap,
    /// Where the body ends.
    pub framing: ResponseFraming,
    /// What Content-Length said, also where no body follows (HEAD, 304).
    pub content_length: Option<u64>,
    /// Whether the connection can carry another request once the body has been read.
    pub keep_alive: bool,
}

impl ResponseHead {
    /// Whether this is an interim answer (1xx other than 101): the real one follows.
    pub fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}

/// Reads a response head from the beginning of `buf`; `method` is that of the request it answers.
///
/// Used like [`crate::parse_request`]. Stricter than RFC 9112 where framing is at stake, tolerant where servers in use are sloppy
/// without harm: a missing reason phrase, the same Content-Length twice, Content-Length with 204.
pub fn parse_response(
    buf: &[u8],
    scan: &mut Scan,
    limits: &Limits,
    method: &Method,
) -> Result<Option<(usize, ResponseHead)>, Fault> {
    if buf.first().is_some_and(|b| *b != b'H') {
        return Err(Fault::MalformedStatusLine);
    }
    let Some(bytes) = scan.find_end(buf, limits, REASON_BYTES_MAX).map_err(start_line_fault)? else {
        return Ok(None);
    };
    let head = Bytes::copy_from_slice(buf.get(..bytes).unwrap_or_default());
    let response = read_head(&head, scan, method)?;
    scan.reset();
    Ok(Some((bytes, response)))
}

/// The start line of a response has no target.
fn start_line_fault(fault: Fault) -> Fault {
    if fault == Fault::TargetTooLong { Fault::MalformedStatusLine } else { fault }
}

fn read_head(head: &Bytes, scan: &Scan, method: &Method) -> Result<ResponseHead, Fault> {
    let (start, end) = scan.start_line();
    let (version, status) = read_status_line(head.get(start..end).unwrap_or_default())?;
    let mut fields = Fields::read(head, scan, Side::Response)?;
    let is_http10 = version == Version::V10;
    let stated = fields.framing.decide(is_http10)?;
    let framing = frame(stated, status, method);
    if status != StatusCode::SWITCHING_PROTOCOLS && fields.has_upgrade {
        fields.headers.remove(header::UPGRADE);
    }
    // Servers send the body that an app writes though none may follow: after 1xx, 204 and 304 with a length, after HEAD (gunicorn)
    // even without. Those bytes would be read as the next answer, another client's: the connection is not used again (CWE-444).
    let length = fields.framing.length;
    let announced = stated == Framing::Chunked || length.is_some_and(|length| length > 0);
    let doubtful = announced || (method == Method::HEAD && length != Some(0));
    Ok(ResponseHead {
        status,
        version,
        framing,
        content_length: length,
        keep_alive: fields.connection.persists(is_http10)
            && framing != ResponseFraming::UntilClose
            && !(framing == ResponseFraming::None && doubtful),
        headers: fields.headers,
    })
}

fn frame(stated: Framing, status: StatusCode, method: &Method) -> ResponseFraming {
    let bodiless = status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    match stated {
        _ if bodiless || method == Method::HEAD => ResponseFraming::None,
        Framing::Length(length) => ResponseFraming::Length(length),
        Framing::Chunked => ResponseFraming::Chunked,
        Framing::None => ResponseFraming::UntilClose,
    }
}

/// `HTTP-version SP status-code [SP reason]`.
fn read_status_line(line: &[u8]) -> Result<(Version, StatusCode), Fault> {
    let (version, rest) = line.split_first_chunk::<9>().ok_or(Fault::MalformedStatusLine)?;
    let version = match version {
        b"HTTP/1.1 " => Version::V11,
        b"HTTP/1.0 " => Version::V10,
        _ => return Err(Fault::MalformedStatusLine),
    };
    let (code, reason) = rest.split_first_chunk::<3>().ok_or(Fault::MalformedStatusLine)?;
    let status = StatusCode::from_bytes(code).ok().filter(|status| status.as_u16() < 600);
    let control = |b: &u8| (*b < b' ' && *b != b'\t') || *b == 0x7f;
    match status {
        Some(status) if reason.first().is_none_or(|b| *b == b' ') && !reason.iter().any(control) => Ok((version, status)),
        _ => Err(Fault::MalformedStatusLine),
    }
}
