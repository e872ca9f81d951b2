//! Whether an attempt to log in failed, as far as an answer tells.

use super::{Ladder, who};
use crate::{
    exchange::{Request, Response},
    layers::{
        Body,
        disclosure::encoding::{Text, text},
        rate_limit,
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{Method, StatusCode, header};
use serde_json::{Map, Value};

/// Of an answer to an attempt at most this much is looked at.
const HOLD_BYTES: usize = 64 << 10;

/// The rule that notes it.
pub(super) const FAILED: &str = "login-failed";

/// Whether people log in at that path, register or reset a password.
pub(super) fn is_path(ladder: &Ladder, path: &str) -> bool {
    rate_limit::is_login(path) || ladder.login_paths.iter().any(|pattern| pattern.matches(path))
}

/// Whether a request is such an attempt: a `GET` only shows the form, unless it brings a password.
pub(super) fn is_attempt(ladder: &Ladder, request: &Request) -> bool {
    let sends = !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    (sends || brings_password(request)) && is_path(ladder, request.target.decoded_path())
}

/// The name that a request shows by Basic authentication (RFC 7617): there every request is an attempt to log in, wherever it goes.
/// Other schemes carry tokens, which end without anybody guessing.
pub(super) fn basic_name(request: &Request) -> Option<Vec<u8>> {
    let (scheme, credentials) = request.header(header::AUTHORIZATION)?.trim().split_once(' ')?;
    let shown = BASE64_STANDARD.decode(credentials.trim()).unwrap_or_default();
    scheme.eq_ignore_ascii_case("basic").then(|| shown.split(|byte| *byte == b':').next().unwrap_or_default().to_vec())
}

/// How much of an answer's body must be seen to tell; `None` where its head does.
pub(super) fn hold(ladder: &Ladder, request: &Request, response: &Response) -> Option<usize> {
    if !response.status.is_success() || !is_attempt(ladder, request) {
        return None;
    }
    let is_asked = match Shape::of(response)? {
        Shape::Page => is_form(request) && !sets_session(ladder, response),
        Shape::Json => true,
    };
    is_asked.then_some(HOLD_BYTES)
}

/// What in the app's answer says that an attempt failed: 400, 401, 403 or 422; a way back to a login page; JSON that says so; to a form
/// that brought no new session, a page with a field for a password, or with a text that the policy names.
pub(super) fn failed(ladder: &Ladder, request: &Request, response: &Response, body: Option<Body<'_>>) -> Option<&'static str> {
    if response.status == StatusCode::UNAUTHORIZED && basic_name(request).is_some() {
        return Some("the app refused a name and password (Basic)");
    }
    if !is_attempt(ladder, request) {
        return None;
    }
    match response.status {
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::UNPROCESSABLE_ENTITY => {
            Some("the app refused an attempt to log in")
        }
        status if status.is_redirection() && leads_back(ladder, response) => {
            Some("an attempt to log in led back to a login page")
        }
        _ => hold(ladder, request, response).and_then(|_| told(ladder, response, body?)),
    }
}

/// What the body of an answer tells.
fn told(ladder: &Ladder, response: &Response, body: Body<'_>) -> Option<&'static str> {
    let shown = match text(body.bytes, response.headers()) {
        Text::Plain(shown) => shown,
        // Compressed in a way we do not read: without a session it is the page again.
        Text::Unknown if Shape::of(response) == Some(Shape::Page) => return Some(NO_SESSION),
        Text::Unknown => return None,
    };
    let named = ladder.login_failed.iter().any(|told| memchr::memmem::find(&shown, told.as_bytes()).is_some());
    if named {
        return Some("the answer to an attempt to log in says what the policy names");
    }
    match Shape::of(response)? {
        Shape::Page => asks_for_password(&shown).then_some(NO_SESSION),
        Shape::Json => says_no(&shown).then_some("the answer to an attempt to log in tells of an error, in JSON"),
    }
}

const NO_SESSION: &str = "an attempt to log in was asked for a password again, and got no session";

/// What an answer's body is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Page,
    Json,
}

impl Shape {
    fn of(response: &Response) -> Option<Self> {
        let kind = media(response.header(header::CONTENT_TYPE)?);
        match kind.as_str() {
            "text/html" => Some(Self::Page),
            "application/json" => Some(Self::Json),
            _ => kind.ends_with("+json").then_some(Self::Json),
        }
    }
}

/// A media type without its parameters, in lower case (RFC 9110 section 8.3.1).
fn media(kind: &str) -> String {
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a page has a field for a password, in whatever spelling.
fn asks_for_password(page: &[u8]) -> bool {
    let tokens = html5gum::Tokenizer::new(page).flatten();
    let mut tags = tokens.filter_map(|token| if let html5gum::Token::StartTag(tag) = token { Some(tag) } else { None });
    tags.any(|tag| {
        let kind = tag.attributes.iter().find(|(name, _)| name.as_slice() == b"type").map(|(_, kind)| kind.trim_ascii());
        tag.name.as_slice() == b"input" && kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"password"))
    })
}

/// Whether a JSON document says at its top that something failed: an error that is not empty, or a success that is false.
fn says_no(document: &[u8]) -> bool {
    const ERRORS: [&str; 5] = ["error", "errors", "error_code", "error_description", "non_field_errors"];
    const SUCCESSES: [&str; 8] =
        ["ok", "success", "succeeded", "authenticated", "is_authenticated", "logged_in", "loggedin", "valid"];
    const STATES: [&str; 5] = ["error", "fail", "failed", "failure", "unauthorized"];
    let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(document) else { return false };
    fields.iter().any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let is_state = matches!(name.as_str(), "status" | "result" | "state");
        let state = value.as_str().is_some_and(|state| STATES.contains(&state.to_ascii_lowercase().as_str()));
        (ERRORS.contains(&name.as_str()) && is_something(value))
            || (SUCCESSES.contains(&name.as_str()) && *value == Value::Bool(false))
            || (is_state && state)
    })
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    }
}

fn leads_back(ladder: &Ladder, response: &Response) -> bool {
    let Some(location) = response.header(header::LOCATION) else { return false };
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/"),
        None => location,
    };
    is_path(ladder, path.split(['?', '#']).next().unwrap_or_default())
}

/// Some apps read what a form sends from the query as well.
fn brings_password(request: &Request) -> bool {
    let names = request.target.query().into_iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split_once('='));
    let plain = |name: &str| percent_encoding::percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    names.map(|(name, _)| plain(name)).any(|name| ["pass", "pwd"].iter().any(|word| name.contains(word)))
}

fn is_form(request: &Request) -> bool {
    if matches!(request.method, Method::GET | Method::HEAD) {
        return true;
    }
    let kind = media(request.header(header::CONTENT_TYPE).unwrap_or_default());
    matches!(kind.as_str(), "application/x-www-form-urlencoded" | "multipart/form-data")
}

fn sets_session(ladder: &Ladder, response: &Response) -> bool {
    let lines = response.headers().get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(|line| line.split_once('=')).any(|(name, _)| who::is_session(ladder, name.trim()))
}

#[cfg(test)]
mod tests {
    use super::{asks_for_password, says_no};

    #[test]
    fn a_field_for_a_password_is_seen_in_every_spelling() {
        for page in ["<input type=password>", "<INPUT name=p TYPE='Password'/>", "<form><p><input\ntype = \" password \"></form"]
        {
            assert!(asks_for_password(page.as_bytes()), "{page}");
        }
        for page in
            ["", "<p>password</p>", "<!-- <input type=password> -->", "<input type=text value=password>", "<a type=password>"]
        {
            assert!(!asks_for_password(page.as_bytes()), "{page}");
        }
    }

    #[test]
    fn json_says_no_at_its_top_alone() {
        for no in [
            r#"{"error":"wrong"}"#,
            r#"{"errors":[{"message":"no"}],"data":null}"#,
            r#"{"Success":false}"#,
            r#"{"status":"Error"}"#,
            r#"{"error_code":7}"#,
        ] {
            assert!(says_no(no.as_bytes()), "{no}");
        }
        let deep = "[".repeat(10_000);
        for yes in [
            r#"{"token":"x","error":null,"errors":[]}"#,
            r#"{"user":{"error":"no"}}"#,
            r#"{"ok":true}"#,
            r#"[{"error":"x"}]"#,
            "{",
            &deep,
        ] {
            assert!(!says_no(yes.as_bytes()), "{yes}");
        }
    }
}
