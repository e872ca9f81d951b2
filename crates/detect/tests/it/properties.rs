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
    fn pieces_never_panic_and_end(pieces in proptest::collection::vec(0..40_usize, 0..300), place in 0..8_usize) {
        let text: String = pieces.iter().map(|p| PIECES[*p]).collect();
        let steps = steps(text.as_bytes(), PLACES[place]);
        prop_assert!(steps <= 1_000_000 + 1_000 * text.len() as u64, "{steps} steps for {} bytes", text.len());
    }

    #[test]
    fn a_spent_budget_is_said(bytes in "[a-z' ;<>()=]{200,400}") {
        let findings = judge(bytes.as_bytes(), Where::Value, &mut Budget::new(100));
        prop_assert!(findings.exhausted);
    }
}

/// The steps that judging a text takes.
fn steps(text: &[u8], place: Where) -> u64 {
    let mut budget = Budget::new(u64::MAX);
    judge(text, place, &mut budget);
    u64::MAX - budget.steps_left()
}

#[test]
fn four_times_the_length_costs_no_more_than_five_times_the_steps() {
    for first in PIECES {
        for second in PIECES.iter().step_by(20) {
            let text = |bytes: usize| format!("{first}{second}").repeat(bytes / (first.len() + second.len()));
            let (short, long) = (steps(text(8_192).as_bytes(), Where::Value), steps(text(32_768).as_bytes(), Where::Value));
            assert!(long <= 5 * short + 10_000, "{first:?}{second:?}: {short} steps, then {long}");
        }
    }
}

#[test]
fn decodings_are_bounded() {
    // Each layer of encoding is undone, up to three; a fourth is nobody's.
    let twice = |text: String| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    let mut text = "' or 1=1 --".to_owned();
    for layer in 1..=4 {
        text = twice(text);
        let findings = judge(text.as_bytes(), Where::Value, &mut Budget::new(10_000_000));
        assert_eq!(findings.worst().map_or(0, |f| f.steps.len()), if layer <= 3 { layer } else { 0 }, "{layer} layers");
    }
}
