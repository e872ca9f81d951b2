//! `[audit_log]`

use crate::policy::{FromText, Key, Kind, MODE, Reader, Section, Size, Wrong};

/// `[audit_log]`
pub const SECTION: Section = Section {
    name: "audit_log",
    about: "What is written down, in a log whose lines are chained so that none can be changed or taken out unseen.",
    why: "What nobody notices is never mended (CWE-778); ASVS 5.0 16.2, 16.3, 16.4.",
    keys: &[
        MODE,
        Key {
            name: "record",
            kind: Kind::Choice(&["findings", "all"]),
            default: "\"findings\"",
            about: "Exchanges in which a layer refused, changed or noticed something, or all of them.",
            why: "All of them is what an access log is for; it costs disk and tells more about people (GDPR article 5).",
        },
        Key {
            name: "file",
            kind: Kind::Size,
            default: "\"64MiB\"",
            about: "When a file has grown to this size the next is begun.",
            why: "Small enough to open, large enough to search.",
        },
        Key {
            name: "files",
            kind: Kind::Integer(1, 10_000),
            default: "16",
            about: "How many files are kept; the oldest go first.",
            why: "With `file` that is one gibibyte, about two million refusals: a flood cannot fill the disk (CWE-770).",
        },
        Key {
            name: "sync",
            kind: Kind::Choice(&["each", "second", "never"]),
            default: "\"second\"",
            about: "What a power cut may take: nothing that was written, the last second, or what the system had not saved.",
            why: "A second of records is little, and waiting for the disk on every one is slow.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct AuditLog {
    /// Whether exchanges without findings are written down too.
    pub all: bool,
    /// When a file has grown to this many bytes the next is begun.
    pub file_bytes_max: u64,
    /// How many files are kept.
    pub files_max: usize,
    /// What a power cut may take.
    pub sync: Sync,
}

/// What a power cut may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// Nothing that was written.
    Each,
    /// The last second.
    #[default]
    Second,
    /// What the system had not saved.
    Never,
}

impl FromText for Sync {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(match text {
            "each" => Self::Each,
            "never" => Self::Never,
            _ => Self::Second,
        })
    }
}
crate::value_from_text!(Sync);

impl AuditLog {
    pub(crate) fn compile(reader: &mut Reader<'_>) -> Self {
        let file = reader.optional("file").unwrap_or(Size(64 << 20));
        if file < Size(64 << 10) {
            reader.error("file", "a file would be full after a few records", "write \"64KiB\" or more");
        }
        Self {
            all: reader.get::<String>("record") == "all",
            file_bytes_max: file.0,
            files_max: reader.get("files"),
            sync: reader.optional("sync").unwrap_or_default(),
        }
    }
}
