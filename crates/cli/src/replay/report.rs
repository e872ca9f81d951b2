//! What changes, in groups.

use super::{attacks::Attacks, judge::rule};
use gambeson_core::sanction::Sanction;
use gambeson_store::{
    audit::printable,
    traffic::{Request, Stopped},
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write as _};

/// More groups than people read; what is beyond is counted together.
const GROUPS_MAX: usize = 1000;
/// Reference ids of a group, at most.
const IDS_MAX: usize = 10;
/// A longer line is cut, in bytes.
const LINE_BYTES_MAX: usize = 400;
/// Those that text shows.
const IDS_SHOWN: usize = 3;

/// What was judged and what changes.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// Requests that the new policy would stop.
    newly_stopped: Groups,
    /// Requests that it would let pass.
    newly_passing: Groups,
    pub(super) stopped_still: u64,
    pub(super) passed_still: u64,
    /// Why requests could not be judged, and how many.
    not_judged: BTreeMap<&'static str, u64>,
    /// What was judged with less than was there, and how many.
    judged_in_part: BTreeMap<&'static str, u64>,
    /// Requests that were to be recorded and are not.
    pub(super) lost: u64,
    /// Sanctions that would follow by the new policy.
    sanctions: Sanctions,
    /// What known attacks would do; absent when there is no policy to compare with.
    pub(super) attacks: Option<Attacks>,
}

/// Sanctions by scenario and rung.
#[derive(Debug, Default)]
struct Sanctions {
    groups: BTreeMap<(String, &'static str), Clients>,
    /// Whether a client may be more than one.
    by_network: bool,
}

#[derive(Debug, Default)]
struct Clients {
    count: u64,
    first: Vec<String>,
}

impl Serialize for Sanctions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let group = |((scenario, rung), clients): (&(String, &'static str), &Clients)| serde_json::json!({ "scenario": scenario, "rung": rung, "count": clients.count, "clients": clients.first });
        serializer.collect_seq(self.groups.iter().map(group))
    }
}

impl Sanctions {
    fn text(&self) -> String {
        let count: u64 = self.groups.values().map(|clients| clients.count).sum();
        let mut text = format!("sanctions that would follow: {count}\n");
        for ((scenario, rung), Clients { count, first }) in &self.groups {
            let shown = first.iter().take(IDS_SHOWN).map(String::as_str).collect::<Vec<_>>().join(" ");
            let _ = writeln!(text, "  {count}x {scenario}: {rung}  {shown}");
        }
        if self.by_network && count > 0 {
            text.push_str("  counted for whole networks, which is all that is recorded, and for no session\n");
        }
        text
    }
}

/// Groups of requests, the largest first.
#[derive(Debug, Default)]
struct Groups(BTreeMap<(String, String, String), Group>);

#[derive(Debug, Default, Serialize)]
struct Group {
    /// The rule that stops them, or did.
    rule: String,
    /// Which part of the message it names.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    part: String,
    /// Method and path.
    request: String,
    count: u64,
    ids: Vec<String>,
}

/// One request whose verdict changes.
pub(super) struct Change {
    rule: String,
    part: String,
    request: String,
    id: String,
}

impl Change {
    pub(super) fn new(by: &Stopped, method: &str, path: &str, id: &str) -> Self {
        Self { rule: rule(by), part: by.part.clone(), request: format!("{method} {path}"), id: id.to_owned() }
    }
}

impl Groups {
    fn add(&mut self, change: Change) {
        let Change { rule, part, request, id } = change;
        let full = self.0.len() >= GROUPS_MAX && !self.0.contains_key(&(rule.clone(), part.clone(), request.clone()));
        let (part, request) = if full { (String::new(), "other requests".to_owned()) } else { (part, request) };
        let group = self.0.entry((rule.clone(), part.clone(), request.clone())).or_default();
        if group.count == 0 {
            *group = Group { rule, part, request, ..Group::default() };
        }
        group.count += 1;
        if group.ids.len() < IDS_MAX {
            group.ids.push(id);
        }
    }

    fn count(&self) -> u64 {
        self.0.values().map(|group| group.count).sum()
    }

    fn sorted(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.0.values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }
}

impl Serialize for Groups {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.sorted())
    }
}

impl Report {
    pub(super) fn newly_stopped(&mut self, change: Change) {
        self.newly_stopped.add(change);
    }

    pub(super) fn newly_passing(&mut self, change: Change) {
        self.newly_passing.add(change);
    }

    /// A sanction that would follow.
    pub(super) fn sanctioned(&mut self, sanction: &Sanction, by_address: bool) {
        self.sanctions.by_network |= !by_address;
        let clients = self.sanctions.groups.entry((sanction.scenario.clone(), sanction.rung.as_str())).or_default();
        clients.count += 1;
        let client = sanction.subject.to_string();
        if clients.first.len() < IDS_MAX && !clients.first.contains(&client) {
            clients.first.push(client);
        }
    }

    /// A request that cannot be judged, and why.
    pub(super) fn cannot(&mut self, why: &'static str) {
        *self.not_judged.entry(why).or_default() += 1;
    }

    /// Notes that a limit may have counted a network where it should count an address.
    pub(super) fn note_limit(&mut self) {
        *self
            .judged_in_part
            .entry("over a limit: one per address counts the whole network, which is all that is recorded")
            .or_default() += 1;
    }

    /// Notes what is not known of a request that is judged.
    pub(super) fn note(&mut self, request: &Request) {
        let body = request.body.as_ref().filter(|body| body.bytes > 0);
        let known = [
            ("by its head alone: its body is not recorded", body.is_some_and(|body| body.text.is_none())),
            ("by the beginning of its body", body.is_some_and(|body| body.text.is_some() && !body.whole)),
            ("without the values that are masked", !request.masked.is_empty()),
        ];
        for (what, _) in known.iter().filter(|(_, is_so)| *is_so) {
            *self.judged_in_part.entry(what).or_default() += 1;
        }
    }

    fn judged(&self) -> u64 {
        let cannot: u64 = self.not_judged.values().sum();
        self.newly_stopped.count() + self.newly_passing.count() + self.stopped_still + self.passed_still + cannot
    }

    pub(super) fn is_change(&self) -> bool {
        let attacks = self.attacks.as_ref().is_some_and(Attacks::is_change);
        self.newly_stopped.count() + self.newly_passing.count() > 0 || attacks
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if self.judged() == 0 {
            text.push_str("no requests are recorded\n");
        }
        for (title, groups) in [("newly stopped", &self.newly_stopped), ("newly passing", &self.newly_passing)] {
            let _ = writeln!(text, "{title}: {}", requests(groups.count()));
            groups.sorted().into_iter().for_each(|group| group.write(&mut text));
        }
        let _ = writeln!(text, "as before: {} stopped, {} passed", self.stopped_still, self.passed_still);
        for (title, counts) in [("not judged", &self.not_judged), ("judged in part", &self.judged_in_part)] {
            for (why, count) in counts {
                let _ = writeln!(text, "{title}: {}, {why}", requests(*count));
            }
        }
        if self.lost > 0 {
            let _ = writeln!(text, "missing: {} that were to be recorded", requests(self.lost));
        }
        text.push_str(&self.sanctions.text());
        text.push_str("not judged: what would become of answers, of which the status alone is recorded\n");
        match &self.attacks {
            Some(attacks) => text.push_str(&attacks.text()),
            None => text.push_str("attacks: not tried; `--against OLD` names the policy to compare with\n"),
        }
        text
    }
}

impl Group {
    fn write(&self, text: &mut String) {
        let part = if self.part.is_empty() { String::new() } else { format!(" ({})", self.part) };
        let ids = self.ids.iter().take(IDS_SHOWN).map(String::as_str).collect::<Vec<_>>().join(" ");
        let line = format!("{}x {}{part}: {}  {ids}", self.count, self.rule, self.request);
        let _ = writeln!(text, "  {}", printable(&cut(line)));
    }
}

/// A line is for people: what a hostile file makes of it is cut.
fn cut(mut line: String) -> String {
    if line.len() > LINE_BYTES_MAX {
        line.truncate(line.floor_char_boundary(LINE_BYTES_MAX));
        line.push('…');
    }
    line
}

pub(super) fn requests(count: u64) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}
