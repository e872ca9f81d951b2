//! The request target, as near to what was sent as the server lets us know.

/// The target of a request: what the server kept of it as sent, if the app would read the same from it, or else rebuilt.
///
/// An outer middleware may have rewritten `PATH_INFO`; then the raw target is history and must not be decided on.
pub(crate) fn target_of(raw: Option<&[u8]>, path: &[u8], query: &[u8]) -> Vec<u8> {
    match raw {
        Some(raw) if raw.starts_with(b"/") && reads_as(raw, path, query) => raw.to_vec(),
        Some(b"*") if path.is_empty() || path == b"*" => b"*".to_vec(),
        _ => rebuild(path, query),
    }
}

/// Whether a server that was sent `raw` tells its app this path and query.
fn reads_as(raw: &[u8], path: &[u8], query: &[u8]) -> bool {
    let end = raw.iter().position(|b| *b == b'?').unwrap_or(raw.len());
    let (raw_path, raw_query) = raw.split_at_checked(end).unwrap_or((raw, b""));
    raw_query.strip_prefix(b"?").unwrap_or_default() == query && decoded(raw_path) == path
}

/// Undoes percent-encoding once; what is no valid triplet stays.
pub(crate) fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) if let (Some(high), Some(low)) = (digit(*high), digit(*low)) => {
                bytes.push(high << 4 | low);
                rest = after;
            }
            _ => bytes.push(*byte),
        }
    }
    bytes
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A target that decodes to exactly this path: whatever a path may not hold as itself (RFC 3986 section 3.3) is encoded.
fn rebuild(path: &[u8], query: &[u8]) -> Vec<u8> {
    let mut target = Vec::with_capacity(path.len() + query.len() + 8);
    if path.is_empty() {
        target.push(b'/');
    }
    for &byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => target.push(byte),
            _ if b"/-._~!$&'()*+,;=:@".contains(&byte) => target.push(byte),
            _ => target.extend(format!("%{byte:02X}").bytes()),
        }
    }
    if !query.is_empty() {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    target
}
