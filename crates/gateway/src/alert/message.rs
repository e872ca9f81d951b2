//! What an alert says: a sentence and some facts, without values that came with a request.

use gambeson_core::{
    policy::{LayerName, Mode, alert::Topic},
    record::{Action, Finding, Record},
};
use gambeson_store::audit::{mask_text, printable};

/// A sentence and a fact are never longer, in characters: a datagram holds them all.
const SENTENCE_MAX: usize = 300;
const FACT_MAX: usize = 120;

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alert {
    pub(super) topic: Topic,
    pub(super) severity: Severity,
    /// Milliseconds since 1970, UTC.
    pub(super) time_ms: u64,
    /// What happened, in a sentence.
    pub(super) sentence: String,
    /// `reference`, `client`, `request`, `rule`, `count`.
    pub(super) facts: Vec<(&'static str, String)>,
}

/// How grave it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Critical,
    Error,
    Warning,
    Notice,
}

impl Severity {
    /// As syslog counts (RFC 5424 section 6.2.1): 0 is the gravest.
    pub(super) const fn syslog(self) -> u8 {
        match self {
            Self::Critical => 2,
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
        }
    }

    /// As the Common Event Format counts: 10 is the gravest.
    pub(super) const fn cef(self) -> u8 {
        match self {
            Self::Critical => 9,
            Self::Error => 7,
            Self::Warning => 5,
            Self::Notice => 3,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

impl Alert {
    pub(super) fn new(topic: Topic, severity: Severity, time_ms: u64, sentence: impl Into<String>) -> Self {
        Self { topic, severity, time_ms, sentence: safe(sentence.into(), SENTENCE_MAX), facts: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, fact: impl Into<String>) -> Self {
        self.facts.push((name, safe(fact.into(), FACT_MAX)));
        self
    }
}

/// A text that may be shown and sent: no credential, no control character, not long.
fn safe(mut text: String, chars_max: usize) -> String {
    mask_text(&mut text);
    let mut text = printable(&text);
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What refused the request or replaced its answer.
pub(super) fn refusal(record: &Record) -> Option<&Finding> {
    record.findings.iter().find(|one| is_refusal(one))
}

pub(crate) fn is_refusal(one: &Finding) -> bool {
    one.mode == Mode::Enforce && matches!(one.action, Action::Refuse | Action::Replace)
}

/// Whether a refusal is of an attack, and not of a habit, a limit or a failure.
pub(super) fn is_attack(refused: &Finding) -> bool {
    refused.layer == LayerName::Intrusion
}

pub(super) fn of_refusal(record: &Record, refused: &Finding) -> Alert {
    let rule = format!("{}/{}", refused.layer, refused.rule);
    facts(
        Alert::new(Topic::Refusals, Severity::Notice, record.time_ms, format!("a request was refused by {rule}")),
        record,
        &rule,
    )
}

pub(super) fn of_attacks(record: &Record, refused: &Finding, count: u64, is_logged: bool) -> Alert {
    let rule = format!("{}/{}", refused.layer, refused.rule);
    let more = match is_logged {
        true => format!("`gambeson log show {}` explains the last", record.id),
        false => "the log does not get them".to_owned(),
    };
    let sentence = format!("{count} requests were refused as attacks within a minute; {more}");
    facts(Alert::new(Topic::Attacks, Severity::Warning, record.time_ms, sentence), record, &rule).with("count", count.to_string())
}

fn facts(alert: Alert, record: &Record, rule: &str) -> Alert {
    let request = format!("{} {}{}", record.method, record.host, record.path);
    alert.with("reference", &*record.id).with("client", &*record.client).with("request", request).with("rule", rule)
}

/// What a notice of the gateway is about; `None` for the ordinary ones. A new kind of sanction needs nothing here.
pub(super) fn of_notice(what: &str, detail: &str, time_ms: u64) -> Option<Alert> {
    let (topic, severity) = match what {
        // The mildest measures are common, and are followed by others where they do not help.
        "sanction" if ["log of ", "slow of "].iter().any(|mild| detail.starts_with(mild)) => return None,
        "sanction" => (Topic::Sanctions, Severity::Warning),
        "bans unreadable" | "packet filter" => (Topic::Sanctions, Severity::Error),
        "reload refused" => (Topic::Policy, Severity::Error),
        "certificates refused" | "no certificate by ACME" => (Topic::Certificates, Severity::Error),
        "app ended" => (Topic::App, Severity::Critical),
        _ => return None,
    };
    // What is wrong with a policy is told in many lines, with the policy's own text.
    let first = detail.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    Some(Alert::new(topic, severity, time_ms, format!("{what}: {first}")))
}
