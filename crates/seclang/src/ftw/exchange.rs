//! A test's requests before the rules, and what came of them.

use super::case::{Expectation, Stage, Test};
use crate::transform::Transform;
use crate::{RuleSet, Transaction, Verdict};
use gambeson_read::{Budget, Field, Flow, Json, Limits, Note, Out, Reader, Sink};
use regex_automata::meta::Regex;
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
        if let Err(why) = compare(expect, &observed) {
            return Outcome::Failed(why);
        }
    }
    Outcome::Passed
}

fn compare(expect: &Expectation, observed: &Observed) -> Result<(), String> {
    if let Some(status) = expect.status.filter(|status| *status != observed.status) {
        return Err(format!("status {} and not {status}", observed.status));
    }
    if let Some(id) = expect.ids.iter().find(|id| !observed.has(**id)) {
        return Err(format!("{id} is not in the log:\n{}", observed.log()));
    }
    if let Some(id) = expect.no_ids.iter().find(|id| observed.has(**id)) {
        return Err(format!("{id} is in the log:\n{}", observed.log()));
    }
    let found = |pattern: &str| Regex::new(pattern).map(|p| p.is_match(&observed.log())).map_err(|e| e.to_string());
    if let Some(pattern) = &expect.log
        && !found(pattern)?
    {
        return Err(format!("no `{pattern}` in the log:\n{}", observed.log()));
    }
    if let Some(pattern) = &expect.no_log
        && found(pattern)?
    {
        return Err(format!("`{pattern}` in the log:\n{}", observed.log()));
    }
    Ok(())
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
    let answer = Answer::to(&parts);
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

/// What the test backend answers.
struct Answer {
    status: u16,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Answer {
    fn to(parts: &Parts<'_>) -> Answer {
        let mut answer = Answer { status: 200, headers: Vec::new(), body: Vec::new() };
        let path = parts.target.split(|b| *b == b'?').next().unwrap_or_default();
        if parts.method != b"POST" || !(path == b"/reflect" || path.starts_with(b"/reflect/")) {
            return answer;
        }
        let mut budget = Budget::new(u64::MAX);
        let mut json = Json::new(&Limits { value_bytes: 64 << 20, ..Limits::default() });
        let mut out = Out { sink: &mut answer, budget: &mut budget };
        let read = json.feed(&parts.body, &mut out).and_then(|()| json.finish(&mut out));
        if read.is_err() {
            answer = Answer { status: 400, headers: Vec::new(), body: b"Invalid JSON in request body".to_vec() };
        }
        if !answer.body.is_empty() && !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"content-type")) {
            answer.headers.push((b"Content-Type".to_vec(), answer.guessed_type().to_vec()));
        }
        answer
    }

    /// As servers guess that are told no type.
    fn guessed_type(&self) -> &'static [u8] {
        if self.body.trim_ascii_start().starts_with(b"<") { b"text/html; charset=utf-8" } else { b"text/plain; charset=utf-8" }
    }
}

impl Sink for Answer {
    fn field(&mut self, field: Field<'_>) -> Flow {
        match field.name {
            b"status" => self.status = std::str::from_utf8(field.value).ok().and_then(|s| s.parse().ok()).unwrap_or(200),
            b"body" => self.body = field.value.to_vec(),
            b"encodedBody" if self.body.is_empty() => self.body = Transform::Base64Decode.apply(field.value).into_owned(),
            name => {
                if let Some(name) = name.strip_prefix(b"headers.") {
                    self.headers.push((name.to_vec(), field.value.to_vec()));
                }
            }
        }
        Flow::Continue
    }

    fn note(&mut self, _: Note) -> Flow {
        Flow::Continue
    }
}
