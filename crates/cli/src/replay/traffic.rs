//! Recorded requests: what was done, or would have been, and what would be done now; and what cannot be told.

use super::{
    asked::Asked,
    judge::Side,
    report::{Change, Report},
};
use crate::{Failure, Result};
use gambeson_core::{policy::LayerName, record::shown_path};
use gambeson_store::traffic::{Line, Request, Requests, Stopped, Unreadable};
use std::path::Path;

/// Judges every request of a file.
pub(super) fn replay(path: &Path, old: Option<&Side>, new: &Side, report: &mut Report) -> Result<()> {
    for line in Requests::open(path).map_err(|error| Failure::new(error.to_string()))? {
        match line {
            Ok(Line::Request(request)) => one(&request, old, new, report),
            Ok(Line::Lost { lost }) => report.lost = report.lost.saturating_add(lost),
            Err(Unreadable::Disk(error)) => return Err(Failure::new(format!("{}: {error}", path.display()))),
            Err(Unreadable::Line(_)) => report.cannot("it is no line that was recorded, or was changed since"),
        }
    }
    Ok(())
}

fn one(request: &Request, old: Option<&Side>, new: &Side, report: &mut Report) {
    let Some(asked) = Asked::recorded(request) else {
        return report.cannot("it is no line that was recorded, or was changed since");
    };
    let before = match old {
        Some(old) => old.judge(&asked),
        None => request.stopped.clone().filter(|stopped| !is_the_apps(stopped)),
    };
    let (after, sanctions) = new.judge_and_count(&asked);
    sanctions.iter().for_each(|sanction| report.sanctioned(sanction, request.by_address));
    report.note(request);
    if !request.by_address && after.as_ref().is_some_and(|after| after.layer == LayerName::RateLimit) {
        report.note_limit();
    }
    let change = |by: &Stopped| Change::new(by, &request.method, &path(&asked), &request.id);
    match (before, after) {
        (Some(before), None) => match old.map_or_else(|| unknown(&before, request), |_| None) {
            Some(why) => report.cannot(why),
            None => report.newly_passing(change(&before)),
        },
        (None, Some(after)) => report.newly_stopped(change(&after)),
        (Some(_), Some(_)) => report.stopped_still += 1,
        (None, None) => report.passed_still += 1,
    }
}

fn path(asked: &Asked) -> String {
    let target = String::from_utf8_lossy(&asked.target);
    shown_path(target.split('?').next().unwrap_or_default())
}

/// Whether the app failed: the request had reached it, or was on its way.
fn is_the_apps(stopped: &Stopped) -> bool {
    stopped.layer == LayerName::Protocol && stopped.rule.starts_with("app-")
}

/// Why what was refused then cannot be judged again from what is recorded; `None` when it can.
fn unknown(before: &Stopped, request: &Request) -> Option<&'static str> {
    let part = before.part.as_str();
    if matches!(before.rule.as_str(), "head-timeout" | "body-too-slow") {
        return Some("it was refused for its slowness");
    }
    if before.layer == LayerName::Response && before.rule != "decoy" {
        return Some("it was under a sanction, which followed from requests and answers before it");
    }
    if before.layer == LayerName::RateLimit && !request.one_of_all {
        return Some("it was over a limit, and not all requests of that time are recorded");
    }
    if is_masked(part, request) {
        return Some("what was refused in it is masked");
    }
    let partly = request.body.as_ref().is_some_and(|body| !body.whole);
    (partly && !is_of_head(part)).then_some("what was refused is of its body, which is not recorded or not in full")
}

/// Whether a part is of the head, in the words of findings.
fn is_of_head(part: &str) -> bool {
    let part = part.strip_prefix("name ").unwrap_or(part);
    [
        "path",
        "query",
        "header",
        "cookie",
        "target",
        "REQUEST_HEADERS",
        "REQUEST_COOKIES",
        "REQUEST_LINE",
        "REQUEST_URI",
        "ARGS_GET",
    ]
    .iter()
    .any(|word| part.starts_with(word))
}

/// Whether what stands there is masked. A rule set names its variables in its own way: `ARGS:password`.
fn is_masked(part: &str, request: &Request) -> bool {
    let name = |part: &str| part.split_once([' ', ':']).map(|(_, name)| name.to_ascii_lowercase());
    let own = name(part);
    let is_rule_sets = part.starts_with(|first: char| first.is_ascii_uppercase());
    request.masked.iter().any(|masked| {
        let same_name = own.is_some() && name(masked) == own;
        masked == part || Some(masked.as_str()) == part.strip_prefix("name ") || (is_rule_sets && (same_name || own.is_none()))
    })
}
