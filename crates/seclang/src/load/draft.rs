//! Rules between reading and running: what later directives may still change.

use crate::action::Action;
use crate::error::Place;
use crate::parse::{operator, targets};
use std::sync::Arc;

/// A rule as read, with the links of its chain.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) at: Place,
    pub(super) id: u64,
    pub(super) targets: Vec<targets::Written>,
    pub(super) condition: Option<operator::Written>,
    pub(super) actions: Vec<Action>,
    pub(super) links: Vec<Draft>,
    /// The SecDefaultAction in force where the rule stands, for its phase.
    pub(super) defaults: Arc<[Action]>,
}

impl Draft {
    pub(super) fn phase(&self) -> u8 {
        self.actions.iter().rev().find_map(|a| if let Action::Phase(phase) = a { Some(*phase) } else { None }).unwrap_or(2)
    }

    pub(super) fn goes_on(&self) -> bool {
        self.actions.contains(&Action::Chain)
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().filter_map(|a| if let Action::Tag(tag) = a { Some(tag.as_str()) } else { None })
    }

    /// The message as far as it has no macros.
    pub(super) fn msg(&self) -> Option<&[u8]> {
        self.actions.iter().rev().find_map(|a| if let Action::Msg(msg) = a { msg.constant() } else { None })
    }

    /// Adds targets, or puts them in the place of one (`SecRuleUpdateTargetById 1 "ARGS:a" "ARGS"`).
    pub(super) fn update_targets(&mut self, new: &[targets::Written], instead_of: Option<&[targets::Written]>) {
        if let Some(old) = instead_of {
            self.targets.retain(|t| !old.contains(t));
        }
        self.targets.extend(new.iter().filter(|t| !self.targets.contains(t)).cloned().collect::<Vec<_>>());
    }

    /// Adds actions; those that can stand only once win over the ones before. New transformations replace the old ones.
    pub(super) fn update_actions(&mut self, new: Vec<Action>) {
        let is_transform = |a: &Action| matches!(a, Action::Transform(_) | Action::NoTransform);
        if new.iter().any(is_transform) {
            self.actions.retain(|a| !is_transform(a));
        }
        self.actions.extend(new.into_iter().filter(|a| !matches!(a, Action::Id(_) | Action::Phase(_) | Action::Chain)));
    }
}
