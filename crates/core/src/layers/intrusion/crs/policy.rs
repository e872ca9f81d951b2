//! `[intrusion.crs]`

use super::exclude::{EXCLUDES_MAX, Exclude};
use crate::policy::{Key, Kind, MODE, Mode, Reader, Section, Size};
use gambeson_seclang::RuleSet;
use std::{ops::Range, path::PathBuf, sync::Arc};

/// `[intrusion.crs]`
pub(in crate::layers::intrusion) const SECTION: Section = Section {
    name: "crs",
    about: "The OWASP Core Rule Set, or another folder of SecLang rules, unmodified, beside our own detectors.",
    why: "Some must run it by contract, and some have rules of their own; off until a folder is named, and then it costs what it costs.",
    keys: &[
        Key {
            name: "path",
            kind: Kind::Text("folder"),
            default: "",
            about: "The folder: `rules/` in it holds the rules, `crs-setup.conf` (or its `.example`) their settings; it counts from the policy's own.",
            why: "Unset: no rules are loaded. `gambeson rules add` installs a release and says its folder.",
        },
        MODE,
        Key {
            name: "paranoia",
            kind: Kind::Integer(1, 4),
            default: "",
            about: "Which rules may refuse: the paranoia level, 1 with the fewest false alarms to 4 with the most.",
            why: "Unset: as the rule set's setup file says, which is 1 in a release.",
        },
        Key {
            name: "inbound_threshold",
            kind: Kind::Integer(1, 10_000),
            default: "",
            about: "The anomaly score from which a request is refused.",
            why: "Unset: as the setup file says, which is 5 in a release: one critical rule.",
        },
        Key {
            name: "outbound_threshold",
            kind: Kind::Integer(1, 10_000),
            default: "",
            about: "The anomaly score from which an answer is replaced.",
            why: "Unset: as the setup file says, which is 4 in a release: one rule of grade error.",
        },
        Key {
            name: "body",
            kind: Kind::Size,
            default: "\"128KiB\"",
            about: "How much of a request's body is held and judged; of a longer one the beginning is, and the log says so.",
            why: "What ModSecurity's own configuration recommends for bodies without files.",
        },
        Key {
            name: "answer",
            kind: Kind::Size,
            default: "\"512KiB\"",
            about: "How much of an answer of text, HTML, XML or JSON is held and judged; `0` judges heads only. Event streams are never held.",
            why: "ModSecurity's own default.",
        },
        Key {
            name: "exclude",
            kind: Kind::List(&Kind::Text("rule")),
            default: "[]",
            about: "Rules that do not hold: `942100`, `942000-942999`, a tag `attack-sqli`; of one value alone `942100 ARGS:q`; on one path `942100 ARGS:q /search` (`*` at its end takes all that begin so).",
            why: "None; the log proposes the narrowest line for each refusal.",
        },
    ],
};

/// The section as compiled. The rules come later, from files that a host reads.
#[derive(Debug, Default)]
pub struct Crs {
    pub(super) folder: Option<Folder>,
    pub(super) mode: Mode,
    /// What the policy sets, by the rule set's own names.
    pub(super) settings: Vec<(&'static str, u64)>,
    pub(super) body_bytes: usize,
    pub(super) answer_bytes: usize,
    pub(super) exclude: Vec<Exclude>,
    pub(super) rules: Option<Arc<RuleSet>>,
}

/// The folder that is named, and where in the policy.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) span: Option<Range<usize>>,
    /// Where the exceptions stand.
    pub(super) exclude: Option<Range<usize>>,
}

/// Bodies that an exchange may hold, at most.
const HOLD_BYTES_MAX: usize = 8 << 20;

impl Crs {
    pub(in crate::layers::intrusion) fn compile(reader: &mut Reader<'_>) -> Self {
        let path: Option<String> = reader.optional("path");
        let (span, excluded) = (reader.span("path"), reader.span("exclude"));
        let exclude: Vec<Exclude> = reader.get("exclude");
        if exclude.len() > EXCLUDES_MAX {
            reader.error(
                "exclude",
                format!("these are more than {EXCLUDES_MAX} exceptions"),
                "switch the rules off by their tag",
            );
        }
        Self {
            folder: path.map(|path| Folder { path: path.into(), span, exclude: excluded }),
            mode: reader.get("mode"),
            settings: settings(reader),
            body_bytes: bytes(reader, "body"),
            answer_bytes: bytes(reader, "answer"),
            exclude,
            rules: None,
        }
    }

    /// The rules, once they are loaded.
    #[must_use]
    pub const fn rules(&self) -> Option<&Arc<RuleSet>> {
        self.rules.as_ref()
    }
}

/// The rule set's own names of what a policy may set: of release 3 and of release 4.
fn settings(reader: &mut Reader<'_>) -> Vec<(&'static str, u64)> {
    let names: [(&str, &[&'static str]); 3] = [
        ("paranoia", &["paranoia_level", "blocking_paranoia_level"]),
        ("inbound_threshold", &["inbound_anomaly_score_threshold"]),
        ("outbound_threshold", &["outbound_anomaly_score_threshold"]),
    ];
    let mut settings = Vec::new();
    for (key, names) in names {
        if let Some(value) = reader.optional::<u64>(key) {
            settings.extend(names.iter().map(|name| (*name, value)));
        }
    }
    settings
}

fn bytes(reader: &mut Reader<'_>, key: &str) -> usize {
    let bytes = reader.optional(key).map_or(0, Size::bytes);
    if bytes > HOLD_BYTES_MAX {
        reader.error(key, "this is more than 8MiB", "write at most \"8MiB\": every exchange may hold that much");
    }
    bytes
}
