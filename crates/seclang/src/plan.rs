//! What is worked out once, when rules load, so that a request costs little.
//!
//! Two steps, neither of which changes what the rules mean:
//! 1. [`fold`]: rules that look only at values which rules themselves have set before any request was seen always end alike. They are
//!    carried out now, and what they always leave out (paranoia levels that are off) is dropped.
//! 2. [`scan`]: of what remains, a rule matches no value in which the pieces are not that its pattern cannot do without. Each value
//!    goes once through the pieces of all rules together, in each form their transformations give it; only rules found there run, on
//!    the values where they were found, in their order and exactly as without a plan. A rule the plan knows nothing of always runs.

pub(crate) mod bits;
pub(crate) mod fold;
mod gist;
pub(crate) mod scan;
mod sets;
mod shape;
mod sweep;
mod track;
mod trie;

use crate::names::Slot;
use crate::rule::{RuleSet, Skip};
use bits::Bits;
use scan::Scan;

/// A rule in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) rule: u32,
    /// Its number in the scan; [`scan::ALWAYS`] if it runs in any case.
    pub(crate) atom: u16,
    /// Where to go on when it matches.
    pub(crate) next: u32,
}

/// The plan of a rule set.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What TX holds before the first rule that needs a request.
    pub(crate) start: Vec<(Slot, Vec<u8>)>,
    pub(crate) phases: [Phase; 5],
}

/// The plan of a phase.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    pub(crate) steps: Vec<Step>,
    pub(crate) scan: Scan,
    /// The steps that are taken in any case, as far as [`Bits`] can count.
    pub(crate) always: Bits,
}

impl Phase {
    fn of(steps: Vec<Step>, scan: Scan) -> Phase {
        let mut always = Bits::EMPTY;
        (0..).zip(&steps).filter(|(_, step)| step.atom == scan::ALWAYS).for_each(|(at, _)| always.insert(at));
        Phase { steps, scan, always }
    }

    /// The first of these steps from this place on. Steps that [`Bits`] cannot count are all taken.
    pub(crate) fn next(&self, from: usize, taken: &Bits) -> Option<usize> {
        let beyond = from.max(Bits::MAX);
        taken.next(from).or((beyond < self.steps.len()).then_some(beyond))
    }
}

impl Plan {
    /// The plan that leaves nothing out: every rule in its place.
    pub(crate) fn plain(rules: &RuleSet) -> Plan {
        let mut plan = Plan::default();
        for (phase, order) in plan.phases.iter_mut().zip(&rules.phases) {
            let kept: Vec<usize> = (0..order.len()).collect();
            *phase = Phase::of(steps(rules, order, &kept), Scan::default());
        }
        plan
    }

    /// The plan by which requests are judged.
    pub(crate) fn of(rules: &RuleSet) -> Plan {
        let folded = fold::fold(rules);
        let mut plan = Plan { start: folded.start, ..Plan::default() };
        for ((phase, order), kept) in plan.phases.iter_mut().zip(&rules.phases).zip(&folded.kept) {
            let mut steps = steps(rules, order, kept);
            let scan = Scan::of(rules, &mut steps);
            *phase = Phase::of(steps, scan);
        }
        plan
    }
}

/// The steps of the rules at these positions of a phase, jumps resolved among them.
fn steps(rules: &RuleSet, order: &[u32], kept: &[usize]) -> Vec<Step> {
    let landing = |goal: usize| u32::try_from(kept.partition_point(|position| *position < goal)).unwrap_or(u32::MAX);
    let step = |position: &usize| {
        let rule = *order.get(*position)?;
        Some(Step { rule, atom: scan::ALWAYS, next: landing(goal(rules, order, *position)) })
    };
    kept.iter().filter_map(step).collect()
}

/// The position at which a rule's match goes on.
pub(crate) fn goal(rules: &RuleSet, order: &[u32], position: usize) -> usize {
    let skip = order.get(position).and_then(|rule| rules.rules.get(*rule as usize)).map_or(Skip::No, |rule| rule.skip);
    match skip {
        Skip::No => position + 1,
        Skip::Rules(more) => position.saturating_add(1).saturating_add(more),
        Skip::To(goal) => goal.max(position + 1),
    }
}
