//! What is written down.

mod policy;

pub use policy::{AuditLog, SECTION};

use crate::{
    layers::Layer,
    policy::{LayerName, Mode, Modes},
    record::Finding,
};

impl Layer for AuditLog {
    fn name(&self) -> LayerName {
        LayerName::AuditLog
    }
}

impl AuditLog {
    /// Whether an exchange with these findings is written down.
    pub(crate) fn wants(&self, modes: Modes, findings: &[Finding]) -> bool {
        modes.get(LayerName::AuditLog) != Mode::Off && !findings.is_empty()
    }
}
