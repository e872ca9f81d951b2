//! An alert as JSON, as syslog (RFC 5424) and in the Common Event Format.
//!
//! Facts hold what strangers sent (a path, a host): each format escapes what would end a field in it, so that nobody forges a field or
//! a line (CWE-117).

use super::message::Alert;
use jiff::Timestamp;
use std::fmt::Write as _;

/// Who tells.
#[derive(Debug, Clone, Default)]
pub(super) struct From {
    /// This machine.
    pub(super) host: String,
    /// The app that is guarded.
    pub(super) app: String,
    pub(super) process: u32,
}

/// Security messages (RFC 5424 section 6.2.1, `authpriv`).
const FACILITY: u8 = 10;
/// The enterprise number that RFC 5612 keeps for examples: there is no registered one.
const ID: &str = "gambeson@32473";

fn time(alert: &Alert) -> String {
    let time = i64::try_from(alert.time_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", time.unwrap_or_default())
}

/// For a webhook. `text` is what chat servers show.
pub(super) fn json(alert: &Alert, from: &From) -> String {
    let text = format!("Gambeson, {}: {}", from.app, alert.sentence);
    let mut fields = serde_json::Map::new();
    let own = [("text", text), ("topic", alert.topic.as_str().into()), ("severity", alert.severity.word().into())];
    let more =
        [("time", time(alert)), ("app", from.app.clone()), ("host", from.host.clone()), ("message", alert.sentence.clone())];
    fields.extend(own.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value.into())));
    fields.extend(alert.facts.iter().map(|(name, fact)| ((*name).to_owned(), fact.clone().into())));
    serde_json::Value::from(fields).to_string()
}

/// A syslog message with structured data.
pub(super) fn rfc5424(alert: &Alert, from: &From) -> String {
    let mut data = format!("[{ID} topic=\"{}\" app=\"{}\"", alert.topic.as_str(), parameter(&from.app));
    for (name, fact) in &alert.facts {
        let _ = write!(data, " {name}=\"{}\"", parameter(fact));
    }
    // A text that is not ASCII is marked as UTF-8 (section 6.4).
    let mark = if alert.sentence.is_ascii() { "" } else { "\u{feff}" };
    format!("{} {data}] {mark}{}", header(alert, from), alert.sentence)
}

/// The Common Event Format (version 0) behind a syslog header.
pub(super) fn cef(alert: &Alert, from: &From) -> String {
    let name = cef_header(&alert.sentence);
    let version = env!("CARGO_PKG_VERSION");
    let mut line = format!("CEF:0|Gambeson|gambeson|{version}|{}|{name}|{}|", alert.topic.as_str(), alert.severity.cef());
    let _ = write!(line, "rt={} dvchost={} cs1Label=app cs1={}", alert.time_ms, cef_value(&from.host), cef_value(&from.app));
    for (name, fact) in &alert.facts {
        let key = match *name {
            "reference" => "externalId",
            "client" => "src",
            "count" => "cnt",
            "rule" => "cs2Label=rule cs2",
            other => other,
        };
        let _ = write!(line, " {key}={}", cef_value(fact));
    }
    format!("{} - {line}", header(alert, from))
}

/// Everything before the structured data.
fn header(alert: &Alert, from: &From) -> String {
    let priority = FACILITY * 8 + alert.severity.syslog();
    format!("<{priority}>1 {} {} gambeson {} {}", time(alert), word(&from.host), from.process, alert.topic.as_str())
}

/// A header field: visible ASCII, or nothing.
fn word(text: &str) -> &str {
    if !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic()) { text } else { "-" }
}

/// The value of a parameter (section 6.3.3).
fn parameter(text: &str) -> String {
    escaped(text, &['"', '\\', ']'])
}

/// A field before the extension.
fn cef_header(text: &str) -> String {
    escaped(text, &['|', '\\'])
}

/// A value of the extension.
fn cef_value(text: &str) -> String {
    escaped(text, &['=', '\\'])
}

/// With a backslash before each of these; a line's end cannot be in a field.
fn escaped(text: &str, special: &[char]) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(&c) {
            safe.push('\\');
        }
        safe.push(if c.is_control() { ' ' } else { c });
    }
    safe
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
