//! Scenarios: what is counted, of whom, and what follows.

use super::policy::Terms;
use crate::{
    policy::{FromText, Key, Kind, Pattern, Reader, Section, Wrong},
    sanction::{Charge, Reach, Rung, Scenario},
};
use http::StatusCode;
use std::{sync::Arc, time::Duration};

/// The scenarios that hold until a policy changes them, in the words of a policy.
pub(super) const BUILT_IN: &str = r#"[
  { name = "probing", on = ["intrusion", "protocol"], count = 10, period = "10m" },
  { name = "probing-routes", on = ["intrusion"], distinct = "path", count = 4, period = "10m" },
  { name = "scanning", on = ["not-found"], distinct = "path", count = 60, period = "5m", ladder = ["slow", "challenge", "block"] },
  { name = "enumeration", on = ["not-found", "denied"], distinct = "id", count = 30, period = "5m", ladder = ["slow", "challenge", "block"] },
  { name = "brute-force", on = ["login-failed"], per = "network", count = 30, period = "10m", ladder = ["slow", "challenge", "block"], reach = "login" },
  { name = "credential-stuffing", on = ["login-failed"], per = "network", distinct = "name", count = 30, period = "6h", ladder = ["slow", "challenge"], duration = "1h", reach = "login" },
  { name = "probing-allocation", on = ["intrusion", "protocol"], per = "allocation", count = 60, period = "10m", ladder = ["slow", "challenge"] },
  { name = "scanning-allocation", on = ["not-found"], per = "allocation", distinct = "path", count = 300, period = "5m", ladder = ["slow", "challenge"] },
  { name = "enumeration-allocation", on = ["not-found", "denied"], per = "allocation", distinct = "id", count = 150, period = "5m", ladder = ["slow", "challenge"] },
  { name = "brute-force-allocation", on = ["login-failed"], per = "allocation", count = 120, period = "10m", ladder = ["slow", "challenge"], reach = "login" },
  { name = "decoy", on = ["decoy"], distinct = "path", count = 3, period = "1h", ladder = ["challenge", "block", "ban"] },
]"#;

/// `[[response.scenario]]`
pub(super) const SECTION: Section = Section {
    name: "scenario",
    about: "What is counted, of whom, in what time, and which sanctions follow when it was too often.",
    why: "An app knows best what nobody does there by mistake.",
    keys: &[
        Key {
            name: "name",
            kind: Kind::Text("name"),
            default: "",
            about: "Its name, in reports and in `gambeson bans list`; one that is known changes that scenario.",
            why: "It must be given.",
        },
        Key { name: "enabled", kind: Kind::Bool, default: "true", about: "Whether it counts.", why: "What is written is meant." },
        Key {
            name: "on",
            kind: Kind::List(&Kind::Choice(&Event::NAMES)),
            default: "[]",
            about: "What counts: a request refused by `intrusion`, or by `protocol` as malformed; the app's 404 (`not-found`), its 401 or 403 (`denied`); a login that failed; a decoy; any `answer` of the app with `status`.",
            why: "None, so that a change of a known scenario need not repeat it.",
        },
        Key {
            name: "per",
            kind: Kind::Choice(&["client", "session", "network", "allocation"]),
            default: "\"client\"",
            about: "Of whom: a session, a network (an IPv4 address, an IPv6 /64), both (`client`), where a network counts a quarter for clients that show a session, or what is allocated together (IPv4 /24, IPv6 /48).",
            why: "Many people may share one address, but not one session; and one may have 65,536 networks.",
        },
        Key {
            name: "count",
            kind: Kind::Integer(1, 500),
            default: "10",
            about: "How many are too many.",
            why: "Nobody does something forbidden ten times in ten minutes by mistake.",
        },
        Key {
            name: "period",
            kind: Kind::Duration,
            default: "\"10m\"",
            about: "In what time. It is a bucket that leaks steadily; of distinct values, each is forgotten after that time.",
            why: "Long enough for a patient program, short enough for a day of mistakes.",
        },
        Key {
            name: "distinct",
            kind: Kind::Choice(&["nothing", "path", "id", "name"]),
            default: "\"nothing\"",
            about: "Count only different paths, different ids on one kind of path (`/users/7`, `/users/8`), or different names tried at a login, instead of every time.",
            why: "A broken link that is tried often is one broken link.",
        },
        Key {
            name: "path",
            kind: Kind::Text("path pattern"),
            default: "",
            about: "Only on these paths, as in a route.",
            why: "Everywhere when it is not given.",
        },
        Key {
            name: "status",
            kind: Kind::List(&Kind::Integer(100, 599)),
            default: "[]",
            about: "Only when the app answers one of these.",
            why: "Any when none is given.",
        },
        Key {
            name: "ladder",
            kind: Kind::List(&Kind::Choice(&Rung::NAMES)),
            default: "[\"slow\", \"challenge\", \"block\", \"ban\"]",
            about: "The sanction of the first offence and of those after it; the last one is repeated. A session is ended instead of banned.",
            why: "Whoever is there by mistake waits two seconds, or presses a button.",
        },
        Key {
            name: "duration",
            kind: Kind::Duration,
            default: "\"10m\"",
            about: "How long the first sanction lasts; each one after it twice as long, up to `response.longest`.",
            why: "Programs go on to the next site, people come back.",
        },
        Key {
            name: "reach",
            kind: Kind::Choice(&["all", "login"]),
            default: "\"all\"",
            about: "How far the sanctions reach: to all requests, or only to where people log in.",
            why: "`login` leaves those alone who share the network and are logged in already.",
        },
    ],
};

/// What can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Intrusion,
    Protocol,
    NotFound,
    Denied,
    LoginFailed,
    Decoy,
    Answer,
}

impl Event {
    const ALL: [Self; 7] =
        [Self::Intrusion, Self::Protocol, Self::NotFound, Self::Denied, Self::LoginFailed, Self::Decoy, Self::Answer];
    const NAMES: [&str; 7] = ["intrusion", "protocol", "not-found", "denied", "login-failed", "decoy", "answer"];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Several events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Events(u8);

impl Events {
    pub(super) const fn add(&mut self, event: Event) {
        self.0 |= event.bit();
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl From<Event> for Events {
    fn from(event: Event) -> Self {
        Self(event.bit())
    }
}

/// Of whom something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Per {
    #[default]
    Client,
    Session,
    Network,
    Allocation,
}

/// Which values are counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Distinct {
    #[default]
    Nothing,
    Path,
    Id,
    Name,
}

macro_rules! words {
    ($type:ident, $($word:literal => $variant:expr),*) => {
        impl FromText for $type {
            fn from_text(text: &str) -> Result<Self, Wrong> {
                match text {
                    $($word => Ok($variant),)*
                    _ => Err(Wrong::new(format!("`{text}` is not a choice here"), "see `gambeson explain response`")),
                }
            }
        }
        crate::value_from_text!($type);
    };
}
words!(Per, "client" => Self::Client, "session" => Self::Session, "network" => Self::Network, "allocation" => Self::Allocation);
words!(Distinct, "nothing" => Self::Nothing, "path" => Self::Path, "id" => Self::Id, "name" => Self::Name);

/// A scenario, and when it counts.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) on: Events,
    pub(super) per: Per,
    pub(super) distinct: Distinct,
    pub(super) path: Option<Pattern>,
    pub(super) status: Vec<u16>,
    pub(super) scenario: Arc<Scenario>,
}

impl Watched {
    pub(super) fn counts(&self, events: Events, path: &str, app_status: Option<StatusCode>) -> bool {
        self.on.meet(events)
            && self.path.as_ref().is_none_or(|pattern| pattern.matches(path))
            && (self.status.is_empty() || app_status.is_some_and(|status| self.status.contains(&status.as_u16())))
    }
}

/// A scenario as it is written, the parts of it that are known so far.
#[derive(Default, Clone)]
struct Draft {
    name: String,
    enabled: bool,
    on: Vec<String>,
    per: Per,
    count: u32,
    period: Duration,
    distinct: Distinct,
    path: Option<Pattern>,
    status: Vec<u16>,
    ladder: Vec<String>,
    duration: Duration,
    reach: String,
}

/// Each is looked at after every exchange that counts.
const SCENARIOS_MAX: usize = 32;
const PERIOD_MAX: Duration = Duration::from_secs(86_400);

/// Reads those that hold by default and then those of the file, which change what they name.
pub(super) fn compile(reader: &mut Reader<'_>, terms: &Terms) -> Vec<Watched> {
    let mut drafts: Vec<Draft> = Vec::new();
    reader.each_table_and_default("scenario", |reader| {
        let name: String = reader.optional("name").unwrap_or_default();
        let known = drafts.iter().position(|draft| draft.name == name);
        let before = known.and_then(|i| drafts.get(i)).cloned();
        let draft = draft(reader, name, before);
        match known.and_then(|i| drafts.get_mut(i)) {
            Some(known) => *known = draft,
            None => drafts.push(draft),
        }
    });
    if drafts.len() > SCENARIOS_MAX {
        reader.error("scenario", "these are more than thirty scenarios", "keep those that differ most");
    }
    drafts.into_iter().filter(|draft| draft.enabled).map(|draft| watched(draft, terms)).collect()
}

fn draft(reader: &mut Reader<'_>, name: String, before: Option<Draft>) -> Draft {
    let is_new = before.is_none();
    let mut draft = before.unwrap_or_default();
    draft.name = name;
    macro_rules! read {
        ($($key:ident),*) => {$(
            // Read in any case, so that every key's default is one that can be read.
            let value = reader.optional(stringify!($key));
            if let Some(value) = value.filter(|_| is_new || reader.is_written(stringify!($key))) {
                draft.$key = value;
            }
        )*};
    }
    read!(enabled, on, per, count, period, distinct, status, ladder, duration, reach);
    if let Some(path) = reader.optional("path") {
        draft.path = Some(path);
    }
    check(reader, &draft);
    draft
}

fn check(reader: &mut Reader<'_>, draft: &Draft) {
    let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if draft.name.is_empty() || draft.name.len() > 40 || !draft.name.bytes().all(is_name) {
        reader.error("name", "this scenario has no name", "write a short one in lower case, such as \"guessing-coupons\"");
    }
    if draft.on.is_empty() {
        reader.error("on", format!("`{}` counts nothing", draft.name), "write what counts, such as `on = [\"not-found\"]`");
    }
    if draft.ladder.is_empty() {
        reader.error("ladder", "nothing follows", "write at least `[\"log\"]`");
    }
    if draft.period < Duration::from_secs(1) || draft.period > PERIOD_MAX {
        reader.error("period", "this is out of bounds", "write \"1s\" to \"24h\"");
    }
    if draft.on.iter().any(|on| on == "answer") && draft.path.is_none() {
        reader.error("on", "every answer would count", "name a `path`, and a `status` if only some of its answers count");
    }
}

fn watched(draft: Draft, terms: &Terms) -> Watched {
    let mut on = Events::default();
    for (event, name) in Event::ALL.into_iter().zip(Event::NAMES) {
        if draft.on.iter().any(|written| written == name) {
            on.add(event);
        }
    }
    let rung = |written: &String| Rung::ALL.into_iter().find(|rung| rung.as_str() == written);
    let scenario = Scenario {
        name: draft.name,
        count: draft.count.saturating_mul(Charge::UNIT),
        period: draft.period,
        ladder: draft.ladder.iter().filter_map(rung).collect(),
        duration: draft.duration,
        longest: terms.longest,
        forget: terms.forget,
        reach: if draft.reach == "login" { Reach::Login } else { Reach::All },
    };
    let Draft { per, distinct, path, status, .. } = draft;
    Watched { on, per, distinct, path, status, scenario: Arc::new(scenario) }
}
