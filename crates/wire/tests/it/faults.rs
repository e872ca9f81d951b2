//! Each fault is reached by a message that differs from an accepted one in exactly that point.

use gambeson_wire::{Fault, Limits, RequestHead, Scan, parse_request};

fn parse(bytes: &[u8]) -> Result<Option<(usize, RequestHead)>, Fault> {
    parse_request(bytes, &mut Scan::default(), &Limits::default())
}

#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, fault: Fault) {
    let bytes = bytes.as_ref();
    match parse(bytes) {
        Err(found) => assert_eq!(found, fault, "{}", bytes.escape_ascii()),
        Ok(found) => panic!("accepted as {found:?}: {}", bytes.escape_ascii()),
    }
}

#[track_caller]
fn accepted(bytes: impl AsRef<[u8]>) -> RequestHead {
    let bytes = bytes.as_ref();
    match parse(bytes) {
        Ok(Some((used, head))) if used == bytes.len() => head,
        other => panic!("{other:?}: {}", bytes.escape_ascii()),
    }
}

/// A GET with these lines after Host.
fn get(lines: &str) -> Vec<u8> {
    format!("GET /a HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n").into_bytes()
}

/// A POST with these lines after Host.
fn post(lines: &str) -> Vec<u8> {
    format!("POST /a HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n").into_bytes()
}

fn start(line: &str) -> Vec<u8> {
    format!("{line}\r\nHost: localhost\r\n\r\n").into_bytes()
}

#[test]
fn first_bytes() {
    refused(b"\x16\x03\x01\x02\x00\x01\x00", Fault::TlsOnPlain);
    refused(b"\x16", Fault::TlsOnPlain);
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Fault::H2Preface);
    refused(b"\x80\x2e", Fault::BadMethod);
    refused(" GET / HTTP/1.1\r\n", Fault::BadMethod);
    refused(format!("\r\n\r\n{}", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Fault::LeadingBlankLines);
    accepted("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    refused("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Fault::BareLf);
}

#[test]
fn line_ends() {
    refused("GET /a HTTP/1.1\nHost: localhost\n\n", Fault::BareLf);
    refused("GET /a HTTP/1.1\r\nHost: localhost\n\r\n", Fault::BareLf);
    refused(get("X-A: b\n c\r\n"), Fault::BareLf);
    refused(get("X-A: b\rX-B: c\r\n"), Fault::BareCr);
    refused(get("X-A: b\r\r\n"), Fault::BareCr);
    refused(get("X\r-A: b\r\n"), Fault::BareCr);
    refused("GET /a HTTP/1.1\r\r\nHost: localhost\r\n\r\n", Fault::BareCr);
    refused("GET /a\rb HTTP/1.1\r\nHost: localhost\r\n\r\n", Fault::BareCr);
    refused(get("X-A: b\r\n c\r\n"), Fault::ObsFold);
    refused(get("X-A: b\r\n\tc: d\r\n"), Fault::ObsFold);
    refused("GET /a HTTP/1.1\r\n X: y\r\nHost: localhost\r\n\r\n", Fault::SpaceBeforeFields);
    accepted(get("X-A: b\r\n"));
}

#[test]
fn request_line() {
    refused(start("GET"), Fault::MalformedRequestLine);
    refused(start("GET /"), Fault::MalformedRequestLine);
    refused(start("GET  HTTP/1.1"), Fault::MalformedRequestLine);
    refused(start("GET HTTP/1.1"), Fault::MalformedRequestLine);
    refused(start("G(T / HTTP/1.1"), Fault::BadMethod);
    refused(start("G\u{e9}T / HTTP/1.1"), Fault::BadMethod);
    refused(start(&format!("{} / HTTP/1.1", "M".repeat(33))), Fault::MethodTooLong);
    refused(start("CONNECT localhost:80 HTTP/1.1"), Fault::Connect);
    refused(start("GET /a b HTTP/1.1"), Fault::SpaceInTarget);
    refused(start("GET /a  HTTP/1.1"), Fault::SpaceInTarget);
    refused(start("GET  /a HTTP/1.1"), Fault::SpaceInTarget);
    refused(start("GET /a\tb HTTP/1.1"), Fault::SpaceInTarget);
    refused(start("GET /a\0 HTTP/1.1"), Fault::TargetBytes);
    refused(start("GET /a\x7f HTTP/1.1"), Fault::TargetBytes);
    refused(start("GET /a HTTP/1.2"), Fault::UnsupportedVersion);
    refused(start("GET /a HTTP/2.0"), Fault::UnsupportedVersion);
    refused(start("GET /a HTTP/1.10"), Fault::MalformedVersion);
    refused(start("GET /a HTTP/one"), Fault::MalformedVersion);
    refused(start("GET /a http/1.1"), Fault::MalformedRequestLine);
    refused(start("GET /a HTTP/1.1 "), Fault::MalformedRequestLine);
    assert_eq!(accepted(start("MKCALENDAR /a HTTP/1.1")).method, "MKCALENDAR");
    assert_eq!(accepted(start("GET /caf\u{e9} HTTP/1.1")).target, "/caf\u{e9}");
}

#[test]
fn target_forms() {
    refused(start("GET * HTTP/1.1"), Fault::TargetForm);
    refused(start("GET a HTTP/1.1"), Fault::TargetForm);
    refused(start("GET localhost:80 HTTP/1.1"), Fault::TargetForm);
    refused(start("GET ftp://localhost/ HTTP/1.1"), Fault::TargetForm);
    refused(start("GET http:/a HTTP/1.1"), Fault::TargetForm);
    refused(start("GET http:///a HTTP/1.1"), Fault::TargetForm);
    refused(start("GET http://user@localhost/ HTTP/1.1"), Fault::TargetForm);
    refused(start("GET http://localhost\\@evil/ HTTP/1.1"), Fault::TargetForm);
    refused(start("GET http://evil/a HTTP/1.1"), Fault::AuthorityMismatch);
    refused(start("GET http://localhost:80/a HTTP/1.1"), Fault::AuthorityMismatch);
    let target = |line: &str| accepted(start(line)).target;
    assert_eq!(target("GET http://LocalHost/a?b HTTP/1.1"), "/a?b");
    assert_eq!(target("GET HTTP://localhost HTTP/1.1"), "/");
    assert_eq!(target("GET http://localhost?b HTTP/1.1"), "/?b");
    assert_eq!(target("OPTIONS * HTTP/1.1"), "*");
    assert_eq!(target("OPTIONS http://localhost HTTP/1.1"), "*");
}

#[test]
fn field_lines() {
    refused(get("X-A\r\n"), Fault::MissingColon);
    refused(get(": b\r\n"), Fault::EmptyName);
    refused(get("X-A : b\r\n"), Fault::SpaceBeforeColon);
    refused(get("X-A\t: b\r\n"), Fault::SpaceBeforeColon);
    refused(get("X A: b\r\n"), Fault::BadName);
    refused(get("X\u{e9}: b\r\n"), Fault::BadName);
    refused(get("X\"A: b\r\n"), Fault::BadName);
    refused(get("X-A: b\0c\r\n"), Fault::ControlInValue);
    refused(get("X-A: b\x7fc\r\n"), Fault::ControlInValue);
    refused(get("Transfer-Encoding: \x0bchunked\r\n"), Fault::ControlInValue);
    refused(get("Connection: \x01\r\n"), Fault::ControlInValue);
    refused(get("Keep-Alive: a\0\r\n"), Fault::ControlInValue);
    let head = accepted(get("X-A: \t b\tc \t\r\nX-B:\r\nX-C:d\r\nX-D: caf\u{e9}\r\n"));
    let value = |name: &str| head.headers.get(name).map(http::HeaderValue::as_bytes);
    assert_eq!(value("x-a"), Some(b"b\tc".as_slice()));
    assert_eq!(value("x-b"), Some(b"".as_slice()));
    assert_eq!(value("x-c"), Some(b"d".as_slice()));
    assert_eq!(value("x-d"), Some("caf\u{e9}".as_bytes()));
}

#[test]
fn every_byte_in_a_name_is_a_token_byte_or_refused() {
    for byte in 0..=255_u8 {
        let bytes = [b"GET / HTTP/1.1\r\nHost: a\r\nX".as_slice(), &[byte], b"Y: b\r\n\r\n"].concat();
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let colon = byte == b':';
        assert_eq!(parse(&bytes).is_ok(), token || colon, "{byte:#x}");
    }
}

#[test]
fn every_byte_in_a_value_is_text_or_refused() {
    for byte in 0..=255_u8 {
        let bytes = [b"GET / HTTP/1.1\r\nHost: a\r\nX: a".as_slice(), &[byte], b"b\r\n\r\n"].concat();
        let text = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        assert_eq!(parse(&bytes).is_ok(), text, "{byte:#x}");
    }
}

#[test]
fn host() {
    refused("GET /a HTTP/1.1\r\n\r\n", Fault::MissingHost);
    refused("GET /a HTTP/1.0\r\n\r\n", Fault::MissingHost);
    refused(get("Host: evil\r\n"), Fault::RepeatedHost);
    refused(get("Host: localhost\r\n"), Fault::RepeatedHost);
    refused("GET /a HTTP/1.1\r\nHost:\r\n\r\n", Fault::BadHost);
    refused("GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n", Fault::BadHost);
    refused("GET /a HTTP/1.1\r\nHost: user@a\r\n\r\n", Fault::BadHost);
    refused("GET /a HTTP/1.1\r\nHost: a\0\r\n\r\n", Fault::ControlInValue);
    accepted("GET /a HTTP/1.1\r\nhOsT:\t[::1]:8080 \r\n\r\n");
}

#[test]
fn body_framing() {
    refused(post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), Fault::LengthAndChunked);
    refused(post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"), Fault::LengthAndChunked);
    refused(post("Content-Length: 2\r\nContent-Length: 2\r\n"), Fault::RepeatedLength);
    refused(post("Content-Length: 2\r\nContent-Length: 0\r\n"), Fault::RepeatedLength);
    refused(post("Content-Length: 2, 2\r\n"), Fault::ListedLength);
    refused(post("Content-Length: +2\r\n"), Fault::BadLength);
    refused(post("Content-Length: 0x2\r\n"), Fault::BadLength);
    refused(post("Content-Length:\r\n"), Fault::BadLength);
    refused(post("Content-Length: 18446744073709551616\r\n"), Fault::LengthOverflow);
    refused(post("Content-Length : 2\r\n"), Fault::SpaceBeforeColon);
    refused(post("Transfer-Encoding: xchunked\r\n"), Fault::UnknownTransferCoding);
    refused(post("Transfer-Encoding: chunked, identity\r\n"), Fault::UnknownTransferCoding);
    refused(post("Transfer-Encoding: gzip, chunked\r\n"), Fault::UnknownTransferCoding);
    refused(post("Transfer-Encoding: chunked,\r\n"), Fault::UnknownTransferCoding);
    refused(post("Transfer-Encoding: \"chunked\"\r\n"), Fault::UnknownTransferCoding);
    refused(post("Transfer-Encoding:\r\n"), Fault::UnknownTransferCoding);
    refused(post("Transfer-Encoding:\r\n chunked\r\n"), Fault::UnknownTransferCoding);
    refused(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), Fault::RepeatedTransferEncoding);
    refused(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Fault::RepeatedTransferEncoding);
    refused("POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Fault::ChunkedInHttp10);
    let framing = |lines: &str| accepted(post(lines)).framing;
    assert_eq!(framing(""), gambeson_wire::Framing::None);
    assert_eq!(framing("Content-Length: 0\r\n"), gambeson_wire::Framing::Length(0));
    assert_eq!(framing("content-length:  12 \r\n"), gambeson_wire::Framing::Length(12));
    assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), gambeson_wire::Framing::Chunked);
}

#[test]
fn connection_and_expect() {
    refused(get("Connection: close, Content-Length\r\n"), Fault::BadConnection);
    refused(get("Connection: Transfer-Encoding\r\n"), Fault::BadConnection);
    refused(get("Connection: host\r\n"), Fault::BadConnection);
    refused(get("Connection: close, X-Forwarded-For\r\n"), Fault::BadConnection);
    refused(get("Connection: forwarded\r\n"), Fault::BadConnection);
    refused(get("Connection: a b\r\n"), Fault::BadConnection);
    refused(get("Expect: 200-ok\r\n"), Fault::UnknownExpectation);
    let head = accepted(get("Connection: close, X-Real-Ip\r\nX-Real-Ip: 9.9.9.9\r\nTE: trailers\r\nKeep-Alive: 5\r\nX-A: b\r\n"));
    assert!(!head.keep_alive && !head.upgrade);
    let names: Vec<_> = head.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["host", "x-a"]);
    assert!(accepted(get("")).keep_alive);
    assert!(accepted(get("Expect: 100-Continue\r\n")).expect_continue);
    assert!(accepted(get("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n")).upgrade);
    assert!(!accepted(get("Upgrade: websocket\r\n")).upgrade);
    assert!(!accepted(get("Connection: Upgrade\r\n")).upgrade);
    assert!(!accepted("GET / HTTP/1.0\r\nHost: a\r\n\r\n").keep_alive);
    assert!(accepted("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    assert!(!accepted("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n").keep_alive);
}

#[test]
fn sizes() {
    let many = |n: usize| get(&(1..n).map(|i| format!("X-{i}: a\r\n")).collect::<String>());
    refused(many(101), Fault::TooManyHeaders);
    accepted(many(100));
    let wide = |n: usize| get(&format!("X-A: {}\r\n", "a".repeat(n - 5)));
    refused(wide(16 * 1024 + 1), Fault::HeaderTooLarge);
    accepted(wide(16 * 1024));
    let long = |n: usize| start(&format!("GET /{} HTTP/1.1", "a".repeat(n - 1)));
    refused(long(8 * 1024 + 1), Fault::TargetTooLong);
    refused(long(700_000), Fault::TargetTooLong);
    accepted(long(8 * 1024));
    let three = |n: usize| get(&format!("X-A: {0}\r\nX-B: {0}\r\nX-C: {0}\r\n", "a".repeat(n)));
    refused(three(11_000), Fault::HeadTooLarge);
    accepted(three(10_000));
}

#[test]
fn what_is_too_large_is_refused_before_it_ends() {
    refused(format!("GET /{}", "a".repeat(9000)), Fault::TargetTooLong);
    refused(format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(17_000)), Fault::HeaderTooLarge);
    refused(format!("GET / HTTP/1.1\r\n{}", "X: a\r\n".repeat(101)), Fault::TooManyHeaders);
    assert!(matches!(parse(b"GET / HTTP/1.1\r\nX: a"), Ok(None)));
    assert!(matches!(parse(b""), Ok(None)));
}
