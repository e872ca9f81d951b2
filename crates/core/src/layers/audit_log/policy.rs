//! `[audit_log]`

use crate::policy::{MODE, Reader, Section};

/// `[audit_log]`
pub const SECTION: Section = Section {
    name: "audit_log",
    about: "What is written down.",
    why: "What nobody notices is never mended (CWE-778).",
    keys: &[MODE],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct AuditLog {}

impl AuditLog {
    pub(crate) fn compile(_: &mut Reader<'_>) -> Self {
        Self {}
    }
}
