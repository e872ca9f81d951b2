//! `[record]`

use super::{FromText, Key, Kind, Reader, Section, Size, Wrong};

/// `[record]`
pub(super) const RECORD: Section = Section {
    name: "record",
    about: "Requests as they came, written down so that `gambeson replay` can judge them by another policy.",
    why: "A rule that was never tried on real traffic is switched off at its first false alarm; what is kept for that must not become a \
          second place to steal secrets from (CWE-532, ASVS 5.0 16.2.5).",
    keys: &[
        Key {
            name: "requests",
            kind: Kind::Choice(&["off", "refused", "all"]),
            default: "\"off\"",
            about: "Which requests: none, those that a layer refused or in `report` would have refused, or all.",
            why: "What visitors ask for is theirs: to keep it is a decision (GDPR article 5).",
        },
        Key {
            name: "bodies",
            kind: Kind::Bool,
            default: "false",
            about: "Whether bodies are kept too: forms, multipart forms without their files, and JSON; of other types none is.",
            why: "Bodies hold what people write; only in these types can secrets be told by their names, and masked.",
        },
        Key {
            name: "body",
            kind: Kind::Size,
            default: "\"16KiB\"",
            about: "How much of one body is kept.",
            why: "Nearly every form fits.",
        },
        Key {
            name: "client",
            kind: Kind::Choice(&["network", "address"]),
            default: "\"network\"",
            about: "Whether the client's address is written, or only its network: IPv4 /24, IPv6 /48.",
            why: "A network suffices but for limits per address, which then count the whole of it.",
        },
        Key {
            name: "file",
            kind: Kind::Size,
            default: "\"16MiB\"",
            about: "When a file has grown to this size the next is begun.",
            why: "Small enough to copy and to remove.",
        },
        Key {
            name: "total",
            kind: Kind::Size,
            default: "\"256MiB\"",
            about: "How much all files take; the oldest go first.",
            why: "A flood cannot fill the disk (CWE-770).",
        },
    ],
};

/// What is recorded for `gambeson replay`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recording {
    /// Which requests.
    pub requests: Recorded,
    /// Whether bodies are kept.
    pub bodies: bool,
    /// How much of one body, in bytes.
    pub body_bytes_max: usize,
    /// Whether the client's address is written, and not only its network.
    pub by_address: bool,
    /// When a file has grown to this many bytes the next is begun.
    pub file_bytes_max: u64,
    /// How many bytes all files take.
    pub total_bytes_max: u64,
}

/// Which requests are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recorded {
    /// None.
    #[default]
    Off,
    /// Those that were refused, or would have been.
    Refused,
    /// All.
    All,
}

impl FromText for Recorded {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(match text {
            "refused" => Self::Refused,
            "all" => Self::All,
            _ => Self::Off,
        })
    }
}
crate::value_from_text!(Recorded);

/// Of one body no more than this is kept, whatever the policy says: each request in flight may hold that much.
const BODY_BYTES_MAX: usize = 1 << 20;

impl Recording {
    pub(super) fn compile(reader: &mut Reader<'_>) -> Self {
        let size = |reader: &mut Reader<'_>, key| reader.optional::<Size>(key).map_or(0, |size| size.0);
        let recording = Self {
            requests: reader.get("requests"),
            bodies: reader.get("bodies"),
            body_bytes_max: reader.optional("body").map_or(0, Size::bytes),
            by_address: reader.get::<String>("client") == "address",
            file_bytes_max: size(reader, "file"),
            total_bytes_max: size(reader, "total"),
        };
        if recording.body_bytes_max > BODY_BYTES_MAX {
            reader.error("body", "this is more than 1MiB", "write at most \"1MiB\": every exchange may hold that much");
        }
        if recording.file_bytes_max < 64 << 10 {
            reader.error("file", "a file would be full after a few requests", "write \"64KiB\" or more");
        }
        if recording.total_bytes_max < recording.file_bytes_max.saturating_mul(2) {
            reader.error("total", "this is less than two files", "write at least twice the size of `file`");
        }
        if recording.bodies && recording.requests == Recorded::Off {
            reader.warning("bodies", "nothing is recorded, so no body is", "add `requests = \"refused\"` or `\"all\"`");
        }
        recording
    }
}

#[cfg(test)]
mod tests {
    use super::Recorded;
    use crate::policy::Policy;

    #[test]
    fn nothing_is_recorded_unless_it_is_said() {
        let record = Policy::parse("").unwrap().record;
        assert!(record.requests == Recorded::Off && !record.bodies && !record.by_address);
        let record = Policy::parse("[record]\nrequests = \"all\"\nbodies = true\nclient = \"address\"").unwrap().record;
        assert!(record.requests == Recorded::All && record.bodies && record.by_address);
    }

    #[test]
    fn sizes_that_cannot_hold_are_refused() {
        for wrong in ["body = \"2MiB\"", "file = \"1KiB\"", "total = \"20MiB\""] {
            assert!(Policy::parse(&format!("[record]\n{wrong}")).is_err(), "{wrong}");
        }
    }
}
