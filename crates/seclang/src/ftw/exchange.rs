//! A test's requests before the rules, and what came of them.

use super::backend::Answer;
use super::case::{Stage, Test};
use crate::{RuleSet, Transaction, Verdict};
use std::net::{Ipv4Addr, SocketAddr};

/// What the HTTP server in front answers on its own to these bytes; None if it lets them through. Only a test that expects a
/// status asks it: the log that others expect is that of a server which lets everything through to the rules.
pub type Front<'f> = &'f dyn Fn(&[u8]) -> Option<u16>;

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Passed,
    /// Otherwise; why.
    Failed(String),
}

/// What one request led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Status of the answer.
    pub status: u16,
    /// What the rules said.
    pub verdict: Verdict,
}

impl Observed {
    fn has(&self, id: u64) -> bool {
        self.verdict.matches.iter().any(|m| m.rule == id)
    }

    fn log(&self) -> String {
        self.verdict.matches.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

/// Runs a test: all its stages must end as expected.
#[must_use]
pub fn judge(rules: &RuleSet, test: &Test, front: Front<'_>) -> Outcome {
    for Stage { request, expect } in &test.stages {
        let observed = match expect.status.and_then(|_| front(request)) {
            Some(status) => Observed { status, ..Observed::default() },
            None => exchange(Transaction::new(rules), request),
        };
        if let Err(why) = expect.compare(observed.status, &|id| observed.has(id), &observed.log()) {
            return Outcome::Failed(why);
        }
    }
    Outcome::Passed
}

/// One request with its answer before the rules.
#[must_use]
pub fn exchange(mut transaction: Transaction<'_>, request: &[u8]) -> Observed {
    let address = |last, port| SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), port));
    transaction.connection(address(1, 40_000), address(2, 80), "3f7c0a5e");
    let parts = Parts::of(request);
    transaction.request_line(parts.method, parts.target, parts.protocol);
    for (name, value) in &parts.headers {
        transaction.request_header(name, value);
    }
    let answer = Answer::to(parts.method, parts.target, &parts.body);
    transaction.request_head();
    transaction.request_body(&parts.body);
    transaction.request_body_end();
    transaction.response_line(b"HTTP/1.1", answer.status);
    for (name, value) in &answer.headers {
        transaction.response_header(name, value);
    }
    transaction.response_head();
    transaction.response_body(&answer.body);
    transaction.response_body_end();
    Observed { status: answer.status, verdict: transaction.finish() }
}

/// A request taken apart by a server that takes nearly everything.
struct Parts<'r> {
    method: &'r [u8],
    target: &'r [u8],
    protocol: &'r [u8],
    headers: Vec<(&'r [u8], &'r [u8])>,
    body: Vec<u8>,
}

impl<'r> Parts<'r> {
    fn of(request: &'r [u8]) -> Self {
        let (head, body) = split_head(request);
        let mut lines = head.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let (method, target, protocol) = split_line(lines.next().unwrap_or_default());
        let headers: Vec<_> = lines.filter(|line| !line.is_empty()).map(split_header).collect();
        let chunked =
            headers.iter().any(|(n, v)| n.eq_ignore_ascii_case(b"transfer-encoding") && v.eq_ignore_ascii_case(b"chunked"));
        let length = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(b"content-length"));
        let length = length.and_then(|(_, v)| std::str::from_utf8(v).ok()?.parse::<usize>().ok());
        let body = match length {
            _ if chunked => unchunk(body),
            // Without a length a request has no body (RFC 9112 section 6.3).
            length => body.get(..length.unwrap_or(0)).unwrap_or(body).to_vec(),
        };
        Parts { method, target, protocol, headers, body }
    }
}

fn split_head(request: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memmem::find(request, b"\r\n\r\n").unwrap_or(request.len());
    (request.get(..end).unwrap_or_default(), request.get(end + 4..).unwrap_or_default())
}

/// Method before the first space, version behind the last, if there are two.
fn split_line(line: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let mut halves = line.splitn(2, |b| *b == b' ');
    let (method, rest) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    match rest.iter().rposition(|b| *b == b' ') {
        Some(at) => (method, rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default()),
        None => (method, rest, b""),
    }
}

fn split_header(line: &[u8]) -> (&[u8], &[u8]) {
    let mut halves = line.splitn(2, |b| *b == b':');
    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default().trim_ascii())
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
        let size = std::str::from_utf8(rest.get(..end).unwrap_or_default()).ok();
        let Some(size) = size.and_then(|s| usize::from_str_radix(s.trim(), 16).ok()).filter(|size| *size > 0) else { break };
        let start = end + 2;
        body.extend_from_slice(rest.get(start..).map_or(&[][..], |chunk| chunk.get(..size).unwrap_or(chunk)));
        rest = rest.get(start.saturating_add(size).saturating_add(2)..).unwrap_or_default();
    }
    body
}
