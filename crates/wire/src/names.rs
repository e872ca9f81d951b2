//! The field names that nearly every message has, found without allocating or hashing the whole name.

use crate::connection::Special;
use http::HeaderName;

/// Slots of the index: a power of two, more than twice the number of names, so that most are found at once.
const SLOTS: usize = 256;

/// A common name as it is usually spelt, and what it means to this hop.
pub(crate) struct Known {
    /// `user-agent`: what HTTP/2 clients, scripts and we ourselves write.
    lower: &'static [u8],
    /// `User-Agent`: what browsers and servers write in HTTP/1.
    title: &'static [u8],
    /// Ready to clone.
    pub(crate) name: HeaderName,
    pub(crate) special: Special,
}

/// Declares the names once; each becomes an entry of the table.
macro_rules! known {
    ($($special:ident: $($name:literal)+;)+) => {
        const TEXT: &[&str] = &[$($($name,)+)+];
        static KNOWN: [Known; TEXT.len()] = [$($({
            const TITLE: [u8; $name.len()] = title($name);
            Known {
                lower: $name.as_bytes(),
                title: &TITLE,
                name: HeaderName::from_static($name),
                special: Special::$special,
            }
        },)+)+];
    };
}

known! {
    Host: "host";
    ContentLength: "content-length";
    TransferEncoding: "transfer-encoding";
    Connection: "connection";
    Expect: "expect";
    Upgrade: "upgrade";
    HopByHop: "keep-alive" "proxy-connection" "te" "trailer";
    EndToEnd:
    "accept" "accept-encoding" "accept-language" "accept-ranges" "access-control-allow-origin" "access-control-request-headers"
    "access-control-request-method" "age" "allow" "authorization" "cache-control" "content-disposition" "content-encoding"
    "content-language" "content-security-policy" "content-type" "cookie" "cross-origin-opener-policy" "date" "dnt" "etag" "expires"
    "forwarded" "if-match" "if-modified-since" "if-none-match" "if-range" "if-unmodified-since" "last-modified" "link" "location"
    "origin" "permissions-policy" "pragma" "priority" "range" "referer" "referrer-policy" "retry-after" "sec-ch-ua"
    "sec-ch-ua-mobile" "sec-ch-ua-platform" "sec-fetch-dest" "sec-fetch-mode" "sec-fetch-site" "sec-fetch-user" "sec-gpc"
    "sec-websocket-extensions" "sec-websocket-key" "sec-websocket-version" "server" "set-cookie" "strict-transport-security"
    "traceparent" "upgrade-insecure-requests" "user-agent" "vary" "via" "www-authenticate" "x-content-type-options" "x-csrf-token"
    "x-csrftoken" "x-forwarded-for" "x-forwarded-host" "x-forwarded-proto" "x-frame-options" "x-powered-by" "x-real-ip"
    "x-request-id" "x-requested-with" "x-xsrf-token";
}

/// For each slot the position of a name plus one; zero marks an empty slot.
static INDEX: [u8; SLOTS] = index();

/// The entry for `name`, whatever its case, if it is one of the common names. Every name this hop treats in its own way is.
pub(crate) fn known(name: &[u8]) -> Option<&'static Known> {
    let mut slot = slot(name);
    // Ends: fewer than half of the slots are taken.
    while let Some(position) = INDEX.get(slot).and_then(|entry| usize::from(*entry).checked_sub(1)) {
        let known = KNOWN.get(position)?;
        // Whole-slice comparisons first: they are several times as fast as one that ignores case.
        if name == known.title || name == known.lower || name.eq_ignore_ascii_case(known.lower) {
            return Some(known);
        }
        slot = (slot + 1) % SLOTS;
    }
    None
}

/// `user-agent` as `User-Agent`.
#[expect(clippy::indexing_slicing, reason = "evaluated while compiling: a wrong index is a compile error")]
const fn title<const N: usize>(text: &str) -> [u8; N] {
    let mut title = [0; N];
    let mut i = 0;
    while i < N {
        let byte = text.as_bytes()[i];
        title[i] = if i == 0 || text.as_bytes()[i - 1] == b'-' { byte.to_ascii_uppercase() } else { byte };
        i += 1;
    }
    title
}

/// Length, first, middle and last byte tell these names apart well enough; `| 0x20` makes letters lower case.
const fn slot(name: &[u8]) -> usize {
    let len = name.len();
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    let (_, tail) = name.split_at(len / 2);
    let middle = match tail.first() {
        Some(middle) => *middle | 0x20,
        None => 0,
    };
    (len * 7 + (*first | 0x20) as usize * 31 + (*last | 0x20) as usize * 3 + middle as usize * 11) % SLOTS
}

#[expect(clippy::indexing_slicing, reason = "evaluated while compiling: a wrong index is a compile error")]
const fn index() -> [u8; SLOTS] {
    assert!(TEXT.len() < SLOTS / 2);
    let mut index = [0; SLOTS];
    let mut position = 0;
    while position < TEXT.len() {
        let mut slot = slot(TEXT[position].as_bytes());
        while index[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        position += 1;
        index[slot] = position as u8;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::{TEXT, known};

    #[test]
    fn known_names_are_found_in_any_case_and_others_are_not() {
        for text in TEXT {
            for name in [text.to_string(), text.to_ascii_uppercase()] {
                assert_eq!(known(name.as_bytes()).map(|known| known.name.as_str()), Some(*text));
            }
            let longer = format!("{text}x");
            assert!(known(longer.as_bytes()).is_none());
        }
        assert_eq!(known(b"Sec-Fetch-Mode").map(|known| known.title), Some(b"Sec-Fetch-Mode".as_slice()));
        // 0x0d | 0x20 is a hyphen: what looks alike to the index must not to the comparison.
        for other in ["", "x", "x-a", "user\ragent", "HOST\0", "co\u{4f}kie "] {
            assert!(known(other.as_bytes()).is_none(), "{other:?}");
        }
    }
}
