//! Every case in the layers' READMEs holds in the bare engine.

use crate::replay::replay;
use gambeson_core::{layers::rules, policy::LayerName};
use gambeson_testkit::{Case, Host, Verdict};
use std::path::PathBuf;

fn readme(layer: LayerName) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/layers").join(layer.as_str()).join("README.md")
}

/// The cases of a layer; none when it has no README or one that shows no expectation.
fn cases_of(layer: LayerName) -> Vec<Case> {
    let Ok(text) = std::fs::read_to_string(readme(layer)) else { return Vec::new() };
    let cases = Case::parse_all(&text).unwrap_or_else(|fault| panic!("{}: {fault}", readme(layer).display()));
    let claims = text.contains("## Cases") || text.contains("```expect");
    assert!(!claims || !cases.is_empty(), "{} claims cases and has none", readme(layer).display());
    cases
}

#[test]
fn every_case_holds_in_the_engine() {
    let mut faults = Vec::new();
    let mut count = 0;
    for &layer in LayerName::ALL {
        for case in cases_of(layer).iter().filter(|case| case.is_for(Host::Engine)) {
            count += 1;
            let place = format!("{}:{}: {}", readme(layer).display(), case.line, case.name);
            match replay(case) {
                Ok(seen) => faults.extend(case.check(&seen).iter().map(|fault| format!("{place}: {fault}"))),
                Err(fault) => faults.push(format!("{place}: {fault}")),
            }
        }
    }
    assert!(faults.is_empty(), "{} of {count} cases:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn cases_name_rules_that_exist() {
    for &layer in LayerName::ALL {
        for case in cases_of(layer) {
            let (Verdict::Refuse { rule, .. } | Verdict::Answer { rule, .. } | Verdict::Replace { rule, .. }) =
                &case.expect.verdict
            else {
                continue;
            };
            let (name, rule) = rule.split_once('/').unwrap();
            let of = LayerName::from_name(name).unwrap_or_else(|| panic!("`{}`: no layer {name}", case.name));
            assert!(rules(of).iter().any(|one| one.name == rule), "`{}`: {name} has no rule {rule}", case.name);
        }
    }
}

/// The cases can fail: a defence that is switched off everywhere must break at least one case of its layer.
#[test]
fn without_its_layer_a_case_fails() {
    for &layer in LayerName::ALL {
        let cases = cases_of(layer);
        let off = |case: &Case| {
            let policy = case.policy_with(&[(layer.as_str(), "mode", "off".into())]).unwrap();
            Case { policy, ..case.clone() }
        };
        let broken = cases.iter().any(|case| replay(&off(case)).is_ok_and(|seen| !case.check(&seen).is_empty()));
        assert!(cases.is_empty() || broken, "{layer}: its cases hold without it");
    }
}
