//! `[response]`

use super::scenario::{self, Distinct, Events, Watched};
use crate::{
    policy::{App, Key, Kind, Listen, MODE, Network, Pattern, Reader, Section, SessionCookies},
    sanction::Scenario,
};
use ipnet::IpNet;
use std::{net::IpAddr, sync::Arc, time::Duration};

/// `[response]`
pub const SECTION: Section = Section {
    name: "response",
    about: "What follows for whoever attacks again and again: a ladder from waiting to a ban.",
    why: "An attack that fails costs nothing and is tried again, elsewhere and otherwise, until one does not fail (CWE-307, CWE-799; ASVS 5.0 6.3.1, 16.3).",
    keys: &[
        MODE,
        Key {
            name: "never",
            kind: Kind::List(&Kind::Text("network")),
            default: "[\"127.0.0.1\", \"::1\"]",
            about: "Networks that are never sanctioned and of which nothing is counted: your own monitoring, your scanner.",
            why: "By these this machine speaks to itself: where a proxy that is not in `listen.trusted_proxies` stands before this one, everybody seems to come from there.",
        },
        Key {
            name: "slow",
            kind: Kind::Duration,
            default: "\"2s\"",
            about: "How long each request waits on the rung `slow`.",
            why: "A person hardly notices it, a list of ten thousand passwords takes hours longer.",
        },
        Key {
            name: "wait",
            kind: Kind::Duration,
            default: "\"3s\"",
            about: "How long somebody must wait on the page of the rung `challenge` before the button works.",
            why: "Long enough that a program which only repeats requests gets nowhere, short enough to read the page.",
        },
        Key {
            name: "pass",
            kind: Kind::Duration,
            default: "\"1h\"",
            about: "How long whoever has passed a challenge may go on.",
            why: "A visit, not a day: the pass is bound to the network it was given to.",
        },
        Key {
            name: "forget",
            kind: Kind::Duration,
            default: "\"6h\"",
            about: "How long after the end of a sanction the next offence is a first one again.",
            why: "Addresses change hands over night.",
        },
        Key {
            name: "longest",
            kind: Kind::Duration,
            default: "\"7d\"",
            about: "How long a sanction lasts at most; each one after the first lasts twice as long as the one before.",
            why: "No sanction that nobody remembers.",
        },
        Key {
            name: "decoys",
            kind: Kind::List(&Kind::Text("path pattern")),
            default: "[]",
            about: "Paths that the app does not have and nobody is sent to: we answer them with 404, and whoever asks for several is a scanner.",
            why: "None of your own; name those you see asked for in the log.",
        },
        Key {
            name: "known_decoys",
            kind: Kind::Bool,
            default: "true",
            about: "Count requests for what scanners look for everywhere, such as `/wp-login.php` and `/.git/config`, if the app itself answers 404.",
            why: "The app is asked first, so that no page it has is hidden by this.",
        },
        Key {
            name: "login_failed",
            kind: Kind::List(&Kind::Text("text")),
            default: "[]",
            about: "What the app's answer to a failed login says, letter by letter: `[\"Wrong password\"]`. It is looked for in pages and JSON that bring no session, besides what tells by itself: 400, 401, 403, 422, a way back to the login, a field for the password again, JSON with an error.",
            why: "An app that answers a wrong password with 200 and a text of its own can be known by that text alone.",
        },
        Key {
            name: "nftables",
            kind: Kind::Text("nftables table"),
            default: "",
            about: "A table of the kernel's packet filter into whose sets `gambeson4` and `gambeson6` bans are put, too: `inet filter`.",
            why: "It takes the right to change the packet filter, which a gateway should not have without need.",
        },
        Key {
            name: "scenario",
            kind: Kind::Tables(&scenario::SECTION),
            default: scenario::BUILT_IN,
            about: scenario::SECTION.about,
            why: "What people do not do by mistake: the numbers are argued in the layer's page. One of the same name changes what it says and nothing else.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Ladder {
    pub(super) never: Vec<IpNet>,
    /// Proxies that stand for everybody where a request does not tell whose it is.
    proxies: Vec<IpNet>,
    pub(super) slow: Duration,
    pub(super) wait: Duration,
    pub(super) pass: Duration,
    pub(super) decoys: Vec<Pattern>,
    pub(super) known_decoys: bool,
    pub(super) nftables: Option<String>,
    pub(super) scenarios: Vec<Watched>,
    /// What any of them counts: an exchange with nothing of it costs no more than this look.
    pub(super) counted: Events,
    /// Whether one of them counts the names that are tried at the login.
    pub(super) counts_names: bool,
    pub(super) login_paths: Vec<Pattern>,
    pub(super) login_failed: Vec<String>,
    pub(super) session_cookies: SessionCookies,
}

/// Nobody waits longer for an answer.
const SLOW_MAX: Duration = Duration::from_secs(30);

impl Ladder {
    pub(crate) fn compile(reader: &mut Reader<'_>, app: &App, listen: &Listen, login_paths: &[Pattern]) -> Self {
        let never: Vec<Network> = reader.get("never");
        let terms = Terms { forget: reader.get("forget"), longest: reader.get("longest") };
        let scenarios = scenario::compile(reader, &terms);
        Self {
            never: never.into_iter().map(|network| network.0).collect(),
            proxies: listen.trusted_proxies.clone(),
            slow: at_most(reader, "slow", SLOW_MAX),
            wait: at_most(reader, "wait", SLOW_MAX),
            pass: reader.get("pass"),
            decoys: reader.get("decoys"),
            known_decoys: reader.get("known_decoys"),
            nftables: table(reader),
            counted: scenarios.iter().fold(Events::default(), |all, watched| all.and(watched.on)),
            counts_names: scenarios.iter().any(|watched| watched.distinct == Distinct::Name),
            scenarios,
            login_failed: login_failed(reader),
            login_paths: login_paths.to_vec(),
            session_cookies: app.session_cookies.clone(),
        }
    }

    /// Whether nothing is ever counted of that address.
    #[must_use]
    pub fn spares(&self, client: IpAddr) -> bool {
        self.never.iter().any(|network| network.contains(&client.to_canonical()))
    }

    /// Whether that address is of a proxy: what could not be read came from anybody behind it, and to ban it would end the site.
    pub(super) fn is_proxy(&self, client: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&client.to_canonical()))
    }

    /// What the packet filter must let pass, whatever is banned: those who are never sanctioned, and proxies, which bring everybody.
    #[must_use]
    pub fn spared(&self) -> Vec<IpNet> {
        [self.never.as_slice(), &self.proxies].concat()
    }

    /// The table of the packet filter that bans are put into.
    #[must_use]
    pub fn nftables(&self) -> Option<&str> {
        self.nftables.as_deref()
    }

    /// Every scenario in force.
    pub fn scenarios(&self) -> impl Iterator<Item = &Arc<Scenario>> {
        self.scenarios.iter().map(|watched| &watched.scenario)
    }
}

/// What holds for the sanctions of every scenario.
pub(super) struct Terms {
    pub(super) forget: Duration,
    pub(super) longest: Duration,
}

fn at_most(reader: &mut Reader<'_>, key: &str, most: Duration) -> Duration {
    let time: Duration = reader.get(key);
    if time > most {
        reader.error(key, "nobody waits that long", format!("write at most \"{}s\"", most.as_secs()));
    }
    time.min(most)
}

/// An empty text would be in every answer.
fn login_failed(reader: &mut Reader<'_>) -> Vec<String> {
    let texts: Vec<String> = reader.get("login_failed");
    if texts.iter().any(|text| text.trim().is_empty()) || texts.len() > 32 {
        reader.error("login_failed", "these are no texts to look for", "write at most 32 texts, none of them empty");
    }
    texts
}

/// Family and name: words for `nft`, and nothing that it could take for more.
fn table(reader: &mut Reader<'_>) -> Option<String> {
    let text: String = reader.optional("nftables")?;
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match text.split_once(' ') {
        Some(("inet", name)) if is_name(name) => Some(text),
        _ => {
            reader.error("nftables", format!("`{text}` is no table"), "write family and name, such as \"inet filter\"");
            None
        }
    }
}
