//! Request heads.

use crate::fields::{Fields, Side};
use crate::framing::Framing;
use crate::scan::{METHOD_BYTES_MAX, Scan};
use crate::{Fault, Limits, is_valid_host};
use bytes::Bytes;
use http::{HeaderMap, Method, header};

/// The version a message was sent in. Both are answered in HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    V10,
    /// HTTP/1.1.
    V11,
}

/// A request head that can be read in only one way.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method, case as sent; never CONNECT.
    pub method: Method,
    /// The request-target in origin form (`/path?query`), or `*` with OPTIONS. An absolute target has been checked against Host and
    /// reduced to its path and query. No space and no control byte; bytes from 0x80 may occur.
    pub target: Bytes,
    /// The version the client speaks.
    pub version: Version,
    /// The fields for the recipient: exactly one valid Host, at most one Content-Length, Upgrade as sent. Connection, what it names,
    /// and every other field of this hop have been consumed.
    pub headers: HeaderMap,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client will send another request on this connection.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body. False for HTTP/1.0 (RFC 9110 10.1.1).
    pub expect_continue: bool,
    /// Whether the client asks for another protocol: Connection names Upgrade and Upgrade is there, in HTTP/1.1.
    pub upgrade: bool,
}

/// Reads a request head from the beginning of `buf`.
///
/// `Ok(None)`: so far nothing is wrong and more bytes are needed; call again with the same `scan` and the longer buffer.
/// `Ok(Some((n, head)))`: the head was the first `n` bytes; the body follows, if there is one. After a fault the connection is to be
/// closed: where the next message would begin is unknown.
pub fn parse_request(buf: &[u8], scan: &mut Scan, limits: &Limits) -> Result<Option<(usize, RequestHead)>, Fault> {
    check_first_byte(buf)?;
    let Some(bytes) = scan.find_end(buf, limits, limits.target_bytes_max)? else {
        return Ok(None);
    };
    let head = Bytes::copy_from_slice(buf.get(..bytes).unwrap_or_default());
    let request = read_head(&head, scan, limits)?;
    scan.reset();
    Ok(Some((bytes, request)))
}

/// Refuses at the first byte what can never become a request.
fn check_first_byte(buf: &[u8]) -> Result<(), Fault> {
    match buf.first() {
        Some(0x16) => Err(Fault::TlsOnPlain),
        Some(b' ' | b'\t' | 0..=8 | 0x0b | 0x0c | 0x0e..=0x1f | 0x7f..) => Err(Fault::BadMethod),
        _ => Ok(()),
    }
}

fn read_head(head: &Bytes, scan: &Scan, limits: &Limits) -> Result<RequestHead, Fault> {
    let (start, end) = scan.start_line();
    let line = StartLine::read(head.get(start..end).unwrap_or_default(), limits)?;
    let fields = Fields::read(head, scan, Side::Request)?;
    let host = fields.headers.get(header::HOST).ok_or(Fault::MissingHost)?.as_bytes();
    let target = origin_target(head, &line, host)?;
    let is_http10 = line.version == Version::V10;
    Ok(RequestHead {
        framing: fields.framing.decide(is_http10)?,
        keep_alive: fields.connection.persists(is_http10),
        expect_continue: fields.expect_continue && !is_http10,
        upgrade: fields.connection.upgrade && fields.has_upgrade && !is_http10,
        method: line.method,
        target,
        version: line.version,
        headers: fields.headers,
    })
}

/// `method SP request-target SP HTTP-version`, read from both ends, so that a space inside the target cannot move its borders.
struct StartLine<'a> {
    method: Method,
    target: &'a [u8],
    version: Version,
}

impl<'a> StartLine<'a> {
    fn read(line: &'a [u8], limits: &Limits) -> Result<Self, Fault> {
        let space = line.iter().take(METHOD_BYTES_MAX + 1).position(|b| *b == b' ');
        let Some((method, rest)) = space.and_then(|at| line.split_at_checked(at)) else {
            return Err(if line.len() > METHOD_BYTES_MAX { Fault::MethodTooLong } else { Fault::MalformedRequestLine });
        };
        let (rest, version) = rest.split_last_chunk::<9>().ok_or(Fault::MalformedRequestLine)?;
        let version = match version {
            b" HTTP/1.1" => Version::V11,
            b" HTTP/1.0" => Version::V10,
            _ => return Err(version_fault(line, method)),
        };
        let target = rest.get(1..).filter(|target| !target.is_empty()).ok_or(Fault::MalformedRequestLine)?;
        check_target(target, limits)?;
        let method = Method::from_bytes(method).map_err(|_| Fault::BadMethod)?;
        if method == Method::CONNECT {
            return Err(Fault::Connect);
        }
        Ok(Self { method, target, version })
    }
}

/// Says what is wrong with a request line that does not end in a version we speak.
#[cold]
fn version_fault(line: &[u8], method: &[u8]) -> Fault {
    match line.rsplit(|b| *b == b' ').next() {
        _ if line.contains(&b'\r') => Fault::BareCr,
        Some(b"HTTP/2.0") if method == b"PRI" => Fault::H2Preface,
        Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Fault::UnsupportedVersion
        }
        Some([b'H', b'T', b'T', b'P', b'/', ..]) => Fault::MalformedVersion,
        _ => Fault::MalformedRequestLine,
    }
}

fn check_target(target: &[u8], limits: &Limits) -> Result<(), Fault> {
    if target.len() > limits.target_bytes_max {
        return Err(Fault::TargetTooLong);
    }
    // No early exit: the whole loop is done in vector registers.
    let bad = target.iter().fold(false, |bad, b| bad | (*b <= b' ') | (*b == 0x7f));
    match bad {
        false => Ok(()),
        true if target.contains(&b'\r') => Err(Fault::BareCr),
        true if target.iter().any(|b| matches!(b, b' ' | b'\t')) => Err(Fault::SpaceInTarget),
        true => Err(Fault::TargetBytes),
    }
}

/// Reduces the four forms of RFC 9112 3.2 to the one that is forwarded.
fn origin_target(head: &Bytes, line: &StartLine<'_>, host: &[u8]) -> Result<Bytes, Fault> {
    match line.target {
        [b'/', ..] => Ok(head.slice_ref(line.target)),
        b"*" if line.method == Method::OPTIONS => Ok(Bytes::from_static(b"*")),
        absolute => from_absolute(head, absolute, line.method == Method::OPTIONS, host),
    }
}

/// `http://authority/path?query`: the authority must be the Host, or the app and we would speak of two sites.
fn from_absolute(head: &Bytes, target: &[u8], is_options: bool, host: &[u8]) -> Result<Bytes, Fault> {
    let (scheme, rest) = memchr::memchr(b':', target).and_then(|at| target.split_at_checked(at)).ok_or(Fault::TargetForm)?;
    let known = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    let rest = rest.strip_prefix(b"://").filter(|_| known).ok_or(Fault::TargetForm)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !is_valid_host(authority) {
        return Err(Fault::TargetForm);
    }
    if !authority.eq_ignore_ascii_case(host) {
        return Err(Fault::AuthorityMismatch);
    }
    match path {
        [b'/', ..] => Ok(head.slice_ref(path)),
        [] if is_options => Ok(Bytes::from_static(b"*")),
        [] => Ok(Bytes::from_static(b"/")),
        query => Ok([b"/", query].concat().into()),
    }
}
