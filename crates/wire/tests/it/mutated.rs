//! A hundred thousand mutated heads, always the same ones; the example `mutate` runs a million and more.

use crate::mutation;

#[test]
fn mutated_heads_never_panic_and_nothing_ambiguous_is_accepted() {
    let tally = mutation::run(2026, 100_000);
    // The mutator would prove nothing if it only made rubbish, or only copies.
    assert!(tally.accepted > 10_000 && tally.refused > 30_000 && tally.partial > 1_000, "{tally:?}");
}
