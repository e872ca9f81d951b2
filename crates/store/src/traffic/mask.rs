//! Takes the secrets out of a request before it is written, and says of which parts.
//!
//! What stands under the name of a secret, looks like a token, or follows an authentication scheme gives way to as many `x` as its
//! length's class has: 8, 16, 32 and so on. What this leaves is judged as before; what it took is named, so that nobody believes
//! that it was judged.

use super::{Body, Request, Stopped, Text, body, shape::hide};
use crate::audit::mask_text;
use gambeson_core::{
    record::{is_opaque, is_secret_name},
    traffic::{Sent, Traffic},
};
use gambeson_read::percent_decode;
use http::{Version, header};

/// Which parts were masked.
pub(super) type Masked = Vec<String>;

/// A request names at most this many masked parts.
const MASKED_MAX: usize = 64;
/// More `x` than this stand for no secret.
const LENGTH_MAX: usize = 1024;

/// The request, ready to be written.
pub(super) fn mask(traffic: Traffic) -> Request {
    let Traffic { id, time_ms, sent, status, stopped } = traffic;
    let mut masked = Masked::new();
    let target = target(&sent.head.target, &mut masked);
    let headers = headers(&sent, &mut masked);
    let body = sent.head.has_body.then(|| body_of(&sent, &mut masked));
    Request {
        id,
        time_ms,
        client: sent.client,
        by_address: sent.policy().by_address,
        one_of_all: sent.policy().requests == gambeson_core::policy::Recorded::All,
        https: sent.scheme == gambeson_core::exchange::Scheme::Https,
        sni: sent.sni.clone(),
        method: value_of_name(sent.head.method.as_str()),
        target: target.into(),
        authority: sent.head.authority.as_deref().map(|text| host(text, "authority", &mut masked)),
        version: version(sent.head.version),
        headers,
        body,
        masked,
        status,
        stopped: stopped.map(|finding| Stopped {
            layer: finding.layer,
            rule: finding.rule.into_owned(),
            action: finding.action,
            part: part(&finding.part),
        }),
    }
}

/// Where something was found, without a name that is a secret itself.
fn part(part: &str) -> String {
    match part.split_once(' ') {
        Some((place, name)) => format!("{place} {}", value_of_name(name)),
        None => part.to_owned(),
    }
}

fn version(version: Version) -> u8 {
    match version {
        Version::HTTP_10 => 10,
        Version::HTTP_2 => 20,
        _ => 11,
    }
}

fn body_of(sent: &Sent, masked: &mut Masked) -> Body {
    let copied = sent.body();
    let cut = copied.seen > copied.bytes.len() as u64 || !copied.whole;
    let kind = sent.head.headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let text = sent.policy().bodies.then(|| body::mask(kind.unwrap_or_default(), &copied.bytes, cut, masked)).flatten();
    Body { whole: !cut && text.is_some(), text: text.map(Text::from), bytes: copied.seen }
}

/// Writes down that a part was masked.
pub(super) fn note(masked: &mut Masked, part: impl FnOnce() -> String) {
    let part = part();
    if masked.len() < MASKED_MAX && !masked.contains(&part) {
        masked.push(part);
    }
}

/// As many `x` as the class of that length has.
pub(super) fn blank(length: usize) -> String {
    "x".repeat(length.next_power_of_two().clamp(8, LENGTH_MAX))
}

/// A value under a name without its secrets; `None` when there is none in it.
pub(super) fn value(name: &str, value: &str) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    if is_secret_name(name) || is_opaque(value.trim()) {
        return Some(blank(value.len()));
    }
    let mut text = value.to_owned();
    mask_text(&mut text);
    let hidden = hide(&text).or_else(|| (text != value).then_some(text));
    hidden.or_else(|| is_coded_secret(value).then(|| blank(value.len())))
}

/// Whether a secret comes to light when it is decoded once or twice more, as some apps do.
fn is_coded_secret(value: &str) -> bool {
    let mut plain = value.to_owned();
    for _ in 0..2 {
        let next = decoded(plain.as_bytes(), false);
        if next == plain {
            return false;
        }
        let mut masked = next.clone();
        mask_text(&mut masked);
        if masked != next || is_opaque(next.trim()) || hide(&next).is_some() {
            return true;
        }
        plain = next;
    }
    false
}

/// A host without the name and password that may stand before it.
fn host(text: &str, part: &str, masked: &mut Masked) -> String {
    let Some(at) = text.rfind('@') else { return text.to_owned() };
    note(masked, || part.to_owned());
    format!("{}{}", blank(8), text.get(at..).unwrap_or_default())
}

/// A request's target; of an absolute one the host, too.
fn target(sent: &[u8], masked: &mut Masked) -> Vec<u8> {
    let absolute = str::from_utf8(sent).ok().filter(|text| !text.starts_with('/') && text.contains("://"));
    match absolute {
        Some(text) => address("path", text, masked).into_bytes(),
        None => relative(sent, masked),
    }
}

fn relative(sent: &[u8], masked: &mut Masked) -> Vec<u8> {
    let mut halves = sent.splitn(2, |byte| *byte == b'?');
    let mut clean = path(halves.next().unwrap_or_default(), masked);
    if let Some(query) = halves.next() {
        clean.push(b'?');
        clean.extend(pairs("query", query, masked));
    }
    clean
}

fn path(sent: &[u8], masked: &mut Masked) -> Vec<u8> {
    let mut before = String::new();
    let segments = sent.split(|byte| *byte == b'/').map(|segment| {
        let plain = decoded(segment, false);
        let clean = value("", &plain).or_else(|| is_told_by(&before, &plain).then(|| blank(plain.len())));
        before = plain;
        match clean {
            Some(clean) => {
                note(masked, || "path".to_owned());
                encoded(&clean)
            }
            None => segment.to_vec(),
        }
    });
    segments.collect::<Vec<_>>().join(&b'/')
}

/// Whether a segment is a secret because the one before it says so: `/token/ab12cd`. Words are pages: `/password/reset`.
fn is_told_by(before: &str, segment: &str) -> bool {
    is_secret_name(before) && segment.len() >= 6 && segment.bytes().any(|byte| byte.is_ascii_digit())
}

/// Names and values in a query's syntax. What has no secret stays as it was sent, odd encodings included.
pub(super) fn pairs(place: &str, sent: &[u8], masked: &mut Masked) -> Vec<u8> {
    sent.split(|byte| *byte == b'&').map(|pair| one(place, pair, masked)).collect::<Vec<_>>().join(&b'&')
}

fn one(place: &str, pair: &[u8], masked: &mut Masked) -> Vec<u8> {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    let name = halves.next().unwrap_or_default();
    let plain = decoded(name, true);
    let hidden_name = value("", &plain);
    let hidden_value = halves.next().map(|sent| (sent, value(&plain, &decoded(sent, true))));
    if hidden_name.is_some() || matches!(hidden_value, Some((_, Some(_)))) {
        let shown = hidden_name.as_deref().unwrap_or(&plain);
        note(masked, || format!("{place} {shown}").trim_end().to_owned());
    }
    let mut clean = hidden_name.map_or_else(|| name.to_vec(), |name| encoded(&name));
    if let Some((sent, hidden)) = hidden_value {
        clean.push(b'=');
        clean.extend(hidden.map_or_else(|| sent.to_vec(), |value| encoded(&value)));
    }
    clean
}

fn decoded(sent: &[u8], plus: bool) -> String {
    let mut plain = Vec::with_capacity(sent.len());
    percent_decode(sent, plus, &mut plain);
    String::from_utf8_lossy(&plain).into_owned()
}

fn encoded(text: &str) -> Vec<u8> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~()".contains(&byte);
    let encode = |byte: u8| if plain(byte) { vec![byte] } else { format!("%{byte:02X}").into_bytes() };
    text.bytes().flat_map(encode).collect()
}

/// Fields that name who is behind a proxy.
const CLIENTS: [&str; 6] = ["x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"];

/// Fields that hold no secret, and may look like one.
const PLAIN: [&str; 3] = ["user-agent", "content-type", "content-length"];

fn headers(sent: &Sent, masked: &mut Masked) -> Vec<(String, Text)> {
    let fields = sent.head.headers.iter().map(|(name, value)| {
        let name = name.as_str();
        let bytes = value.as_bytes();
        let text = String::from_utf8_lossy(bytes);
        let clean = match name {
            "cookie" => Some(cookies(&text, masked)),
            "host" | "x-forwarded-host" => text.contains('@').then(|| host(&text, &format!("header {name}"), masked)),
            "referer" | "origin" => Some(address(&format!("header {name}"), &text, masked)),
            _ => field(name, &text, sent.policy().by_address, masked),
        };
        let name = if is_opaque(name) {
            note(masked, || "header name".to_owned());
            "x-masked"
        } else {
            name
        };
        (name.to_owned(), clean.map_or_else(|| Text::from(bytes.to_vec()), Text::Plain))
    });
    fields.collect()
}

fn field(name: &str, text: &str, by_address: bool, masked: &mut Masked) -> Option<String> {
    let clean = match name {
        "authorization" | "proxy-authorization" => {
            let (scheme, rest) = text.split_once(' ').unwrap_or(("", text));
            Some(format!("{scheme} {}", blank(rest.len())).trim_start().to_owned())
        }
        _ if PLAIN.contains(&name) => None,
        _ if !by_address && CLIENTS.contains(&name) => Some(blank(text.len())),
        _ => value(name, text),
    }?;
    note(masked, || format!("header {name}"));
    Some(clean)
}

/// The names of cookies stay, no value does: any of them may be the session.
fn cookies(text: &str, masked: &mut Masked) -> String {
    let pairs = text.split(';').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let shown = value_of_name(name);
        note(masked, || format!("cookie {}", shown.trim()).trim_end().to_owned());
        let equals = if pair.contains('=') { "=" } else { "" };
        format!("{shown}{equals}{}", blank(value.trim().len()))
    });
    pairs.collect::<Vec<_>>().join(";")
}

fn value_of_name(name: &str) -> String {
    value("", name).unwrap_or_else(|| name.to_owned())
}

/// An address of a page: its path and query are like those of a request.
fn address(part: &str, text: &str, masked: &mut Masked) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let rest = text.get(start..).unwrap_or_default();
    let end = start + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (origin, path) = text.split_at_checked(end).unwrap_or((text, ""));
    let (path, fragment) = path.split_once('#').map_or((path, None), |(path, fragment)| (path, Some(fragment)));
    let mut inner = Masked::new();
    let mut clean = host(origin, part, &mut inner).into_bytes();
    clean.extend(relative(path.as_bytes(), &mut inner));
    if let Some(fragment) = fragment {
        clean.push(b'#');
        clean.extend(pairs("fragment", fragment.as_bytes(), &mut inner));
    }
    if !inner.is_empty() {
        note(masked, || part.to_owned());
    }
    String::from_utf8_lossy(&clean).into_owned()
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
