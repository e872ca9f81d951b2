//! Every test of the Core Rule Set ends as it says, or is an exception with a reason.

use crate::crs;
use gambeson_seclang::ftw::{self, Outcome};
use std::collections::BTreeSet;

fn front(request: &[u8]) -> Option<u16> {
    let line = request.split(|b| *b == b'\n').next().unwrap_or_default();
    match gambeson_wire::parse_request(request, &mut gambeson_wire::Scan::default(), &gambeson_wire::Limits::default()) {
        Ok(Some(_)) if !line.contains(&b'#') => None,
        _ => Some(400),
    }
}

#[test]
fn the_core_rule_set_passes_its_own_tests() {
    let Some(folder) = crs::folder() else { return };
    let tests = crs::tests(&folder);
    if tests.is_empty() {
        return;
    }
    let rules = crs::load(&folder, ftw::SETTINGS);
    let failed: BTreeSet<&str> = tests
        .iter()
        .filter(|test| !matches!(ftw::judge(&rules, test, &front), Outcome::Passed))
        .map(|test| test.name.as_str())
        .collect();
    let excepted: BTreeSet<&str> = ftw::exceptions().map(|(name, _)| name).collect();
    assert_eq!(failed, excepted, "an exception that passes is to be struck from the list");
}
