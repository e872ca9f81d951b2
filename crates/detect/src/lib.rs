//! Detectors that parse what an attacker wants parsed: SQL, HTML, shell, paths, templates, Python, serialised objects.
//!
//! Each detector puts a value where apps put values, reads it there as the interpreter would, and says whether the value leaves its
//! place: closes a quote and goes on with syntax, starts a tag, ends a command. That `SELECT` or `<` occurs says nothing.
//!
//! ```
//! use gambeson_detect::{BLOCK_FROM, Budget, Where, judge};
//!
//! let mut budget = Budget::new(1_000_000);
//! assert!(judge(b"x' UNION SELECT name, password FROM users --", Where::Value, &mut budget).score() >= BLOCK_FROM);
//! assert!(judge(b"O'Brien asked the union to select a delegate", Where::Value, &mut budget).score() < BLOCK_FROM);
//! ```
//!
//! A value is judged as sent and in each decoding that it invites, a bounded number deep. The work is counted in steps against a
//! budget and grows with the length of the value, never faster. There is no knowledge of HTTP here and no I/O.

mod decode;
mod finding;
mod html;
mod js;
mod marks;
mod path;
mod shell;
mod sql;

pub use finding::{BLOCK_FROM, Budget, Finding, Findings, Rule, Step, Steps, Where};

use finding::{Judging, Text};
use marks::Marks;

/// A detector: its rules, the bytes it cannot do without, and its judgement of one text.
struct Detector {
    rules: &'static [Rule],
    needs: Marks,
    judge: fn(&Text<'_>, &mut Judging<'_>),
}

/// All detectors, in the order of their findings.
const DETECTORS: &[Detector] = &[
    Detector { rules: sql::RULES, needs: sql::NEEDS, judge: sql::judge },
    Detector { rules: html::RULES, needs: html::NEEDS, judge: html::judge },
    Detector { rules: js::RULES, needs: js::NEEDS, judge: js::judge },
    Detector { rules: shell::RULES, needs: shell::NEEDS, judge: shell::judge },
    Detector { rules: path::RULES, needs: path::NEEDS, judge: path::judge },
];

/// Every rule of every detector, for documentation and for checking the names in a policy.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    DETECTORS.iter().flat_map(|d| d.rules)
}

/// Judges one value: as sent, and in every decoding it invites.
pub fn judge(value: &[u8], place: Where, budget: &mut Budget) -> Findings {
    let mut findings = Findings::default();
    let marks = Marks::of(value);
    if !budget.spend(value.len()) {
        findings.exhausted = true;
        return findings;
    }
    if marks.is_word() && !decode::may_be_base64(value, marks) {
        return findings;
    }
    let mut judging = Judging { findings: &mut findings, budget };
    decode::each_view(value, marks, place, &mut judging, judge_view);
    findings
}

/// Judges one decoding of a value.
fn judge_view(text: &Text<'_>, judging: &mut Judging<'_>) {
    for detector in DETECTORS {
        if text.marks.any(detector.needs) {
            (detector.judge)(text, judging);
        }
    }
}
