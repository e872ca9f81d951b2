//! What browsers reported: equal reports counted together, from the audit log.

use gambeson_core::record::Finding;
use gambeson_store::audit::{Entry, Event};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// What browsers refused, the most frequent first.
#[derive(Debug, Serialize)]
pub(super) struct Violations(Vec<Violation>);

#[derive(Debug, Serialize)]
struct Violation {
    /// How many messages of browsers said so.
    reports: usize,
    /// The directive.
    directive: String,
    /// The origin, or a word such as `inline`.
    blocked: String,
    /// The pages it was on.
    pages: BTreeSet<String>,
    /// The reference id of the last report.
    last: String,
}

/// Pages that are named, of each.
const PAGES_SHOWN: usize = 3;

impl Violations {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut found: BTreeMap<(String, String), Violation> = BTreeMap::new();
        for entry in entries {
            let Event::Exchange(record) = &entry.event else { continue };
            for finding in record.findings.iter().filter(|finding| finding.rule == "csp-violation") {
                let (directive, page) = parts(finding);
                let known = found.entry((directive.to_owned(), finding.value.clone())).or_insert_with(|| Violation {
                    reports: 0,
                    directive: directive.to_owned(),
                    blocked: finding.value.clone(),
                    pages: BTreeSet::new(),
                    last: String::new(),
                });
                known.reports += 1;
                known.pages.insert(page.to_owned());
                known.last.clone_from(&record.id);
            }
        }
        let mut all: Vec<Violation> = found.into_values().collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.reports));
        Self(all)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn text(&self) -> String {
        if self.is_empty() {
            return "no browser reported anything\n".to_owned();
        }
        let mut text = String::new();
        for one in &self.0 {
            let pages: Vec<&str> = one.pages.iter().take(PAGES_SHOWN).map(String::as_str).collect();
            let more = one.pages.len() - pages.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let (count, directive, blocked) = (one.reports, &one.directive, &one.blocked);
            let _ = writeln!(text, "{count:6} × {directive} refused {blocked} on {}{more}; last {}", pages.join(", "), one.last);
            let _ = writeln!(text, "         {}", one.advice());
        }
        text
    }
}

impl Violation {
    /// What to do when it is the app's own, and not an attack.
    fn advice(&self) -> String {
        let key = self.directive.trim_end_matches("-elem").trim_end_matches("-attr").replace('-', "_");
        match self.blocked.as_str() {
            "inline" if self.directive == "script-src-attr" => {
                "if it is the app's: move the handler into a file (addEventListener)".to_owned()
            }
            "inline" => "if it is the app's: `gambeson csp learn` finds its hash".to_owned(),
            "eval" | "wasm-eval" => "if it is the app's: replace what evaluates text as code".to_owned(),
            origin if origin.contains("://") => format!("if it is the app's: add \"{origin}\" to `{key}` in [headers.csp]"),
            scheme => format!("if it is the app's: add \"{scheme}:\" to `{key}` in [headers.csp]"),
        }
    }
}

/// A finding says `DIRECTIVE on PAGE`.
fn parts(finding: &Finding) -> (&str, &str) {
    finding.part.split_once(" on ").unwrap_or((&finding.part, "?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, part: &str, value: &str) -> Entry {
        let finding = serde_json::json!({
            "layer": "headers", "rule": "csp-violation", "mode": "enforce", "action": "note", "why": "", "where": part, "value": value,
        });
        let event = serde_json::json!({
            "kind": "exchange", "id": id, "time_ms": 0, "client": "127.0.0.1", "status": 204, "findings": [finding],
        });
        let entry = serde_json::json!({ "seq": 1, "time": "", "event": event, "prev": "", "hash": "" });
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn equal_reports_are_counted_together() {
        let found = Violations::of(&[
            entry("a", "img-src on /a", "https://i.example"),
            entry("b", "script-src-elem on /a", "inline"),
            entry("c", "script-src-elem on /b", "inline"),
        ]);
        assert_eq!(
            found.text(),
            "     2 × script-src-elem refused inline on /a, /b; last c\n         if it is the app's: `gambeson csp learn` finds its hash\n     1 × \
             img-src refused https://i.example on /a; last a\n         if it is the app's: add \"https://i.example\" to `img_src` in [headers.csp]\n"
        );
        assert!(Violations::of(&[]).is_empty());
    }
}
