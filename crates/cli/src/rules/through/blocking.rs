//! Whether what the rules find is stopped, with the settings of a release: paranoia level 1, and thresholds that one critical rule
//! reaches in a request and one rule of grade error in an answer.
//!
//! Which tests those are is found in process, with rules that refuse nothing. Each is then sent twice: where the rules enforce it must be
//! refused with a reference id and never reach the app, and what answers must not leave; where they are off it must reach the app, or the
//! refusal would prove nothing.

use super::{
    super::regression::{self, Named, listed},
    log,
    stand::{self, Rules, Seen},
};
use crate::{Global, Outcome, Result};
use gambeson_core::record::Record;
use gambeson_seclang::{
    Match, RuleSet, Transaction,
    ftw::{self, Stage, Test},
};
use serde::Serialize;
use std::{fmt::Write as _, path::Path};

/// SecLang's grades that reach the thresholds alone.
const CRITICAL: u8 = 2;
const ERROR: u8 = 3;

/// What came of the attacks.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Requests that were refused, did not reach the app, and reach it without the rules.
    requests_stopped: usize,
    /// Answers that did not leave, and leave without the rules.
    answers_stopped: usize,
    failed: Vec<Named>,
    refused_earlier: Vec<Named>,
}

/// A request that must be stopped.
struct Attack<'t> {
    test: &'t str,
    request: &'t [u8],
    /// Whether it is the answer that must not leave.
    of_answer: bool,
}

pub(crate) fn run(folder: &Path, only: &[String], global: &Global) -> Result {
    let tests = regression::tests(folder, only)?;
    let rules = regression::load(folder, DETECTS)?;
    let attacks: Vec<Attack<'_>> = tests.iter().flat_map(|test| attacks(&rules, test)).collect();
    let requests = || attacks.iter().map(|attack| attack.request.to_vec()).collect();
    let with = stand::send(Rules { folder, settings: "", mode: "enforce" }, requests())?;
    let without = stand::send(Rules { folder, settings: "", mode: "off" }, requests())?;
    let mut report = Report::default();
    for (number, attack) in attacks.iter().enumerate() {
        report.add(attack, number, &with, &without);
    }
    global.print(&report, Report::text)?;
    Ok(Outcome::findings_if(!report.failed.is_empty()))
}

const DETECTS: &str = "SecRuleEngine DetectionOnly\n";

fn attacks<'t>(rules: &'t RuleSet, test: &'t Test) -> impl Iterator<Item = Attack<'t>> {
    test.stages.iter().filter_map(|Stage { request, expect }| {
        let matches = ftw::exchange(Transaction::new(rules), request).verdict.matches;
        let is_expected = |found: &&Match| expect.ids.contains(&found.rule);
        let of_request = |found: &Match| found.phase <= 2 && found.severity.is_some_and(|grade| grade <= CRITICAL);
        let of_answer = |found: &Match| found.phase > 2 && found.severity.is_some_and(|grade| grade <= ERROR);
        let any = |is: &dyn Fn(&Match) -> bool| matches.iter().filter(is_expected).any(is);
        let (asks, answers) = (any(&of_request), any(&of_answer));
        (asks || answers).then_some(Attack { test: &test.name, request, of_answer: !asks })
    })
}

impl Report {
    fn add(&mut self, attack: &Attack<'_>, number: usize, with: &Seen, without: &Seen) {
        let name = || attack.test.to_owned();
        if let Some(by) = with.log.of(stand::address(number)).and_then(log::refused_earlier) {
            return self.refused_earlier.push(Named { test: name(), why: by });
        }
        match judge(attack, number, with, without) {
            Ok(()) if attack.of_answer => self.answers_stopped += 1,
            Ok(()) => self.requests_stopped += 1,
            Err(why) => self.failed.push(Named { test: name(), why }),
        }
    }

    fn text(&self) -> String {
        let mut text = listed("refused earlier", &self.refused_earlier);
        text.push_str(&listed("failed", &self.failed));
        let (requests, answers) = (self.requests_stopped, self.answers_stopped);
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            text,
            "{requests} requests refused that reach the app without the rules, {answers} answers kept back that leave without them, {} \
             failed, {} refused earlier",
            self.failed.len(),
            self.refused_earlier.len()
        );
        text
    }
}

fn judge(attack: &Attack<'_>, number: usize, with: &Seen, without: &Seen) -> std::result::Result<(), String> {
    let address = stand::address(number);
    let came = with.came.get(number).and_then(Option::as_ref).ok_or("no answer")?;
    let bare = without.came.get(number).and_then(Option::as_ref).ok_or("no answer without the rules")?;
    let record = with.log.of(address).ok_or("the gateway wrote nothing down of it")?;
    if !by_rules(record) || came.reference.as_ref() != Some(&record.id) {
        return Err(format!("status {}, and no refusal by the rules with a reference id", came.status));
    }
    if without.log.of(address).is_some_and(by_rules) || without.reached.of(address) == 0 {
        return Err(format!("without the rules it does not reach the app either: status {}", bare.status));
    }
    let reached = with.reached.of(address);
    match attack.of_answer {
        true if came.body == bare.body => Err("the answer left all the same".to_owned()),
        false if came.status != 403 || reached > 0 => {
            Err(format!("status {}, and {reached} requests reached the app", came.status))
        }
        _ => Ok(()),
    }
}

/// Whether the rule set refused the request, or replaced the answer.
fn by_rules(record: &Record) -> bool {
    record.findings.iter().any(|finding| finding.rule == "crs")
}
