//! `@detectSQLi`, `@detectXSS`: libinjection's judgement.

use super::{Captures, sqli};

/// Whether the value reads as injected SQL; captured is the fingerprint.
pub(super) fn is_sqli(value: &[u8], captures: Option<&mut Captures>) -> bool {
    let found = sqli::judge(value);
    if let (Some(captures), Some(fingerprint)) = (captures, &found) {
        captures.replace(std::iter::once(Some(fingerprint.letters())));
    }
    found.is_some()
}

/// Whether the value reads as injected HTML or script; captured is the value.
pub(super) fn is_xss(value: &[u8], captures: Option<&mut Captures>) -> bool {
    // All that it looks for begins with a tag or is the value of an attribute.
    let found = memchr::memchr2(b'<', b'=', value).is_some() && libinjectionrs::detect_xss(value).is_injection();
    if let Some(captures) = captures
        && found
    {
        captures.replace(std::iter::once(Some(value)));
    }
    found
}
