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

pub mod attacks;
mod decode;
mod finding;
mod header;
mod html;
mod js;
mod ldap;
mod leave;
mod marks;
mod nosql;
mod path;
mod python;
mod scanner;
mod serialised;
mod shell;
mod sql;
mod template;
mod url;
mod xml;
mod xpath;

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
    Detector { rules: template::RULES, needs: template::NEEDS, judge: template::judge },
    Detector { rules: python::RULES, needs: python::NEEDS, judge: python::judge },
    Detector { rules: serialised::RULES, needs: serialised::NEEDS, judge: serialised::judge },
    Detector { rules: xml::RULES, needs: xml::NEEDS, judge: xml::judge },
    Detector { rules: url::RULES, needs: url::NEEDS, judge: url::judge },
    Detector { rules: ldap::RULES, needs: ldap::NEEDS, judge: ldap::judge },
    Detector { rules: xpath::RULES, needs: xpath::NEEDS, judge: xpath::judge },
    Detector { rules: nosql::RULES, needs: nosql::NEEDS, judge: nosql::judge },
    Detector { rules: header::RULES, needs: header::NEEDS, judge: header::judge },
    Detector { rules: scanner::RULES, needs: scanner::NEEDS, judge: scanner::judge },
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
