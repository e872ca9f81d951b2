//! `[headers]`

use crate::policy::{MODE, Reader, Section};

/// `[headers]`
pub const SECTION: Section = Section {
    name: "headers",
    about: "What browsers are told to refuse.",
    why: "Script injection, framing, sniffing (CWE-79, CWE-1021).",
    keys: &[MODE],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Headers {}

impl Headers {
    pub(crate) fn compile(_: &mut Reader<'_>) -> Self {
        Self {}
    }
}
