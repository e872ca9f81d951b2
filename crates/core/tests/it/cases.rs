//! Every case in the layers' READMEs holds in the bare engine.

use crate::replay::replay;
use gambeson_core::{layers::rules, policy::LayerName};
use gambeson_testkit::{Case, Host, Verdict};
use std::path::PathBuf;

/// Rules that no request alone can bring about.
const UNSHOWN: [&str; 9] = [
    // Five thousand bytes nobody wants to read: see the layer's tests.
    "cookies/oversized-cookie",
    // The store must fail: see `rate_limit.rs`.
    "rate_limit/unavailable",
    // A case has one host, no raw control bytes, and no name that TLS was opened for: see the layers' tests.
    "protocol/authority-mismatch",
    "protocol/target-control-byte",
    "transport/misdirected",
    // A body of many thousand bytes, and rules that must be loaded: see the layer's tests.
    "intrusion/work",
    "intrusion/crs",
    "intrusion/crs-detected",
    "intrusion/crs-partial",
];

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
            let Some(rule) = decider(&case) else { continue };
            let (name, rule) = rule.split_once('/').unwrap();
            let of = LayerName::from_name(name).unwrap_or_else(|| panic!("`{}`: no layer {name}", case.name));
            assert!(rules(of).iter().any(|one| one.name == rule), "`{}`: {name} has no rule {rule}", case.name);
        }
    }
}

/// `explain` and the log know every rule that finds something, and every rule of a layer with cases has one that shows it.
#[test]
fn the_list_of_rules_is_whole() {
    let mut unshown = Vec::new();
    for &layer in LayerName::ALL {
        let cases = cases_of(layer);
        let seen: Vec<_> = cases.iter().filter_map(|case| replay(case).ok()?.findings).flatten().map(|one| one.rule).collect();
        for rule in &seen {
            let (name, rule) = rule.split_once('/').unwrap();
            let listed = LayerName::from_name(name).is_some_and(|of| rules(of).iter().any(|one| one.name == rule));
            assert!(listed, "{name}/{rule} is found, but not listed");
        }
        let names = rules(layer).iter().map(|rule| format!("{layer}/{}", rule.name));
        // The detectors' rules, named with a dot, are shown by their own fixtures.
        let names = names.filter(|name| !name.contains('.'));
        unshown.extend(names.filter(|name| !cases.is_empty() && !seen.contains(name) && !UNSHOWN.contains(&name.as_str())));
    }
    assert!(unshown.is_empty(), "no case shows {unshown:?}");
}

/// The cases can fail: switch a layer off, and every case in which it decides must break.
#[test]
fn without_its_layer_a_decision_is_not_made() {
    for &layer in LayerName::ALL {
        let own = |case: &Case| decider(case).is_some_and(|rule| rule.starts_with(&format!("{layer}/")));
        for case in cases_of(layer).into_iter().filter(own) {
            let policy = case.policy_with(&[(layer.as_str(), "mode", "off".into())]).unwrap();
            let off = Case { policy, ..case };
            let holds = replay(&off).is_ok_and(|seen| off.check(&seen).is_empty());
            assert!(!holds, "`{}` holds without {layer}", off.name);
        }
    }
}

/// The rule that decides a case.
fn decider(case: &Case) -> Option<&str> {
    match &case.expect.verdict {
        Verdict::Forward => None,
        Verdict::Refuse { rule, .. } | Verdict::Answer { rule, .. } | Verdict::Replace { rule, .. } => Some(rule),
    }
}
