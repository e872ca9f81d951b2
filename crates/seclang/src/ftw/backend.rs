//! The backend that tests of answers count on: it answers what it is asked to.

use crate::transform::Transform;
use gambeson_read::{Budget, Field, Flow, Json, Limits, Note, Out, Reader, Sink};

/// What the backend answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The fields, as the test names them.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// To a request: a POST to `/reflect` says in JSON what it wants to be answered, all else gets an empty 200.
    #[must_use]
    pub fn to(method: &[u8], target: &[u8], body: &[u8]) -> Answer {
        let mut answer = Answer { status: 200, headers: Vec::new(), body: Vec::new() };
        let path = target.split(|b| *b == b'?').next().unwrap_or_default();
        if method != b"POST" || !(path == b"/reflect" || path.starts_with(b"/reflect/")) {
            return answer;
        }
        let mut budget = Budget::new(u64::MAX);
        let mut json = Json::new(&Limits { value_bytes: 64 << 20, ..Limits::default() });
        let mut out = Out { sink: &mut answer, budget: &mut budget };
        let read = json.feed(body, &mut out).and_then(|()| json.finish(&mut out));
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
