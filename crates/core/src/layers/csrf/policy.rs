//! `[csrf]`

use crate::{
    origin::Origin,
    policy::{App, FromText, Key, Kind, Listen, MODE, Reader, Section, SessionCookies, Wrong},
};

/// `[csrf]`
pub const SECTION: Section = Section {
    name: "csrf",
    about: "Which pages may change state: the app's own, and those named here.",
    why: "A foreign page can send requests that carry the visitor's cookies (CWE-352; ASVS 5.0 3.5.1-3.5.3, 3.5.8).",
    keys: &[
        MODE,
        Key {
            name: "trusted_origins",
            kind: Kind::List(&Kind::Text("origin")),
            default: "[]",
            about: "Other origins whose pages may change state here, each written as the browser writes it: `https://shop.example.com`.",
            why: "Nobody but the app itself. Each is trusted like the app's own pages, so a hole there is a hole here.",
        },
        Key {
            name: "no_origin",
            kind: Kind::Choice(&["refuse", "allow"]),
            default: "\"refuse\"",
            about: "What happens to a request that carries a login cookie, Basic credentials or a client certificate, would change state, and says nothing of where it comes from.",
            why: "Every browser since 2020 says it; what is silent and still logged in is old, stripped on its way, or a script that can send an Origin.",
        },
        Key {
            name: "isolation",
            kind: Kind::Choice(&["off", "data", "strict"]),
            default: "\"data\"",
            about: "Which logged-in reads from foreign pages are refused, other than links: `data`, what is made to be read by scripts; `strict`, embedded images and styles too, and from sibling hosts.",
            why: "`data` stops the reading of answers through timing, errors and script tags (XS-leaks, ASVS 3.5.8) and leaves images, fonts and scripts that other sites embed.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Csrf {
    pub(super) trusted: Vec<Origin>,
    pub(super) no_origin: NoOrigin,
    pub(super) isolation: Isolation,
    pub(super) session_cookies: SessionCookies,
}

/// What happens to a silent request with ambient credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum NoOrigin {
    #[default]
    Refuse,
    Allow,
}

/// Which logged-in reads from foreign pages are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Isolation {
    Off,
    #[default]
    Data,
    Strict,
}

impl FromText for NoOrigin {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(if text == "allow" { Self::Allow } else { Self::Refuse })
    }
}

impl FromText for Isolation {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(match text {
            "off" => Self::Off,
            "strict" => Self::Strict,
            _ => Self::Data,
        })
    }
}
crate::value_from_text!(NoOrigin, Isolation);

impl Csrf {
    pub(crate) fn compile(reader: &mut Reader<'_>, app: &App, _: &Listen) -> Self {
        let csrf = Self {
            trusted: reader.get("trusted_origins"),
            no_origin: reader.get("no_origin"),
            isolation: reader.get("isolation"),
            session_cookies: app.session_cookies.clone(),
        };
        if csrf.trusted.iter().any(Origin::is_plain) {
            let help = "serve that page over HTTPS: whoever is on its way can put requests into it";
            reader.warning("trusted_origins", "a page in plain HTTP is trusted to change state", help);
        }
        csrf
    }

    /// Whether an `Origin` is on the list.
    pub(super) fn trusts(&self, origin: &str) -> bool {
        self.trusted.iter().any(|trusted| trusted.as_str() == origin)
    }

    /// Whether a URL is of an origin on the list.
    pub(super) fn trusts_url(&self, url: &str) -> bool {
        self.trusted.iter().any(|trusted| trusted.begins(url))
    }
}
