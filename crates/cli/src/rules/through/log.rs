//! What the gateway wrote down of each exchange.

use super::super::failure;
use crate::{Failure, Result};
use gambeson_core::{
    policy::{LayerName, Mode},
    record::{Action, Finding, Record},
};
use gambeson_store::{
    audit::{Event, LogReader},
    state_dir::StateDir,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    path::Path,
};

/// Records that are read, at most: more than any rule set has tests.
const RECORDS_MAX: usize = 1_000_000;

/// The first record of each address.
#[derive(Debug, Default)]
pub(super) struct Log(BTreeMap<Ipv4Addr, Record>);

impl Log {
    /// Reads the log of a gateway that has ended.
    pub(super) fn read(state: &Path) -> Result<Self> {
        let reader = LogReader::open(&StateDir::open(state).map_err(failure)?).map_err(failure)?;
        let mut records = BTreeMap::new();
        for entry in reader.tail(RECORDS_MAX).map_err(failure)?.0 {
            match entry.event {
                Event::Exchange(record) => {
                    if let Ok(client) = record.client.parse() {
                        records.entry(client).or_insert(*record);
                    }
                }
                Event::Lost { count, why } => return Err(Failure::new(format!("the audit log lost {count} records: {why}"))),
                _ => {}
            }
        }
        Ok(Self(records))
    }

    pub(super) fn of(&self, address: Ipv4Addr) -> Option<&Record> {
        self.0.get(&address)
    }
}

/// The rules of the rule set that a record names as found.
pub(super) fn detected(record: &Record) -> BTreeSet<u64> {
    let of_rules = record.findings.iter().filter(|finding| finding.rule == "crs-detected");
    let list = of_rules.filter_map(|finding| finding.why.strip_prefix("rules ")?.split_once(" match").map(|(list, _)| list));
    list.flat_map(|list| list.split(", ")).filter_map(|id| id.parse().ok()).collect()
}

/// The rule of our own by which the request was refused before the rule set was asked.
pub(super) fn refused_earlier(record: &Record) -> Option<String> {
    let refuses = |finding: &&Finding| finding.action == Action::Refuse && finding.mode == Mode::Enforce;
    let earlier = record.findings.iter().filter(refuses).find(|finding| finding.layer != LayerName::Intrusion)?;
    Some(format!("{} (rule {})", earlier.layer, earlier.rule))
}

/// Whether our own layers would have refused it, had they not been told to report.
pub(super) fn would_be_refused(record: &Record) -> bool {
    record.findings.iter().any(|finding| finding.action == Action::Refuse && finding.mode == Mode::Report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(findings: &str) -> Record {
        let text = format!(r#"{{"id":"x","time_ms":1,"client":"127.1.0.1","status":200,"findings":[{findings}]}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn finding(layer: &str, rule: &str, mode: &str, action: &str, why: &str) -> String {
        format!(r#"{{"layer":"{layer}","rule":"{rule}","mode":"{mode}","action":"{action}","why":"{why}"}}"#)
    }

    #[test]
    fn the_rules_are_read_as_the_layer_writes_them() {
        let why = "rules 942100, 920273 match; the rule set says `SecRuleEngine DetectionOnly`";
        let found = detected(&record(&finding("intrusion", "crs-detected", "enforce", "note", why)));
        assert_eq!(found, BTreeSet::from([942_100, 920_273]));
        assert!(detected(&record(&finding("intrusion", "crs-partial", "enforce", "note", why))).is_empty());
    }

    #[test]
    fn only_what_was_refused_before_the_rules_was_refused_earlier() {
        let by = |layer, mode, action| refused_earlier(&record(&finding(layer, "missing-host", mode, action, "")));
        assert_eq!(by("protocol", "enforce", "refuse").as_deref(), Some("protocol (rule missing-host)"));
        assert_eq!(by("protocol", "report", "refuse"), None);
        assert_eq!(by("protocol", "enforce", "change"), None);
        assert_eq!(by("intrusion", "enforce", "refuse"), None);
        assert!(would_be_refused(&record(&finding("protocol", "missing-host", "report", "refuse", ""))));
    }
}
