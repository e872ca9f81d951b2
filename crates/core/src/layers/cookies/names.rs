//! The app's own names for cookies that travel as `__Host-…`.

use http::{HeaderMap, HeaderValue, header};

/// Browsers take a cookie of such a name only over HTTPS, from the host itself, for all of its paths (RFC 6265bis, 4.1.3.2).
pub(super) const PREFIX: &[u8] = b"__Host-";

/// The Cookie field as the app may see it; `None`: as it is.
///
/// A cookie under the bare name is dropped: only a sister host, or somebody on a plain connection, could have planted
/// it (CWE-384). So is one that browsers and we read under another name, but some app under this one. One with the prefix
/// is given under both names, for an app that chose the prefixed name itself.
pub(super) fn for_the_app(headers: &HeaderMap, prefixed: &[String]) -> Option<HeaderValue> {
    if prefixed.is_empty() || !headers.contains_key(header::COOKIE) {
        return None;
    }
    let pairs =
        || headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|&b| b == b';')).map(<[u8]>::trim_ascii);
    let known = |name: &[u8]| prefixed.iter().any(|known| known.as_bytes() == name);
    let concerned = |pair: &[u8]| known(name(pair)) || name(pair).strip_prefix(PREFIX).is_some_and(known);
    let planted = |pair: &[u8]| poses(pair) || known(name(pair)) || prefixed.iter().any(|known| hides(pair, known.as_bytes()));
    if !pairs().any(|pair| concerned(pair) || planted(pair)) {
        return None;
    }
    let line = |both: bool| {
        let mut line = Vec::new();
        for pair in pairs().filter(|pair| !planted(pair)) {
            let own = concerned(pair).then(|| pair.strip_prefix(PREFIX)).flatten();
            if both || own.is_none() {
                add(&mut line, pair);
            }
            add(&mut line, own.unwrap_or_default());
        }
        line
    };
    let both = line(true);
    let line = if both.len() > LINE_BYTES_MAX { line(false) } else { both };
    HeaderValue::from_bytes(&line).ok()
}

/// A session of 4 KiB, which browsers take, must not become a line that gunicorn refuses (8190 bytes) because it is given twice.
const LINE_BYTES_MAX: usize = 8000;

fn name(pair: &[u8]) -> &[u8] {
    pair.split(|&b| b == b'=').next().unwrap_or_default().trim_ascii()
}

/// Whether some parser of cookies finds that name, with the prefix or without, elsewhere than at the pair's beginning: Python's
/// `str.strip` takes U+00A0 and its like for white space (Django, Starlette), and `http.cookies` begins a new cookie after
/// a space.
fn hides(pair: &[u8], known: &[u8]) -> bool {
    let mut rest = pair;
    while let Some(at) = memchr::memmem::find(rest, known) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, b""));
        let before = before.strip_suffix(PREFIX).unwrap_or(before);
        let after = after.get(known.len()..).unwrap_or_default();
        let begun = before.last().copied().is_some_and(divides) || (before.is_empty() && rest.len() == pair.len());
        let ends = after.iter().copied().find(|&byte| !divides(byte)) == Some(b'=');
        let plain = before.is_empty() && after.first() == Some(&b'=');
        if begun && ends && !plain {
            return true;
        }
        rest = after;
    }
    false
}

/// Whether a name has a prefix that browsers do not see for what stands before it, but apps which strip that do.
fn poses(pair: &[u8]) -> bool {
    let (name, prefixes) = (name(pair), [PREFIX, b"__Secure-"]);
    let start = name.iter().position(|&byte| !divides(byte)).unwrap_or_default();
    let bare = name.get(start..).unwrap_or_default();
    start > 0 && prefixes.iter().any(|prefix| bare.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)))
}

/// What no name has in it that browsers, apps and we all read alike: white space in any alphabet, quotes, a comma.
fn divides(byte: u8) -> bool {
    !byte.is_ascii_graphic() || matches!(byte, b'"' | b'\\' | b',')
}

fn add(line: &mut Vec<u8>, pair: &[u8]) {
    if !pair.is_empty() {
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        line.extend_from_slice(pair);
    }
}
