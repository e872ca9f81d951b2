//! One line of the audit log, and how it is chained to the one before.
//!
//! A line is a JSON object `{"seq":…,"time":…,"event":{…},"prev":"…","hash":"…"}`. `hash` is HMAC-SHA-256 over the
//! bytes of the line before `,"hash"`, under a key that lies beside the log; `prev` is the `hash` of the line before. So
//! whoever can write the log but not read the key can neither change, remove, insert nor reorder a line unseen
//! (ASVS 5.0 16.4.2). The code is over the bytes as written: nothing has to be brought into a canonical form.

use super::event::Event;
use crate::state_dir::{StateDir, StateError};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

const KEY_FILE: &str = "audit.key";
const KEY_BYTES: usize = 32;
/// A line is never longer, in bytes: what a reader must be ready to hold.
pub(crate) const LINE_BYTES_MAX: usize = 256 * 1024;
/// `,"hash":"` + 43 characters + `"}`.
const SEAL_BYTES: usize = 9 + 43 + 2;

/// The result of HMAC-SHA-256.
pub(crate) type Hash = [u8; 32];

/// Where the chain stands after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The number of that line; 0 before the first.
    pub(crate) seq: u64,
    /// Its hash; zeros before the first.
    pub(crate) hash: Hash,
}

impl Link {
    /// Before the first line.
    pub(crate) const START: Self = Self { seq: 0, hash: [0; 32] };
}

/// A line as read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the chain, from 1.
    pub seq: u64,
    /// When it was written, RFC 3339 in UTC.
    pub time: String,
    /// What happened.
    pub event: Event,
    /// The hash of the line before, base64url.
    pub prev: String,
    /// The hash of this line, base64url.
    pub hash: String,
}

/// A line whose own hash is right.
pub(crate) struct Sealed {
    pub(crate) link: Link,
    pub(crate) prev: Hash,
    pub(crate) entry: Entry,
}

/// The key of the chain: made once, 0600 in the state directory.
#[derive(Clone, Debug)]
pub(crate) struct ChainKey(hmac::Key);

impl ChainKey {
    pub(crate) fn load(dir: &StateDir) -> Result<Self, StateError> {
        let bytes = dir.read_or_make(KEY_FILE, KEY_BYTES as u64, || {
            let mut key = [0; KEY_BYTES];
            rand::fill(&mut key).map_err(|_| std::io::Error::other("the system gave no random bytes"))?;
            Ok(key.to_vec())
        })?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// Appends the line for an event, as JSON, that follows `last`; returns where the chain stands then.
    pub(crate) fn seal(&self, last: Link, time: &str, event: &str, lines: &mut String) -> Link {
        let seq = last.seq.saturating_add(1);
        let body = format!(r#"{{"seq":{seq},"time":"{time}","event":{event},"prev":"{}""#, encode(&last.hash));
        let mut hash = [0; 32];
        // The tag of HMAC-SHA-256 has exactly this length.
        hash.iter_mut().zip(hmac::sign(&self.0, body.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
        lines.push_str(&body);
        lines.push_str(&format!(r#","hash":"{}"}}"#, encode(&hash)));
        lines.push('\n');
        Link { seq, hash }
    }

    /// Reads a line without its line feed; `None` when its hash is wrong or it is no line at all.
    pub(crate) fn open(&self, line: &[u8]) -> Option<Sealed> {
        let (body, _) = line.split_at_checked(line.len().checked_sub(SEAL_BYTES)?)?;
        let entry: Entry = serde_json::from_slice(line).ok()?;
        let (hash, prev) = (decode(&entry.hash)?, decode(&entry.prev)?);
        hmac::verify(&self.0, body, &hash).ok()?;
        Some(Sealed { link: Link { seq: entry.seq, hash }, prev, entry })
    }
}

pub(crate) fn encode(hash: &Hash) -> String {
    BASE64.encode(hash)
}

pub(crate) fn decode(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> ChainKey {
        ChainKey(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]))
    }

    fn line(last: Link) -> (Link, String) {
        let mut lines = String::new();
        let event = serde_json::to_string(&Event::notice("started", "127.0.0.1:8443")).unwrap();
        let link = key().seal(last, "2026-01-02T03:04:05.678Z", &event, &mut lines);
        (link, lines)
    }

    #[test]
    fn a_line_opens_to_what_was_sealed_and_names_the_one_before() {
        let (first, _) = line(Link::START);
        let (second, text) = line(first);
        let sealed = key().open(text.trim_end().as_bytes()).unwrap();
        assert_eq!((sealed.link, sealed.prev, second.seq), (second, first.hash, 2));
        assert_eq!(sealed.entry.event, Event::notice("started", "127.0.0.1:8443"));
        assert!(ChainKey(hmac::Key::new(hmac::HMAC_SHA256, &[8; 32])).open(text.trim_end().as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn no_changed_byte_passes(at in 0_usize..400, to in any::<u8>()) {
            let (_, text) = line(Link::START);
            let mut bytes = text.trim_end().as_bytes().to_vec();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            prop_assert!(key().open(&bytes).is_none());
        }

        #[test]
        fn hostile_bytes_are_no_line(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(key().open(&bytes).is_none());
        }
    }
}
