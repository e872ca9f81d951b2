//! Write heads and chunks. Names and values are typed, targets are checked: nothing can add a line of its own (CWE-113).

use crate::connection::Special;
use crate::{Fault, Framing};
use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// Ends the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// Ends a chunked body, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// The interim answer to `Expect: 100-continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Fields to write besides those of the map, such as forwarded fields and Date: cheaper than inserting them.
pub type Extra<'a> = &'a [(HeaderName, HeaderValue)];

/// What is said about the connection after this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionOption {
    /// Nothing: HTTP/1.1 connections stay open.
    Default,
    /// `keep-alive`, for a client that speaks HTTP/1.0 and asked for it.
    KeepAlive,
    /// `close`.
    Close,
    /// `upgrade`, and the Upgrade field of the map is written too.
    Upgrade,
}

/// Writes a request head in HTTP/1.1.
///
/// Fields of one hop and Content-Length in `headers` are skipped: `framing` and `connection` alone decide them. The target is refused
/// unless it is visible ASCII beginning with `/`, or `*`.
pub fn write_request(
    out: &mut BytesMut,
    method: &Method,
    target: &[u8],
    headers: &HeaderMap,
    extra: Extra<'_>,
    framing: Framing,
    connection: ConnectionOption,
) -> Result<(), Fault> {
    let visible = target.iter().fold(true, |good, b| good & (*b > b' ') & (*b < 0x7f));
    if !visible || !(target.starts_with(b"/") || target == b"*") {
        return Err(Fault::TargetBytes);
    }
    out.reserve(method.as_str().len() + target.len() + 64 + fields_len(headers, extra));
    out.put_slice(method.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(target);
    out.put_slice(b" HTTP/1.1\r\n");
    write_fields(out, headers, extra, framing, connection);
    Ok(())
}

/// Writes a response head in HTTP/1.1; the same fields are skipped as by [`write_request`]. For an answer to HEAD pass the length
/// that GET would have.
pub fn write_response(
    out: &mut BytesMut,
    status: StatusCode,
    headers: &HeaderMap,
    extra: Extra<'_>,
    framing: Framing,
    connection: ConnectionOption,
) {
    out.reserve(128 + fields_len(headers, extra));
    if status == StatusCode::OK {
        out.put_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        out.put_slice(b"HTTP/1.1 ");
        out.put_slice(status.as_str().as_bytes());
        out.put_u8(b' ');
        out.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
        out.put_slice(b"\r\n");
    }
    write_fields(out, headers, extra, framing, connection);
}

/// Writes the size line of a chunk; the data and [`CHUNK_END`] follow. Writes nothing for an empty chunk, which would end the body.
pub fn write_chunk_head(out: &mut BytesMut, len: usize) {
    if len > 0 {
        put_number::<16>(out, len as u64);
        out.put_slice(b"\r\n");
    }
}

fn fields_len(headers: &HeaderMap, extra: Extra<'_>) -> usize {
    let fields = headers.iter().chain(extra.iter().map(|(name, value)| (name, value)));
    fields.map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + 64
}

fn write_fields(out: &mut BytesMut, headers: &HeaderMap, extra: Extra<'_>, framing: Framing, connection: ConnectionOption) {
    let upgrade = connection == ConnectionOption::Upgrade;
    for (name, value) in headers.iter().chain(extra.iter().map(|(name, value)| (name, value))) {
        match Special::of_lower(name.as_str()) {
            Special::EndToEnd | Special::Host | Special::Expect => put_field(out, name.as_str(), value.as_bytes()),
            Special::Upgrade if upgrade => put_field(out, name.as_str(), value.as_bytes()),
            _ => {}
        }
    }
    match framing {
        Framing::None => {}
        Framing::Chunked => out.put_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Length(length) => {
            out.put_slice(b"content-length: ");
            put_number::<10>(out, length);
            out.put_slice(b"\r\n");
        }
    }
    out.put_slice(match connection {
        ConnectionOption::Default => b"\r\n",
        ConnectionOption::KeepAlive => b"connection: keep-alive\r\n\r\n",
        ConnectionOption::Close => b"connection: close\r\n\r\n",
        ConnectionOption::Upgrade => b"connection: upgrade\r\n\r\n",
    });
}

fn put_field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// Writes `number` in base 10 or 16 without allocating.
fn put_number<const BASE: u64>(out: &mut BytesMut, mut number: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0_u8; 20];
    let mut used = 0;
    for slot in text.iter_mut().rev() {
        *slot = DIGITS.get((number % BASE) as usize).copied().unwrap_or(b'0');
        number /= BASE;
        used += 1;
        if number == 0 {
            break;
        }
    }
    out.put_slice(text.get(text.len() - used..).unwrap_or_default());
}
