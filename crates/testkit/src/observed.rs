//! What a host did, and whether that is what the case expects.

use crate::{
    case::Case,
    expect::{Detail, Verdict},
};

/// What came of a case's last request in a host.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// What the app saw; `None` when it was not asked.
    pub forwarded: Option<Forwarded>,
    /// The status that left.
    pub status: u16,
    /// The header lines that left; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body that left.
    pub body: String,
    /// What the layers found; `None` where the host cannot tell.
    pub findings: Option<Vec<Seen>>,
}

/// What the app saw of a request.
#[derive(Debug, Clone, Default)]
pub struct Forwarded {
    /// The target.
    pub target: String,
    /// The header lines; names in lower case.
    pub headers: Vec<(String, String)>,
}

/// A finding, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `layer/rule`.
    pub rule: String,
    /// `refuse`, `answer`, `change`, `replace`, `note`.
    pub action: String,
    /// Whether the layer only reported.
    pub report: bool,
}

impl Case {
    /// Everything in which a host's doing differs from what the case expects; empty when it holds.
    #[must_use]
    pub fn check(&self, seen: &Observed) -> Vec<String> {
        let mut faults = Vec::new();
        self.check_verdict(seen, &mut faults);
        self.check_findings(seen, &mut faults);
        for detail in &self.expect.details {
            faults.extend(fault(detail, seen));
        }
        faults
    }

    fn check_verdict(&self, seen: &Observed, faults: &mut Vec<String>) {
        let (asked, action, rule, status) = match &self.expect.verdict {
            Verdict::Forward => (true, "", "", None),
            Verdict::Refuse { rule, status } => (false, "refuse", rule.as_str(), Some(*status)),
            Verdict::Answer { rule, status } => (false, "answer", rule.as_str(), Some(*status)),
            Verdict::Replace { rule, status } => (true, "replace", rule.as_str(), Some(*status)),
        };
        if asked != seen.forwarded.is_some() {
            faults.push(format!("the app {} asked", if asked { "was not" } else { "was" }));
        }
        if status.is_some_and(|status| status != seen.status) {
            faults.push(format!("the status is {}", seen.status));
        }
        let Some(findings) = &seen.findings else { return };
        let decided = |one: &&Seen| !one.report && matches!(one.action.as_str(), "refuse" | "answer" | "replace");
        let found: Vec<_> = findings.iter().filter(decided).map(|one| format!("{} {}", one.action, one.rule)).collect();
        let wanted: Vec<_> = (!action.is_empty()).then(|| format!("{action} {rule}")).into_iter().collect();
        // An ordinary answer of a layer is not written down, so a host that reads the log cannot see it.
        let unseen = action == "answer" && found.is_empty();
        if found != wanted && !unseen {
            faults.push(format!("decided: {found:?}"));
        }
    }

    fn check_findings(&self, seen: &Observed, faults: &mut Vec<String>) {
        let Some(findings) = &seen.findings else { return };
        for (action, rule) in &self.expect.findings {
            let fits = |one: &Seen| one.rule == *rule && if action == "report" { one.report } else { one.action == *action };
            if !findings.iter().any(fits) {
                faults.push(format!("no {action} {rule}; found: {findings:?}"));
            }
        }
        let named = |one: &Seen| self.expect.findings.iter().any(|(_, rule)| *rule == one.rule);
        let silent = findings.iter().filter(|one| one.report && one.action != "change" && !named(one));
        faults.extend(silent.map(|one| format!("{} reported, which the case does not say", one.rule)));
    }
}

fn fault(detail: &Detail, seen: &Observed) -> Option<String> {
    let app = seen.forwarded.clone().unwrap_or_default();
    let (holds, found) = match detail {
        Detail::Status(status) => (*status == seen.status, seen.status.to_string()),
        Detail::UpstreamTarget(target) => (*target == app.target, app.target),
        Detail::UpstreamHeader(name, value) => {
            let found = lines(&app.headers, name);
            (found == [value.as_str()], format!("{found:?}"))
        }
        Detail::UpstreamHeaderAbsent(name) => absent(&app.headers, name),
        Detail::ResponseHeader(name, value) => {
            let found = lines(&seen.headers, name);
            (found.contains(&value.as_str()), format!("{found:?}"))
        }
        Detail::ResponseHeaderAbsent(name) => absent(&seen.headers, name),
        Detail::BodyContains(text) => (seen.body.contains(text), seen.body.clone()),
        Detail::BodyLacks(text) => (!seen.body.contains(text), seen.body.clone()),
    };
    (!holds).then(|| format!("{detail:?}, but found: {found}"))
}

fn lines<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    headers.iter().filter(|(one, _)| one == name).map(|(_, value)| value.as_str()).collect()
}

fn absent(headers: &[(String, String)], name: &str) -> (bool, String) {
    let found = lines(headers, name);
    (found.is_empty(), format!("{found:?}"))
}
