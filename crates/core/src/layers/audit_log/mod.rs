//! What is written down.

mod policy;

pub use policy::{AuditLog, SECTION};

use crate::{
    layers::{Layer, Rule},
    policy::{LayerName, Mode, Modes},
    record::{Action, Finding},
};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[];

impl Layer for AuditLog {
    fn name(&self) -> LayerName {
        LayerName::AuditLog
    }
}

impl AuditLog {
    /// Whether an exchange with these findings is written down.
    pub(crate) fn wants(&self, modes: Modes, findings: &[Finding]) -> bool {
        modes.get(LayerName::AuditLog) != Mode::Off && findings.iter().any(|finding| finding.action != Action::Answer)
    }
}
