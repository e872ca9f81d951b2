//! What is written down of an exchange. No secret gets in: values are masked where they are made into findings.

mod secret;

pub use secret::is_secret_name;

use crate::policy::{LayerName, Mode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The name of one exchange: on the refusal page, in the answer's `x-gambeson-ref`, and in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReferenceId(u64);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl ReferenceId {
    /// From 64 random bits, so that ids cannot be guessed and do not collide in one log.
    #[must_use]
    pub const fn new(random: u64) -> Self {
        Self(random)
    }
}

impl std::fmt::Display for ReferenceId {
    /// Thirteen letters of Crockford's base 32: easy to read out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for i in (0..13).rev() {
            let letter = ALPHABET.get((self.0 >> (5 * i)) as usize & 31).copied().unwrap_or(b'0');
            std::fmt::Write::write_char(f, char::from(letter))?;
        }
        Ok(())
    }
}

/// What a layer found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which layer.
    pub layer: LayerName,
    /// Which of its rules, in kebab case.
    pub rule: Cow<'static, str>,
    /// The mode it was in: `report` means that nothing was refused or changed.
    pub mode: Mode,
    /// What was done, or would have been.
    pub action: Action,
    /// Why, in a sentence for the operator.
    pub why: Cow<'static, str>,
    /// Which part of the message: `header sec-fetch-site`, `path`, `query page`.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty", default)]
    pub part: String,
    /// The value found there, shortened, and masked where it may be a secret.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub value: String,
    /// How the value was read before it was judged: `percent-decoded`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub transformations: Vec<Cow<'static, str>>,
    /// The narrowest lines of policy that would allow it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub allow: String,
}

impl Finding {
    /// Whether it kept the request from the app: refused it, or answered it itself.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.mode == Mode::Enforce && matches!(self.action, Action::Refuse | Action::Answer)
    }
}

/// What a layer did, or would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Refused the request.
    Refuse,
    /// Answered it itself.
    Answer,
    /// Changed or removed something.
    Change,
    /// Replaced the app's answer.
    Replace,
    /// Only noticed.
    Note,
}

/// One exchange, as written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its reference id.
    pub id: String,
    /// When it began, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// The client's address.
    pub client: String,
    /// The method; empty when the request could not be read.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub method: String,
    /// The host that was asked for.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub host: String,
    /// The path, without query, long opaque segments masked.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub path: String,
    /// The status that was sent.
    pub status: u16,
    /// The status of the app, where it answered and another was sent or the answer was replaced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub app_status: Option<u16>,
    /// How long the exchange took, in milliseconds.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub took_ms: u64,
    /// What the layers found.
    pub findings: Vec<Finding>,
    /// The app's own answer where it was replaced, shortened, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub original: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// At most this much of a value is written down, in bytes.
const VALUE_BYTES_MAX: usize = 120;

/// A value as it may be written down: shortened, control characters escaped.
#[must_use]
pub fn shown(value: &[u8]) -> String {
    let cut = value.get(..VALUE_BYTES_MAX).unwrap_or(value);
    let mut text: String = String::from_utf8_lossy(cut).chars().flat_map(escaped).collect();
    if cut.len() < value.len() {
        text.push('…');
    }
    text
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    let control = c.is_control();
    let escape = control.then(|| c.escape_default());
    escape.into_iter().flatten().chain((!control).then_some(c))
}

/// A value under a name: masked when the name says it is a secret (CWE-532).
#[must_use]
pub fn shown_under(name: &str, value: &[u8]) -> String {
    if is_secret_name(name) { format!("({} bytes, masked)", value.len()) } else { shown(value) }
}

/// At most this much of a path is written down, in bytes: long ones would push older records out of the log (CWE-779).
const PATH_BYTES_MAX: usize = 512;

/// A path as it may be written down: long opaque segments (reset links, share links) are masked, a long path is shortened.
#[must_use]
pub fn shown_path(path: &str) -> String {
    let mut text = path.split('/').map(|segment| if is_opaque(segment) { "***" } else { segment }).collect::<Vec<_>>().join("/");
    if text.len() > PATH_BYTES_MAX {
        text.truncate(text.floor_char_boundary(PATH_BYTES_MAX));
        text.push('…');
    }
    text
}

/// Whether a text looks like a token: long, of letters and digits, without a word's gaps.
#[must_use]
pub fn is_opaque(segment: &str) -> bool {
    let long = segment.len() >= 20 && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=.".contains(&b));
    long && segment.bytes().any(|b| b.is_ascii_digit()) && segment.bytes().any(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_thirteen_letters() {
        assert_eq!(ReferenceId::new(u64::MAX).to_string(), "fzzzzzzzzzzzz");
        assert_eq!(ReferenceId::new(0).to_string().len(), 13);
    }

    #[test]
    fn long_paths_are_shortened() {
        let long = format!("/{}", "\u{e9}/".repeat(4000));
        assert!(shown_path(&long).len() < 520 && shown_path(&long).ends_with('…'));
        assert_eq!(shown_path(&long[..511]), &long[..511]);
    }

    #[test]
    fn secrets_and_controls_do_not_pass() {
        assert_eq!(shown_under("password", b"hunter2"), "(7 bytes, masked)");
        assert_eq!(shown(b"a\r\nb"), "a\\r\\nb");
        assert_eq!(shown_path("/reset/a8Fh29dkQzLw02mXpR7t"), "/reset/***");
        assert_eq!(shown_path("/articles/how-to-write-a-good-comment"), "/articles/how-to-write-a-good-comment");
    }
}
