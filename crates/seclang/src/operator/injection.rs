//! `@detectSQLi`, `@detectXSS`: libinjection's judgement.

use super::Captures;

/// Whether the value reads as injected SQL; captured is the fingerprint.
pub(super) fn is_sqli(value: &[u8], captures: Option<&mut Captures>) -> bool {
    let found = libinjectionrs::detect_sqli(value);
    if let Some(captures) = captures
        && found.is_injection()
    {
        let fingerprint = found.fingerprint.as_ref().map(ToString::to_string).unwrap_or_default();
        captures.replace(std::iter::once(Some(fingerprint.as_bytes())));
    }
    found.is_injection()
}

/// Whether the value reads as injected HTML or script; captured is the value.
pub(super) fn is_xss(value: &[u8], captures: Option<&mut Captures>) -> bool {
    let found = libinjectionrs::detect_xss(value).is_injection();
    if let Some(captures) = captures
        && found
    {
        captures.replace(std::iter::once(Some(value)));
    }
    found
}
