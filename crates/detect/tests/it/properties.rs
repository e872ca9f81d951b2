//! Whatever the bytes, the detectors end, within a budget that grows with the length.

use gambeson_detect::{Budget, Where, judge};
use proptest::prelude::*;

const PLACES: [Where; 8] =
    [Where::Value, Where::Markdown, Where::Markup, Where::Name, Where::Path, Where::Header, Where::Agent, Where::FileName];

/// Pieces that make parsers go deep.
const PIECES: [&str; 40] = [
    "'",
    "\"",
    "`",
    "<",
    ">",
    "<a ",
    "<script",
    "onx=",
    "=",
    "(",
    ")",
    "((",
    "/*",
    "*/",
    "--",
    "#",
    "\n",
    ";",
    "|",
    "&",
    "$(",
    "../",
    "%27",
    "%2527",
    "&lt;",
    "&#x27;",
    "\\x27",
    "\\u0027",
    "{\"a\":\"",
    "[",
    "{{",
    "}}",
    " or ",
    " union select ",
    "1",
    " ",
    "\0",
    "\u{ff1c}",
    "+ADw-",
    "__class__",
];

proptest! {
    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), place in 0..8_usize) {
        judge(&bytes, PLACES[place], &mut Budget::new(1_000_000));
    }

    #[test]
    fn pieces_stay_within_steps_that_grow_with_the_length(pieces in proptest::collection::vec(0..40_usize, 0..300), place in 0..8_usize) {
        let text: String = pieces.iter().map(|p| PIECES[*p]).collect();
        let mut budget = Budget::new(u64::MAX);
        judge(text.as_bytes(), PLACES[place], &mut budget);
        let steps = u64::MAX - budget.steps_left();
        prop_assert!(steps <= 20_000 + 2_000 * text.len() as u64, "{steps} steps for {} bytes", text.len());
    }

    #[test]
    fn a_spent_budget_is_said(bytes in "[a-z' ;<>()=]{200,400}") {
        let findings = judge(bytes.as_bytes(), Where::Value, &mut Budget::new(100));
        prop_assert!(findings.exhausted);
    }
}
