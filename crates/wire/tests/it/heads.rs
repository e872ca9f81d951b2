//! Response heads and encoders.

use bytes::BytesMut;
use gambeson_wire::{
    ConnectionOption, Fault, Framing, Limits, ResponseFraming, ResponseHead, Scan, is_valid_host, parse_request, parse_response,
    write_chunk_head, write_request, write_response,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::collections::BTreeSet;

fn parse(bytes: &str, method: &Method) -> Result<ResponseHead, Fault> {
    let found = parse_response(bytes.as_bytes(), &mut Scan::default(), &Limits::default(), method)?;
    Ok(found.unwrap_or_else(|| panic!("incomplete: {bytes:?}")).1)
}

#[track_caller]
fn refused(bytes: &str, fault: Fault) {
    assert_eq!(parse(bytes, &Method::GET).map(|head| head.status).unwrap_err(), fault, "{bytes:?}");
}

#[track_caller]
fn framed(bytes: &str, method: &Method, framing: ResponseFraming, keep_alive: bool) -> ResponseHead {
    let head = parse(bytes, method).unwrap();
    assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{bytes:?}");
    head
}

#[test]
fn status_lines() {
    for bad in [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1  200 OK",
        "HTTP/2.0 200 OK",
        "http/1.1 200 OK",
        "HTTP/1.1 099 X",
        "HTTP/1.1 999 X",
        "HTTP/1.1 200 a\0b",
        "HTTP/1.1",
    ] {
        refused(&format!("{bad}\r\n\r\n"), Fault::MalformedStatusLine);
    }
    refused("\r\nHTTP/1.1 200 OK\r\n\r\n", Fault::MalformedStatusLine);
    refused(&format!("HTTP/1.1 200 {}\r\n\r\n", "a".repeat(2000)), Fault::MalformedStatusLine);
    for good in ["HTTP/1.1 200 OK", "HTTP/1.0 200", "HTTP/1.1 200 ", "HTTP/1.1 200 Tr\u{e8}s bien"] {
        assert_eq!(parse(&format!("{good}\r\n\r\n"), &Method::GET).unwrap().status, StatusCode::OK, "{good}");
    }
}

#[test]
fn response_faults() {
    let with = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
    refused(&with("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"), Fault::LengthAndChunked);
    refused(&with("Content-Length: 2\r\nContent-Length: 3\r\n"), Fault::RepeatedLength);
    refused(&with("Content-Length: 2, 2\r\n"), Fault::ListedLength);
    refused(&with("Transfer-Encoding: gzip\r\n"), Fault::UnknownTransferCoding);
    refused(&with("X-A: b\0\r\n"), Fault::ControlInValue);
    refused(&with("X-A: b\r\n c\r\n"), Fault::ObsFold);
    refused(&with("X-A : b\r\n"), Fault::SpaceBeforeColon);
    refused("HTTP/1.1 200 OK\nX-A: b\n\n", Fault::BareLf);
    refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Fault::ChunkedInHttp10);
    let head = framed(&with("Content-Length: 2\r\nContent-Length: 2\r\n"), &Method::GET, ResponseFraming::Length(2), true);
    assert_eq!(head.headers.get_all("content-length").iter().count(), 1);
}

#[test]
fn where_a_response_ends() {
    let (get, head) = (Method::GET, Method::HEAD);
    framed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", &get, ResponseFraming::Length(5), true);
    framed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &get, ResponseFraming::Chunked, true);
    framed("HTTP/1.1 200 OK\r\n\r\n", &get, ResponseFraming::UntilClose, false);
    framed("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", &get, ResponseFraming::Length(5), false);
    framed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", &get, ResponseFraming::Length(5), false);
    let answer = framed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", &head, ResponseFraming::None, false);
    assert_eq!(answer.content_length, Some(5));
    framed("HTTP/1.1 200 OK\r\n\r\n", &head, ResponseFraming::None, false);
    framed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &head, ResponseFraming::None, true);
    framed("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", &get, ResponseFraming::None, false);
    framed("HTTP/1.1 304 Not Modified\r\n\r\n", &get, ResponseFraming::None, true);
    framed("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", &get, ResponseFraming::None, true);
    framed("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", &get, ResponseFraming::None, false);
    framed("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", &get, ResponseFraming::None, false);
    assert!(parse("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", &get).unwrap().is_interim());
    assert!(!parse("HTTP/1.1 101 Switching Protocols\r\n\r\n", &get).unwrap().is_interim());
}

#[test]
fn fields_of_one_hop_do_not_pass() {
    let lines =
        "Connection: X-Private, close\r\nX-Private: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nX-A: b\r\n";
    let names = |status: &str| {
        let head = parse(&format!("HTTP/1.1 {status}\r\n{lines}\r\n"), &Method::GET).unwrap();
        head.headers.keys().map(|name| name.as_str().to_owned()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(names("200 OK"), ["x-a"]);
    assert_eq!(names("101 Switching Protocols"), ["upgrade", "x-a"]);
}

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

#[test]
fn requests_are_written_with_our_framing_alone() {
    let fields = headers(&[
        ("host", "a"),
        ("content-length", "99"),
        ("transfer-encoding", "gzip"),
        ("connection", "x"),
        ("upgrade", "websocket"),
        ("x-a", "b"),
    ]);
    let extra = [(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static("1.2.3.4"))];
    let write = |framing, connection| {
        let mut out = BytesMut::new();
        write_request(&mut out, &Method::POST, b"/a?b", &fields, &extra, framing, connection).unwrap();
        String::from_utf8(out.to_vec()).unwrap()
    };
    let common = "POST /a?b HTTP/1.1\r\nhost: a\r\nx-a: b\r\nx-forwarded-for: 1.2.3.4\r\n";
    assert_eq!(write(Framing::None, ConnectionOption::Default), format!("{common}\r\n"));
    assert_eq!(
        write(Framing::Length(120), ConnectionOption::Close),
        format!("{common}content-length: 120\r\nconnection: close\r\n\r\n")
    );
    assert_eq!(write(Framing::Chunked, ConnectionOption::Default), format!("{common}transfer-encoding: chunked\r\n\r\n"));
    assert!(write(Framing::None, ConnectionOption::Upgrade).contains("upgrade: websocket\r\n"));
}

#[test]
fn a_target_cannot_add_a_line() {
    for bad in ["", "a", "/a b", "/a\r\nX: y", "/\0", "/\u{e9}", "http://a/"] {
        let written = write_request(
            &mut BytesMut::new(),
            &Method::GET,
            bad.as_bytes(),
            &HeaderMap::new(),
            &[],
            Framing::None,
            ConnectionOption::Default,
        );
        assert_eq!(written, Err(Fault::TargetBytes), "{bad:?}");
    }
}

#[test]
fn responses_and_chunks() {
    let fields = headers(&[("content-length", "1"), ("set-cookie", "a=b")]);
    let write = |status, framing, connection| {
        let mut out = BytesMut::new();
        write_response(&mut out, status, &fields, &[], framing, connection);
        String::from_utf8(out.to_vec()).unwrap()
    };
    assert_eq!(
        write(StatusCode::OK, Framing::Length(0), ConnectionOption::KeepAlive),
        "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n"
    );
    assert_eq!(
        write(StatusCode::NOT_FOUND, Framing::None, ConnectionOption::Default),
        "HTTP/1.1 404 Not Found\r\nset-cookie: a=b\r\n\r\n"
    );
    let mut out = BytesMut::new();
    for len in [0, 1, 16, 4096, usize::MAX] {
        write_chunk_head(&mut out, len);
    }
    assert_eq!(out, "1\r\n10\r\n1000\r\nffffffffffffffff\r\n");
}

#[test]
fn what_is_written_is_read_back() {
    let mut out = BytesMut::new();
    let fields = headers(&[("host", "a:80"), ("cookie", "a=b"), ("cookie", "c=d")]);
    write_request(&mut out, &Method::PUT, b"/x", &fields, &[], Framing::Length(u64::MAX), ConnectionOption::Close).unwrap();
    let (used, head) = parse_request(&out, &mut Scan::default(), &Limits::default()).unwrap().unwrap();
    assert_eq!((used, head.framing, head.keep_alive), (out.len(), Framing::Length(u64::MAX), false));
    assert_eq!(head.headers.get_all("cookie").iter().count(), 2);
    assert!(is_valid_host(head.headers["host"].as_bytes()));
}
