//! `[cors]`

use crate::{
    origin::OriginPattern,
    policy::{FromText, Key, Kind, MODE, Reader, Section, Wrong},
};
use http::{HeaderName, HeaderValue, Method};
use std::time::Duration;

/// `[cors]`
pub const SECTION: Section = Section {
    name: "cors",
    about: "Which foreign origins may read answers, and send more than a form could.",
    why: "An app that reflects the Origin gives every site what the visitor may read (CWE-942; ASVS 5.0 3.4.2).",
    keys: &[
        MODE,
        Key {
            name: "origins",
            kind: Kind::List(&Kind::Text("origin")),
            default: "[]",
            about: "Origins whose pages may read answers: `https://app.example.com`; `https://*.example.com` for any one label below; `*` for all, without credentials.",
            why: "None: an app whose pages are its own needs none. A wildcard trusts every host below, also one that is taken over.",
        },
        Key {
            name: "methods",
            kind: Kind::List(&Kind::Text("method")),
            default: "[\"GET\", \"HEAD\", \"POST\"]",
            about: "Methods they may use.",
            why: "What a page may send without asking anyway (Fetch Standard, section 4.9).",
        },
        Key {
            name: "headers",
            kind: Kind::List(&Kind::Text("header field")),
            default: "[\"content-type\"]",
            about: "Header fields they may send, beside those that need no leave.",
            why: "JSON needs `content-type`; `authorization` is for you to decide.",
        },
        Key {
            name: "expose",
            kind: Kind::List(&Kind::Text("header field")),
            default: "[]",
            about: "Header fields of the answer that their scripts may read.",
            why: "The usual ones are readable without it.",
        },
        Key {
            name: "credentials",
            kind: Kind::Bool,
            default: "false",
            about: "Whether cookies and logins go with their requests, so that they read what the visitor may read, and act with the methods above.",
            why: "The origins then act as the visitor; APIs with tokens do not need it.",
        },
        Key {
            name: "max_age",
            kind: Kind::Duration,
            default: "\"10m\"",
            about: "How long a browser may remember the answer to a preflight.",
            why: "A grant that is taken back lives on this long; browsers cap it at two hours or a day.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Cors {
    pub(super) origins: Vec<OriginPattern>,
    /// Everybody, without credentials.
    pub(super) public: bool,
    pub(super) methods: Vec<Method>,
    pub(super) headers: Vec<HeaderName>,
    pub(super) expose: Option<HeaderValue>,
    pub(super) credentials: bool,
    pub(super) max_age: Duration,
}

/// An entry of `origins`.
#[derive(Debug, PartialEq)]
enum Entry {
    All,
    Some(OriginPattern),
}

impl FromText for Entry {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        if text == "*" { Ok(Self::All) } else { OriginPattern::from_text(text).map(Self::Some) }
    }
}

/// A method's name.
#[derive(Debug)]
struct Verb(Method);

impl FromText for Verb {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let help = "write methods in capitals, such as \"PUT\" or \"DELETE\"";
        let known = text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        let method = Method::from_bytes(text.as_bytes()).ok().filter(|_| known);
        method.map(Self).ok_or_else(|| Wrong::new(format!("`{text}` is not a method"), help))
    }
}

/// A header field's name.
#[derive(Debug)]
struct Field(HeaderName);

impl FromText for Field {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let help = "name each field, such as \"x-requested-with\"; `*` is not known here";
        let name = HeaderName::try_from(text).ok().filter(|_| text != "*");
        name.map(Self).ok_or_else(|| Wrong::new(format!("`{text}` is not a header field"), help))
    }
}
crate::value_from_text!(Entry, Verb, Field);

impl Cors {
    pub(crate) fn compile(reader: &mut Reader<'_>) -> Self {
        let entries: Vec<Entry> = reader.get("origins");
        let public = entries.contains(&Entry::All);
        let verbs: Vec<Verb> = reader.get("methods");
        let fields: Vec<Field> = reader.get("headers");
        let expose: Vec<Field> = reader.get("expose");
        let expose: Vec<&str> = expose.iter().map(|field| field.0.as_str()).collect();
        let cors = Self {
            origins: entries.into_iter().filter_map(Entry::pattern).collect(),
            public,
            methods: verbs.into_iter().map(|verb| verb.0).collect(),
            headers: fields.into_iter().map(|field| field.0).collect(),
            expose: HeaderValue::try_from(expose.join(", ")).ok().filter(|value| !value.is_empty()),
            credentials: reader.get("credentials"),
            max_age: reader.get("max_age"),
        };
        cors.question(reader);
        cors
    }

    fn question(&self, reader: &mut Reader<'_>) {
        if self.public && self.credentials {
            let help = "name the origins, or leave `credentials` out";
            reader.error("origins", "`*` with credentials gives every site what the visitor may read", help);
        }
        if self.origins.iter().any(OriginPattern::is_wildcard) {
            let help = "name the hosts that need it: one forgotten or taken-over subdomain is enough";
            reader.warning("origins", "a wildcard trusts every host below that name", help);
        }
        if self.credentials && self.origins.iter().any(OriginPattern::is_plain) {
            let help = "serve that page over HTTPS: whoever is on its way can read through it";
            reader.warning("origins", "a page in plain HTTP may read with the visitor's credentials", help);
        }
    }
}

impl Entry {
    fn pattern(self) -> Option<OriginPattern> {
        match self {
            Self::All => None,
            Self::Some(pattern) => Some(pattern),
        }
    }
}
