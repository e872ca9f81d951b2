//! Whether each rule finds through the gateway what its tests say.

use super::{
    super::regression::{self, Named, listed},
    log,
    stand::{self, Rules, Seen},
};
use crate::{Global, Outcome, Result};
use gambeson_seclang::ftw::{self, Stage, Test};
use serde::Serialize;
use std::{collections::BTreeSet, fmt::Write as _, path::Path};

/// What came of the tests.
#[derive(Debug, Default, Serialize)]
struct Report {
    passed: usize,
    /// Of those: requests that `protocol` would refuse where it enforces.
    passed_that_protocol_would_refuse: usize,
    failed: Vec<Named>,
    refused_earlier: Vec<Named>,
    excepted: Vec<Named>,
}

pub(crate) fn run(folder: &Path, only: &[String], global: &Global) -> Result {
    let tests = regression::tests(folder, only)?;
    let requests = tests.iter().flat_map(|test| &test.stages).map(|stage| stage.request.clone()).collect();
    let seen = stand::send(Rules { folder, settings: ftw::SETTINGS, mode: "enforce" }, requests)?;
    let (mut report, mut number) = (Report::default(), 0);
    for test in &tests {
        report.add(test, number, &seen);
        number += test.stages.len();
    }
    global.print(&report, Report::text)?;
    Ok(Outcome::findings_if(!report.failed.is_empty()))
}

/// How one request ended.
enum End {
    /// As expected; whether `protocol` would have refused it.
    Held(bool),
    /// Before the rules: by which rule of ours.
    RefusedEarlier(String),
    /// For a reason that is its form's, not its own.
    Excepted(String),
    Failed(String),
}

fn end(stage: &Stage, number: usize, seen: &Seen) -> End {
    let record = seen.log.of(stand::address(number));
    let status = seen.came.get(number).and_then(Option::as_ref).map_or(0, |came| came.status);
    let Some(record) = record else { return End::Failed("the gateway wrote nothing down of it".to_owned()) };
    let would_be_refused = log::would_be_refused(record);
    // A test that asks for a refusal, and no more than that, has got it; or would have, where `protocol` enforces.
    let wants_refusal = stage.expect.status.is_some_and(|status| (400..500).contains(&status)) && stage.expect.ids.is_empty();
    match log::refused_earlier(record) {
        Some(_) if stage.expect.status == Some(status) && wants_refusal => return End::Held(false),
        Some(by) => return End::RefusedEarlier(by),
        None if wants_refusal && would_be_refused => return End::Held(true),
        None => {}
    }
    let ids: BTreeSet<u64> = log::detected(record);
    let lines: Vec<String> = ids.iter().map(|id| format!("[id \"{id}\"]")).collect();
    match stage.expect.compare(status, &|id| ids.contains(&id), &lines.join("\n")) {
        Ok(()) => End::Held(would_be_refused),
        Err(_) if stage.expect.log.as_deref().is_some_and(|pattern| !is_of_ids(pattern)) => End::Excepted(WORDS.to_owned()),
        Err(why) => End::Failed(format!("{} (reference {})", why.replace('\n', " "), record.id)),
    }
}

const WORDS: &str = "asks for words of ModSecurity's log line. The audit log names the rules, the part and the value, each in a field of its \
     own; in process the same test is compared with the words.";

/// Whether a pattern looks for the numbers of rules, and nothing else.
fn is_of_ids(pattern: &str) -> bool {
    pattern.starts_with("\\[id ") && pattern.ends_with("\\]") && !pattern.contains("msg")
}

impl Report {
    fn add(&mut self, test: &Test, first: usize, seen: &Seen) {
        let name = test.name.clone();
        let mut would_be_refused = false;
        for (number, stage) in test.stages.iter().enumerate() {
            let list = match end(stage, first + number, seen) {
                End::Held(refused) => {
                    would_be_refused |= refused;
                    continue;
                }
                End::RefusedEarlier(by) => (&mut self.refused_earlier, by),
                End::Excepted(why) => (&mut self.excepted, why),
                End::Failed(why) => match exceptions().find(|(excepted, _)| *excepted == name) {
                    Some((_, reason)) => (&mut self.excepted, reason.to_owned()),
                    None => (&mut self.failed, why),
                },
            };
            list.0.push(Named { test: name, why: list.1 });
            return;
        }
        self.passed += 1;
        self.passed_that_protocol_would_refuse += usize::from(would_be_refused);
    }

    fn text(&self) -> String {
        let mut text = listed("refused earlier", &self.refused_earlier);
        text.push_str(&listed("excepted", &self.excepted));
        text.push_str(&listed("failed", &self.failed));
        let (failed, refused, excepted) = (self.failed.len(), self.refused_earlier.len(), self.excepted.len());
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            text,
            "{} passed ({} of them where protocol, told to report, would have refused), {failed} failed, {refused} refused earlier, \
             {excepted} excepted",
            self.passed, self.passed_that_protocol_would_refuse
        );
        text
    }
}

/// Tests that end otherwise behind a gateway, with the reason why that is right.
fn exceptions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("exceptions.txt").lines().filter(|line| !line.starts_with('#'));
    ftw::exceptions().chain(lines.filter_map(|line| line.split_once(": ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_are_beyond_the_audit_log() {
        for (pattern, is) in
            [(r#"\[id "\d+"\]"#, true), (r"found within ARGS:x", false), (r#"\[id "922130"\].*\[msg "Multipart"\]"#, false)]
        {
            assert_eq!(is_of_ids(pattern), is, "{pattern}");
        }
    }

    #[test]
    fn every_exception_has_a_test_and_a_reason() {
        assert!(exceptions().count() > 5);
        for (name, reason) in exceptions() {
            assert!(name.split_once('-').is_some_and(|(rule, _)| rule.len() == 6) && reason.ends_with('.'), "{name}: {reason}");
        }
    }
}
