//! `[disclosure]`

use super::RULES;
use crate::policy::{App, Key, Kind, MODE, Reader, Section, Size};

/// `[disclosure]`
pub const SECTION: Section = Section {
    name: "disclosure",
    about: "What errors may tell: tracebacks, debug pages, SQL errors and secrets are replaced by a clean page.",
    why: "A traceback is a map for an attacker: paths, versions, queries, secrets (CWE-209, CWE-489, CWE-497; ASVS 16.5.1).",
    keys: &[
        MODE,
        Key {
            name: "hold",
            kind: Kind::Size,
            default: "\"64KiB\"",
            about: "How much of an error's body is seen before it leaves; a larger body is judged by that first part.",
            why: "Frameworks' debug pages name themselves in their first kilobytes; memory per exchange stays bounded.",
        },
        Key {
            name: "scan",
            kind: Kind::Choice(&["errors", "pages"]),
            default: "\"errors\"",
            about: "Which answers are looked at: those with an error status (`errors`), or every HTML page no larger than `hold`, \
                    for debugger pages alone (`pages`).",
            why: "Errors have an error status; pages that succeed stream on untouched. An answer by a development server \
                  is looked at anyway.",
        },
        Key {
            name: "allow",
            kind: Kind::List(&Kind::Text("rule")),
            default: "[]",
            about: "Rules that are not applied, such as `source-path`; `gambeson explain disclosure` lists them.",
            why: "None: whoever debugs reads the log, which has the original.",
        },
        Key {
            name: "original",
            kind: Kind::Size,
            default: "\"4KiB\"",
            about: "How much of a replaced answer goes to the log, secrets masked, from the last traceback in it on.",
            why: "Enough for a traceback; `0` keeps nothing.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Disclosure {
    pub(super) hold_bytes: usize,
    pub(super) every_page: bool,
    pub(super) allow: Vec<String>,
    pub(super) original_bytes: usize,
}

impl Disclosure {
    pub(crate) fn compile(reader: &mut Reader<'_>, _: &App) -> Self {
        let allow: Vec<String> = reader.get("allow");
        for name in &allow {
            if !RULES.iter().any(|rule| rule.name == name) {
                let known = RULES.iter().map(|rule| rule.name).collect::<Vec<_>>().join("`, `");
                reader.error("allow", format!("`{name}` is not a rule of this layer"), format!("its rules are `{known}`"));
            }
        }
        let bytes = |size: Option<Size>| size.map_or(0, Size::bytes);
        let hold_bytes = bytes(reader.optional("hold"));
        if hold_bytes > HOLD_BYTES_MAX {
            reader.error("hold", "this is more than 4MiB", "write at most \"4MiB\": every exchange may hold that much");
        }
        Self {
            hold_bytes,
            every_page: reader.get::<String>("scan") == "pages",
            allow,
            original_bytes: bytes(reader.optional("original")).min(HOLD_BYTES_MAX),
        }
    }
}

const HOLD_BYTES_MAX: usize = 4 << 20;
