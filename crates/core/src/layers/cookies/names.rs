//! The app's own names for cookies that travel as `__Host-…`.

use http::{HeaderMap, HeaderValue, header};

/// Browsers take a cookie of such a name only over HTTPS, from the host itself, for all of its paths (RFC 6265bis, 4.1.3.2).
pub(super) const PREFIX: &[u8] = b"__Host-";

/// The Cookie field as the app may see it; `None`: as it is.
///
/// A cookie under the bare name is dropped: only a sister host, or somebody on a plain connection, could have planted
/// it (CWE-384). One with the prefix is given under both names, for an app that chose the prefixed name itself.
pub(super) fn for_the_app(headers: &HeaderMap, prefixed: &[String]) -> Option<HeaderValue> {
    if prefixed.is_empty() || !headers.contains_key(header::COOKIE) {
        return None;
    }
    let pairs =
        || headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|&b| b == b';')).map(<[u8]>::trim_ascii);
    let known = |name: &[u8]| prefixed.iter().any(|known| known.as_bytes() == name);
    let concerned = |pair: &[u8]| known(name(pair)) || name(pair).strip_prefix(PREFIX).is_some_and(known);
    if !pairs().any(concerned) {
        return None;
    }
    let mut line = Vec::new();
    for pair in pairs().filter(|pair| !known(name(pair))) {
        add(&mut line, pair);
        if concerned(pair) {
            add(&mut line, pair.strip_prefix(PREFIX).unwrap_or_default());
        }
    }
    HeaderValue::from_bytes(&line).ok()
}

fn name(pair: &[u8]) -> &[u8] {
    pair.split(|&b| b == b'=').next().unwrap_or_default().trim_ascii()
}

fn add(line: &mut Vec<u8>, pair: &[u8]) {
    if !pair.is_empty() {
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        line.extend_from_slice(pair);
    }
}
