//! `[intrusion]`

use super::crs::{self, Crs};
use crate::policy::{App, Framework, FromText, Key, Kind, MODE, Pattern, Reader, Section, Size, Wrong};
use gambeson_detect::Where;
use gambeson_read::Profile;
use std::sync::Arc;

const EXCEPT: Section = Section {
    name: "except",
    about: "A parameter, of a part of the app, whose values are judged otherwise: it may hold code, or markup.",
    why: "What is an attack in a search field is an article in a CMS: an exception says where, and no more than that.",
    keys: &[
        Key {
            name: "path",
            kind: Kind::Text("path pattern"),
            default: "\"/*\"",
            about: "Which paths, as in a route.",
            why: "All; the log proposes the narrowest.",
        },
        Key {
            name: "parameter",
            kind: Kind::Text("parameter"),
            default: "",
            about: "Which parameter, as the log names it: `form body`, `json article.text`, `query q`; `*` at its end takes all that begin so.",
            why: "All when it is not given.",
        },
        Key {
            name: "rules",
            kind: Kind::List(&Kind::Text("rule")),
            default: "[]",
            about: "Which rules or whole detectors are not applied there: `sql.union`, `html`.",
            why: "None, so that `holds` alone can be said.",
        },
        Key {
            name: "holds",
            kind: Kind::Choice(&["text", "markdown", "markup"]),
            default: "\"text\"",
            about: "What the values are: `markdown` may show code in fences, `markup` is HTML of an author who is trusted with it.",
            why: "Text: nobody but the policy can know that a field is meant to be HTML.",
        },
    ],
};

/// `[intrusion]`
pub const SECTION: Section = Section {
    name: "intrusion",
    about: "Injection and probing: every value of a request is read as the app reads it and judged by parsers of what it would become.",
    why: "Apps put values into SQL, HTML, shell words, paths and templates (CWE-74, CWE-79, CWE-89, CWE-78, CWE-22; ASVS 5.0 1.2, 1.3).",
    keys: &[
        MODE,
        Key {
            name: "threshold",
            kind: Kind::Integer(1, 10),
            default: "5",
            about: "The score of a value from which the request is refused.",
            why: "An attack of the usual kind scores 5 and more; what ordinary texts give too scores less.",
        },
        Key {
            name: "window",
            kind: Kind::Size,
            default: "\"64KiB\"",
            about: "How much of a body is judged before the app gets any of it; the rest is judged as it passes, and cut off where it attacks.",
            why: "Nearly every form and JSON document fits whole; memory per request stays bounded, and uploads stream.",
        },
        Key {
            name: "work",
            kind: Kind::Integer(1, 10_000),
            default: "200",
            about: "How much work a body is worth, in steps per byte.",
            why: "Ordinary bodies take about 20; what takes ten times that is made to take it (CWE-400).",
        },
        Key {
            name: "spent",
            kind: Kind::Choice(&["refuse", "pass"]),
            default: "\"refuse\"",
            about: "What becomes of a request that would take more work than that.",
            why: "What could not be judged is not let in (CWE-636).",
        },
        Key {
            name: "ambiguous",
            kind: Kind::Choice(&["refuse", "pass"]),
            default: "\"refuse\"",
            about: "What becomes of a body or query that the app's framework may read otherwise than we do, or that is not what it says.",
            why: "Two readings are how filters are passed by (CWE-436).",
        },
        Key {
            name: "reflection",
            kind: Kind::Size,
            default: "\"256KiB\"",
            about: "How much of an HTML page is looked through for markup that came with the request; `0` looks at none.",
            why: "A page is held only when the request had something that could become markup.",
        },
        Key {
            name: "allow",
            kind: Kind::List(&Kind::Text("rule")),
            default: "[]",
            about: "Rules or whole detectors that are not applied at all; `gambeson explain intrusion` lists them.",
            why: "None; `except` says it for one parameter.",
        },
        Key { name: "except", kind: Kind::Tables(&EXCEPT), default: "", about: EXCEPT.about, why: EXCEPT.why },
        Key { name: "crs", kind: Kind::Table(&crs::SECTION), default: "", about: crs::SECTION.about, why: crs::SECTION.why },
    ],
};

/// The section as compiled.
#[derive(Debug)]
pub struct Intrusion {
    pub(super) profile: Profile,
    pub(super) threshold: u8,
    pub(super) window: usize,
    pub(super) steps_per_byte: u64,
    pub(super) refuse_spent: bool,
    pub(super) refuse_ambiguous: bool,
    pub(super) reflection_bytes: usize,
    pub(super) allow: Arc<[String]>,
    pub(super) except: Vec<Exception>,
    /// The rule set beside our own detectors.
    pub crs: Crs,
}

/// A parameter whose values are judged otherwise.
#[derive(Debug, Clone)]
pub(super) struct Exception {
    path: Pattern,
    parameter: Option<String>,
    rules: Vec<String>,
    holds: Holds,
}

/// What a parameter's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Holds {
    #[default]
    Text,
    Markdown,
    Markup,
}

impl FromText for Holds {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(match text {
            "markdown" => Self::Markdown,
            "markup" => Self::Markup,
            _ => Self::Text,
        })
    }
}
crate::value_from_text!(Holds);

impl Default for Intrusion {
    fn default() -> Self {
        Self {
            profile: Profile::Any,
            threshold: gambeson_detect::BLOCK_FROM,
            window: 0,
            steps_per_byte: 0,
            refuse_spent: true,
            refuse_ambiguous: true,
            reflection_bytes: 0,
            allow: Arc::default(),
            except: Vec::new(),
            crs: Crs::default(),
        }
    }
}

/// More is not held of one exchange.
const HOLD_BYTES_MAX: usize = 8 << 20;

impl Intrusion {
    pub(crate) fn compile(reader: &mut Reader<'_>, app: &App) -> Self {
        let allow = rules(reader, "allow");
        let mut except = Vec::new();
        let mut crs = Crs::default();
        reader.within("crs", |reader| crs = Crs::compile(reader));
        reader.each_table("except", |reader| {
            let rules = rules(reader, "rules");
            let path = reader.optional("path");
            let parameter = parameter(reader);
            let holds: Holds = reader.get("holds");
            except.extend(path.map(|path| Exception { path, parameter, rules, holds }));
        });
        Self {
            profile: profile(app.framework),
            threshold: u8::try_from(reader.get::<u64>("threshold")).unwrap_or(gambeson_detect::BLOCK_FROM),
            window: bytes(reader, "window"),
            steps_per_byte: reader.get("work"),
            refuse_spent: reader.get::<String>("spent") != "pass",
            refuse_ambiguous: reader.get::<String>("ambiguous") != "pass",
            reflection_bytes: bytes(reader, "reflection"),
            allow: allow.into(),
            except,
            crs,
        }
    }
}

fn profile(framework: Framework) -> Profile {
    match framework {
        Framework::Flask => Profile::Werkzeug,
        Framework::Django => Profile::Django,
        Framework::FastApi => Profile::Starlette,
        Framework::Bottle => Profile::Bottle,
        Framework::Other => Profile::Any,
    }
}

fn bytes(reader: &mut Reader<'_>, key: &str) -> usize {
    let bytes = reader.optional(key).map_or(0, Size::bytes);
    if bytes > HOLD_BYTES_MAX {
        reader.error(key, "this is more than 8MiB", "write at most \"8MiB\": every exchange may hold that much");
    }
    bytes
}

/// The kinds of parameters, which their names begin with in the log.
const KINDS: [&str; 11] = ["body", "cookie", "file", "form", "graphql", "header", "json", "name", "path", "query", "xml"];

/// A parameter as the log names it. Any other name is that of no parameter, and its exception would never apply.
fn parameter(reader: &mut Reader<'_>) -> Option<String> {
    let parameter: Option<String> = reader.optional("parameter");
    if let Some(name) = &parameter {
        let kind = name.split(' ').next().unwrap_or_default();
        let known = |own: &str| kind.strip_suffix('*').map_or(own == kind, |beginning| own.starts_with(beginning));
        if !KINDS.iter().any(|own| known(own)) {
            let help = format!(
                "write it as `gambeson log show` does, with its kind: \"form {name}\", \"query {name}\", \"json {name}\""
            );
            reader.warning("parameter", format!("no parameter is called `{name}`, so this exception never applies"), help);
        }
    }
    parameter
}

/// Rules and detectors by name.
fn rules(reader: &mut Reader<'_>, key: &str) -> Vec<String> {
    let names: Vec<String> = reader.get(key);
    for name in &names {
        let known = super::RULES.iter().any(|rule| covers(name, rule.name));
        if !known {
            let help = "`gambeson explain intrusion` lists its rules; a name before the dot stands for the whole detector";
            reader.error(key, format!("`{name}` is neither a rule nor a detector of this layer"), help);
        }
    }
    names
}

/// Whether what is written covers that rule: by its name, or its detector's.
pub(super) fn covers(written: &str, rule: &str) -> bool {
    rule == written || rule.strip_prefix(written).is_some_and(|rest| rest.starts_with('.'))
}

impl Exception {
    pub(super) fn is_on(&self, path: &str) -> bool {
        self.path.matches(path)
    }

    pub(super) fn names(&self, parameter: &str) -> bool {
        self.parameter.as_ref().is_none_or(|own| match own.strip_suffix('*') {
            Some(beginning) => parameter.starts_with(beginning),
            None => own == parameter,
        })
    }

    pub(super) fn allows(&self, rule: &str) -> bool {
        self.rules.iter().any(|written| covers(written, rule))
    }

    pub(super) const fn holds(&self) -> Option<Where> {
        match self.holds {
            Holds::Text => None,
            Holds::Markdown => Some(Where::Markdown),
            Holds::Markup => Some(Where::Markup),
        }
    }
}
