//! `[rate_limit]`

use super::Limit;
use crate::policy::{App, FromText, Key, Kind, MODE, Pattern, Reader, Section, Wrong};

/// `[rate_limit]`
pub const SECTION: Section = Section {
    name: "rate_limit",
    about: "How often one may ask.",
    why: "Guessing, scraping and floods (CWE-307, CWE-770, CWE-799; ASVS 5.0 2.4.1, 6.3.1).",
    keys: &[
        MODE,
        Key {
            name: "limits",
            kind: Kind::List(&Kind::Text("rate")),
            default: "[\"6000/minute per address\", \"30000/minute per network\"]",
            about: "Limits for every request, images and scripts included: `600/minute per address`, `5000/minute per network`, `100000/minute` for all together.",
            why: "People do not reach it: an office of two hundred behind one address may open two hundred fresh pages of thirty files each in a minute, all at once. Files are cheap; what costs is in `dynamic`.",
        },
        Key {
            name: "dynamic",
            kind: Kind::List(&Kind::Text("rate")),
            default: "[\"300/10s per address\"]",
            about: "Limits for what makes the app work: pages, searches, calls of an API; everything but reading files such as `.css`, `.js` and pictures.",
            why: "Three hundred at once and thirty a second: two hundred people behind one address may each do nine things a minute, while a flood of costly pages ends after a few seconds.",
        },
        Key {
            name: "login",
            kind: Kind::List(&Kind::Text("rate")),
            default: "[\"10/minute per address\", \"300/hour per network\"]",
            about: "Limits for sending something to a path where people log in, register or reset a password.",
            why: "Ten tries at once forgive any typing; after them one every six seconds. The second limit slows whoever guesses from many addresses of one network, and from one address to 7,200 a day. Offices of hundreds behind one address that log in at the same hour need more.",
        },
        Key {
            name: "login_paths",
            kind: Kind::List(&Kind::Text("path pattern")),
            default: "[]",
            about: "More paths where people log in: `/enter`, `/api/{version}/pin`.",
            why: "`/login`, `/accounts/login/`, `/auth/sign-in`, `/token`, `/register`, `/password-reset` and their like are known without it.",
        },
        Key {
            name: "unavailable",
            kind: Kind::Choice(&["allow", "deny"]),
            default: "\"allow\"",
            about: "What happens when the store that counts does not answer.",
            why: "Without a count the app is as it would be without this layer; refusing everybody would be the attacker's success.",
        },
        Key {
            name: "login_unavailable",
            kind: Kind::Choice(&["allow", "deny"]),
            default: "\"deny\"",
            about: "The same, for `login`.",
            why: "Uncounted guesses open accounts; people who are logged in already are not touched.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct RateLimit {
    /// For every request, each with its rule's number.
    pub(super) limits: Vec<(u32, Limit)>,
    pub(super) dynamic: Vec<(u32, Limit)>,
    pub(super) login: Vec<(u32, Limit)>,
    pub(super) login_paths: Vec<Pattern>,
    pub(super) unavailable: Unavailable,
    pub(super) login_unavailable: Unavailable,
}

/// What happens when the store that counts does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Unavailable {
    Allow,
    #[default]
    Deny,
}

impl FromText for Unavailable {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(if text == "allow" { Self::Allow } else { Self::Deny })
    }
}
crate::value_from_text!(Unavailable);

/// Each limit costs a question to the store on every request.
const LIMITS_MAX: usize = 8;

impl RateLimit {
    pub(crate) fn compile(reader: &mut Reader<'_>, _: &App) -> Self {
        Self {
            limits: limits(reader, "limits"),
            dynamic: limits(reader, "dynamic"),
            login: limits(reader, "login"),
            login_paths: reader.get("login_paths"),
            unavailable: reader.get("unavailable"),
            login_unavailable: reader.get("login_unavailable"),
        }
    }
}

fn limits(reader: &mut Reader<'_>, key: &'static str) -> Vec<(u32, Limit)> {
    let written: Vec<Limit> = reader.get(key);
    if written.len() > LIMITS_MAX {
        reader.error(key, "these are more than eight limits", "keep the few that differ most");
    }
    let mut limits: Vec<(u32, Limit)> = Vec::new();
    for limit in written {
        if limits.iter().any(|(_, known)| *known == limit) {
            reader.error(key, format!("`{limit}` stands here twice"), "each would count for both: keep one");
        }
        limits.push((limit.rule(key), limit));
    }
    limits
}
