//! What the log says of a refusal by rules: which of them, of which value, and what would except it.

use super::exclude::Exclude;
use crate::{
    layers::Denial,
    record::{shown, shown_under},
};
use gambeson_seclang::{Match, Refusal, Verdict};
use http::StatusCode;
use std::{borrow::Cow, ops::RangeInclusive};

const SAY: &str = "This request looks like an attack on this site, so it was not carried out.";
const SAY_ANSWER: &str = "The answer of this site shows what it should not, so it is not shown.";

/// Rules that the log names of one refusal, at most.
const NAMED_MAX: usize = 8;

/// Rules that the log names of one exchange in which they only detect, at most.
const DETECTED_MAX: usize = 200;

/// The refusal, when the rules ended the exchange in one of these phases.
pub(super) fn denial(verdict: &Verdict, phases: &RangeInclusive<u8>, path: &str) -> Option<Box<Denial>> {
    let end = verdict.interruption.as_ref().filter(|end| phases.contains(&end.phase))?;
    let of_answer = end.phase > 2;
    let status = match end.action {
        Refusal::Deny(status) => StatusCode::from_u16(status).ok().filter(|status| status.as_u16() >= 400),
        _ => None,
    };
    let grounds = grounds(verdict, end.rule, of_answer);
    let main = grounds.first();
    let mut denial = Denial::new(
        "crs",
        status.unwrap_or(StatusCode::FORBIDDEN),
        if of_answer { SAY_ANSWER } else { SAY },
        why(&grounds, end.rule),
    );
    if let Some(main) = main {
        denial.transformations =
            main.transforms.iter().map(|transform| Cow::from(lower_first(&format!("{transform:?}")))).collect();
        denial = denial.at(shown(main.variable.as_bytes()), shown_under(&main.variable, &main.value));
    }
    Some(denial.allowed_by(allow(&grounds, end.rule, path)))
}

/// What is written down of matches that refuse nothing: every rule, and the value of the gravest.
pub(super) fn detected(verdict: &Verdict) -> Option<(String, String, String)> {
    let mut rules: Vec<String> = Vec::new();
    for found in &verdict.matches {
        let rule = found.rule.to_string();
        if rules.len() < DETECTED_MAX && !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    let main = verdict.matches.iter().min_by_key(|found| (adds_up(found), found.severity.unwrap_or(u8::MAX)))?;
    let why = format!("rules {} match; the rule set says `SecRuleEngine DetectionOnly`", rules.join(", "));
    Some((why, shown(main.variable.as_bytes()), shown_under(&main.variable, &main.value)))
}

/// Whether a rule only counts what others found.
fn adds_up(found: &Match) -> bool {
    found.variable.starts_with("TX")
}

/// The matches that led to the end, the gravest first: the rule that refuses often only adds up what others found.
fn grounds(verdict: &Verdict, ended_by: u64, of_answer: bool) -> Vec<&Match> {
    let mut found: Vec<&Match> =
        verdict.matches.iter().filter(|found| !adds_up(found) && (found.phase > 2) == of_answer).collect();
    found.sort_by_key(|found| (found.rule != ended_by, found.severity.unwrap_or(u8::MAX)));
    if found.is_empty() {
        found.extend(verdict.matches.iter().find(|found| found.rule == ended_by));
    }
    found
}

fn why(grounds: &[&Match], ended_by: u64) -> String {
    let Some((main, others)) = grounds.split_first() else {
        return format!("rule {ended_by} of the rule set, or one of its limits");
    };
    let mut why = format!("rule {}: {}", main.rule, shown(main.msg.as_bytes()));
    let others: Vec<String> = others.iter().take(NAMED_MAX).map(|found| found.rule.to_string()).collect();
    if !others.is_empty() {
        why.push_str(&format!("; also {}", others.join(", ")));
    }
    if main.rule != ended_by {
        why.push_str(&format!("; together enough for rule {ended_by}"));
    }
    why
}

/// The lines of policy that except just this.
fn allow(grounds: &[&Match], ended_by: u64, path: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for found in grounds {
        let line = toml::Value::from(Exclude::narrowest(found.rule, &found.variable, path).to_string()).to_string();
        if !lines.contains(&line) && lines.len() < NAMED_MAX {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        lines.push(format!("\"{ended_by}\""));
    }
    format!("[intrusion.crs]\nexclude = [{}]", lines.join(", "))
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| format!("{}{}", first.to_lowercase(), letters.as_str())).unwrap_or_default()
}
