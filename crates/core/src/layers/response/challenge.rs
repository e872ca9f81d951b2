//! The page of the rung `challenge`: it asks to wait a moment and to press a button. No script, no third party, no picture to read.

use crate::{
    exchange::{Request, Scheme},
    layers::{Denial, Form, Reply},
    record::Action,
    sanction::{Pass, Shown},
    target::{Target, TargetRules},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use std::time::Duration;

/// Where the page's form is sent.
pub(super) const ENDPOINT: &str = "/.well-known/gambeson/continue";
const COOKIE: &str = "gambeson-pass";
const PREFIXED: &str = "__Host-gambeson-pass";
/// A longer way back is not kept, nor is a longer token looked at.
const BYTES_MAX: usize = 2048;

/// Whether a cookie of that name is ours.
pub(super) fn is_pass(name: &str) -> bool {
    name == COOKIE || name == PREFIXED
}

/// What a request shows of an earlier challenge.
pub(super) fn shown(request: &Request) -> Shown {
    let pass = request.cookies().find(|(name, _)| is_pass(name)).map(|(_, value)| value.to_owned());
    let token = is_endpoint(request).then(|| parameter(request, "token")).flatten();
    let short = |text: &String| text.len() <= BYTES_MAX;
    Shown { pass: pass.filter(short), token: token.filter(short) }
}

pub(super) fn is_endpoint(request: &Request) -> bool {
    request.target.decoded_path() == ENDPOINT
}

/// Lets somebody go on to where they wanted to, with the pass they have earned or without one they do not need.
pub(super) fn go_on(request: &Request, earned: Option<(&str, Duration)>) -> Reply {
    let next = parameter(request, "next").as_deref().and_then(way_on).unwrap_or_else(|| "/".to_owned());
    let mut headers = HeaderMap::new();
    headers.insert(header::LOCATION, HeaderValue::from_str(&next).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let cookie = earned.and_then(|(value, time)| {
        let (name, secure) = if request.scheme == Scheme::Https { (PREFIXED, "; Secure") } else { (COOKIE, "") };
        let line = format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", time.as_secs());
        HeaderValue::from_str(&line).ok()
    });
    headers.extend(cookie.map(|line| (header::SET_COOKIE, line)));
    let action = if earned.is_some() { Action::Note } else { Action::Answer };
    Reply { rule: "passed", action, status: StatusCode::SEE_OTHER, headers, body: Bytes::new() }
}

/// A target of this site, in the one form in which it would be judged: anything else would make us send visitors elsewhere, as
/// whoever takes `/..//a.example` for `//a.example` would be (CWE-601).
fn way_on(next: &str) -> Option<String> {
    let leaves = |path: &str| !path.starts_with('/') || path.starts_with("//") || path.starts_with("/\\");
    let target =
        Target::parse(next.as_bytes(), &TargetRules::default()).ok().filter(|_| next.len() <= BYTES_MAX && !leaves(next))?;
    Some(target.as_str().to_owned()).filter(|path| !leaves(path))
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    let mut pairs = request.target.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(own, _)| *own == name)?;
    let value = value.replace('+', " ");
    percent_decode_str(&value).decode_utf8().ok().map(|value| value.into_owned())
}

/// The refusal with the form in it. What changes something cannot be sent again by a page, so it is told where to go on.
pub(super) fn ask(request: &Request, pass: Option<&Pass>, wait: Duration, mut denial: Box<Denial>) -> Box<Denial> {
    denial.status = StatusCode::TOO_MANY_REQUESTS;
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    let (token, say) = match pass {
        Some(Pass::Hasty(token)) => (token, too_quick(wait)),
        Some(Pass::Owed(token)) if reads => (token, please_wait(wait)),
        _ => {
            denial.say =
                "Nothing was done. Please open a page of this site, confirm there that you want to go on, and try again.";
            return denial;
        }
    };
    denial.say = say;
    denial.headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    let next = match is_endpoint(request) {
        true => parameter(request, "next").unwrap_or_default(),
        false => request.target.as_str().to_owned(),
    };
    let next = way_on(&next).unwrap_or_else(|| "/".to_owned());
    denial.form = Some(Form { action: ENDPOINT, hidden: vec![("token", token.clone()), ("next", next)], button: "Go on" });
    denial
}

/// What is asked for. Whoever is challenged again and again waits longer, and must be told so.
const fn please_wait(wait: Duration) -> &'static str {
    match wait.as_secs() {
        0..=5 => "Please confirm that you want to go on: wait a few seconds, then press the button.",
        6..=60 => "Please confirm that you want to go on: wait a minute, then press the button.",
        _ => "Please confirm that you want to go on: wait ten minutes, then press the button.",
    }
}

const fn too_quick(wait: Duration) -> &'static str {
    match wait.as_secs() {
        0..=5 => "That was a little too quick. Please count to five, then press the button.",
        6..=60 => "That was too quick. Please wait a minute, then press the button.",
        _ => "That was too quick. Please wait ten minutes, then press the button.",
    }
}

#[cfg(test)]
mod tests {
    use super::{please_wait, too_quick, way_on};
    use std::time::Duration;

    #[test]
    fn who_does_as_told_has_waited_long_enough() {
        // Sixteen times the longest wait that a policy may ask for.
        for seconds in 0..=16 * 30 {
            let wait = Duration::from_secs(seconds);
            let told = |say: &str| {
                if say.contains("ten minutes") {
                    600
                } else if say.contains("a minute") {
                    60
                } else {
                    5
                }
            };
            assert!(told(please_wait(wait)) >= seconds && told(too_quick(wait)) >= seconds, "{seconds} s");
        }
    }

    #[test]
    fn the_way_on_is_one_of_this_site() {
        for own in ["/", "/articles?page=2", "/a%20b/c.html?q=O'Brien&x=%C3%A9", "/search?q=https://a.example"] {
            assert!(way_on(own).is_some(), "{own}");
        }
        for foreign in
            ["//evil.example", "/\\evil.example", "https://evil.example/", "evil.example", "/\t/evil.example", "/a\r\nx: y", ""]
        {
            assert_eq!(way_on(foreign), None, "{foreign}");
        }
        for odd in ["/..//evil.example", "/.//evil.example", "/a/../../..//evil.example", "/%2e%2e//evil.example"] {
            assert!(way_on(odd).is_none_or(|path| path == "/evil.example"), "{odd}: {:?}", way_on(odd));
        }
    }
}
