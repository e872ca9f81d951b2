//! What an exchange that is over counts, and for whom.

use super::{
    Ladder, login,
    scenario::{Distinct, Event, Events, Per, Watched},
    who::{self, hash},
};
use crate::{
    exchange::Request,
    layers::{Ended, rate_limit::is_file_path},
    policy::{LayerName, Mode},
    record::{Action, Finding},
    sanction::{Charge, Rung},
    store::Subject,
};
use http::{StatusCode, header};

/// Rules of `intrusion` that say how odd a request is, not that it attacks.
const ODD: [&str; 4] = ["ambiguous", "unreadable", "work", "crs-partial"];
/// Rules of `intrusion` that find what scanners ask every site for.
const SCANNED: [&str; 2] = ["scanner.file", "scanner.product"];

pub(super) fn charges(ladder: &Ladder, ended: &Ended<'_>, charges: &mut Vec<Charge>) {
    let events = events(ended);
    if !events.meet(ladder.counted) || ladder.spares(ended.request.client) {
        return;
    }
    let path = ended.request.target.decoded_path();
    let foreign = is_foreign(ended.request);
    let (client, sent) = (ended.request.client, &ended.request.facts.cookies_sent);
    let subjects = match sent.is_empty() {
        // It was refused before this layer was asked.
        true => who::subjects(ladder, client, ended.request.headers.get_all(header::COOKIE)),
        false => who::subjects(ladder, client, sent),
    };
    for watched in ladder.scenarios.iter().filter(|watched| watched.counts(events, path, ended.app_status)) {
        let Some(distinct) = value(watched.distinct, ended.request) else { continue };
        let weights =
            subjects.iter().filter_map(|subject| Some((*subject, weight(watched, &subjects, *subject, distinct, foreign)?)));
        charges.extend(weights.map(|(subject, weight)| Charge {
            scenario: watched.scenario.clone(),
            subject,
            weight,
            distinct,
            worst: if foreign || ladder.is_proxy(client) { Rung::Challenge } else { Rung::Ban },
            is_kept: !ended.is_report,
        }));
    }
}

fn events(ended: &Ended<'_>) -> Events {
    let mut events = Events::default();
    for finding in ended.findings {
        for event in of_finding(finding, ended.status).into_iter().flatten() {
            events.add(event);
        }
    }
    match ended.app_status {
        Some(StatusCode::NOT_FOUND | StatusCode::GONE) => events.add(Event::NotFound),
        Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => events.add(Event::Denied),
        _ => {}
    }
    if ended.app_status.is_some() {
        events.add(Event::Answer);
    }
    events
}

fn of_finding(finding: &Finding, status: StatusCode) -> [Option<Event>; 2] {
    let rule = finding.rule.as_ref();
    let refused = finding.mode == Mode::Enforce && finding.action == Action::Refuse;
    match finding.layer {
        LayerName::Intrusion if refused && !ODD.contains(&rule) => {
            [Some(Event::Intrusion), SCANNED.contains(&rule).then_some(Event::Decoy)]
        }
        // Other refusals of that layer tell of slow lines, large uploads and an app that is down.
        LayerName::Protocol if refused && status == StatusCode::BAD_REQUEST => [Some(Event::Protocol), None],
        LayerName::Response if rule == "decoy" => [Some(Event::Decoy), None],
        LayerName::Response if rule == login::FAILED => [Some(Event::LoginFailed), None],
        _ => [None, None],
    }
}

/// How much it counts for a subject; `None` where nothing.
fn weight(watched: &Watched, all: &[Subject], subject: Subject, distinct: Option<(u64, u64)>, foreign: bool) -> Option<u32> {
    let shares = all.iter().any(|subject| matches!(subject, Subject::Session(_)));
    match (subject, watched.per) {
        // What a foreign page makes a browser send is not the session's own doing.
        (Subject::Session(_), _) if foreign => None,
        (Subject::Session(_), Per::Client | Per::Session)
        | (Subject::Network(_), Per::Network)
        | (Subject::Allocation(_), Per::Allocation) => Some(Charge::UNIT),
        (Subject::Network(_), Per::Client) if !shares => Some(Charge::UNIT),
        // A quarter: of distinct values every fourth, always the same ones, so that each still counts once.
        (Subject::Network(_), Per::Client) => match distinct {
            Some((_, value)) => is_fourth(value).then_some(Charge::UNIT),
            None => Some(1),
        },
        _ => None,
    }
}

/// The value that is counted once, and its kind; `None` when the request has none to count, `Some(None)` when every time counts.
#[allow(clippy::option_option, reason = "whether to count, and what")]
fn value(distinct: Distinct, request: &Request) -> Option<Option<(u64, u64)>> {
    let path = request.target.decoded_path();
    let part = part_of_own_page(request);
    let found = match (distinct, part) {
        (Distinct::Nothing, _) => return Some(None),
        (Distinct::Path, Some(Part::File)) => (0, hash(path.rsplit_once('/').map_or("", |(folder, _)| folder))),
        (Distinct::Path, _) => (0, hash(path)),
        (Distinct::Id, Some(Part::File)) => return None,
        (Distinct::Id, _) => ids(path)?,
        (Distinct::Name, _) => return Some(Some((0, request.facts.tried.as_ref()?.hash()?))),
    };
    (part != Some(Part::Call) || is_fourth(found.1)).then_some(Some(found))
}

/// Always the same ones, whatever the reason to count a quarter: two reasons do not make it a sixteenth.
fn is_fourth(value: u64) -> bool {
    value.is_multiple_of(u64::from(Charge::UNIT))
}

/// What the app's own page asked for by itself. A list of users without pictures is nobody's attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Pictures, styles and scripts, by their names, too: those of a folder are broken together.
    File,
    /// What its scripts call, and pictures by other names: every fourth counts.
    Call,
}

fn part_of_own_page(request: &Request) -> Option<Part> {
    let is_own = request.header("sec-fetch-site") == Some("same-origin");
    match request.header("sec-fetch-dest").filter(|_| is_own)? {
        "document" | "iframe" => None,
        // A program says what it likes; that it asks for a picture is believed of what is called like one.
        dest if dest != "empty" && is_file_path(request.target.decoded_path()) => Some(Part::File),
        _ => Some(Part::Call),
    }
}

/// A path's kind, with a mark in place of every id, and its ids.
fn ids(path: &str) -> Option<(u64, u64)> {
    let is_id = |segment: &&str| is_id(segment);
    let own: Vec<&str> = path.split('/').filter(is_id).collect();
    let kind: Vec<&str> = path.split('/').map(|segment| if is_id(&segment) { "{}" } else { segment }).collect();
    (!own.is_empty()).then(|| (hash(kind), hash(own)))
}

/// A number, or something long that is mostly digits: `7`, `0001`, a UUID.
fn is_id(segment: &str) -> bool {
    let hex = segment.len() >= 16 && segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    hex || (!segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether the request says that a page made the browser send it which others may have written: one of another site, or one that
/// shows pictures and the like by addresses which strangers put there, as in a comment. A program may say so, too: it then is
/// sanctioned more mildly, not spared.
fn is_foreign(request: &Request) -> bool {
    let by_others = matches!(request.header("sec-fetch-site"), Some("cross-site" | "same-site"));
    let shown = request.header("sec-fetch-dest").is_some_and(|dest| !matches!(dest, "document" | "empty" | ""));
    by_others || shown || request.header("sec-purpose").is_some()
}
