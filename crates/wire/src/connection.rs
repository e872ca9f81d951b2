//! What the Connection field says, and which fields belong to one hop only.

use crate::Fault;
use crate::names::known;
use http::{HeaderMap, HeaderName};

/// The fields that a parser treats by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    Expect,
    Upgrade,
    /// Any other field that concerns one connection only (RFC 9110 7.6.1).
    HopByHop,
    /// A field for the recipient.
    EndToEnd,
}

impl Special {
    /// Sorts a field by its name, which the table of common names knows if it is special.
    pub(crate) fn of(name: &[u8]) -> Self {
        known(name).map_or(Self::EndToEnd, |known| known.special)
    }

    /// The same for a name in lower case; the length decides first, so that most names cost no comparison.
    pub(crate) fn of_lower(name: &str) -> Self {
        match (name.len(), name) {
            (2, "te") | (7, "trailer") | (10, "keep-alive") | (16, "proxy-connection") => Self::HopByHop,
            (4, "host") => Self::Host,
            (6, "expect") => Self::Expect,
            (7, "upgrade") => Self::Upgrade,
            (10, "connection") => Self::Connection,
            (14, "content-length") => Self::ContentLength,
            (17, "transfer-encoding") => Self::TransferEncoding,
            _ => Self::EndToEnd,
        }
    }
}

/// What all Connection fields of one head said together.
#[derive(Debug, Default)]
pub(crate) struct ConnectionOptions {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// Other fields that were named: they end here (RFC 9110 7.6.1).
    named: Vec<HeaderName>,
}

impl ConnectionOptions {
    /// Takes one Connection field.
    pub(crate) fn add(&mut self, value: &[u8]) -> Result<(), Fault> {
        for option in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            match option {
                b"" => {}
                _ if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                _ if option.eq_ignore_ascii_case(b"close") => self.close = true,
                _ if option.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
                _ => self.add_named(option)?,
            }
        }
        Ok(())
    }

    /// Whether the connection stays open after this message (RFC 9112 9.3).
    pub(crate) fn persists(&self, is_http10: bool) -> bool {
        !self.close && (!is_http10 || self.keep_alive)
    }

    /// Takes away the fields that were named. A name can be said many times but is removed once.
    pub(crate) fn remove_named(&self, headers: &mut HeaderMap) {
        for name in &self.named {
            headers.remove(name);
        }
    }

    fn add_named(&mut self, option: &[u8]) -> Result<(), Fault> {
        match Special::of(option) {
            Special::HopByHop => Ok(()),
            // A proxy before us that passes this on would have its own word of the client's address taken away (CVE-2022-31813).
            Special::EndToEnd if is_forwarded(option) => Err(Fault::BadConnection),
            Special::EndToEnd => {
                self.named.push(HeaderName::from_bytes(option).map_err(|_| Fault::BadConnection)?);
                Ok(())
            }
            // Removing these after they were obeyed, or obeying them after they were removed: two readings of one message.
            _ => Err(Fault::BadConnection),
        }
    }
}

/// Whether a field is what a proxy says of its client.
fn is_forwarded(name: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"x-forwarded-";
    name.get(..BEGINNING.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEGINNING))
        || name.eq_ignore_ascii_case(b"forwarded")
}

#[cfg(test)]
mod tests {
    use super::Special;

    #[test]
    fn both_ways_to_sort_agree() {
        let special = [
            "te",
            "trailer",
            "keep-alive",
            "proxy-connection",
            "host",
            "expect",
            "upgrade",
            "connection",
            "content-length",
            "transfer-encoding",
        ];
        for name in special {
            assert_eq!(Special::of_lower(name), Special::of(name.as_bytes()), "{name}");
            assert_ne!(Special::of(name.as_bytes()), Special::EndToEnd, "{name}");
        }
        for name in ["cookie", "x-te", "hosts", "", "upgrade-insecure-requests"] {
            assert_eq!((Special::of_lower(name), Special::of(name.as_bytes())), (Special::EndToEnd, Special::EndToEnd), "{name}");
        }
    }
}
