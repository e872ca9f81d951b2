//! `[protocol]`

use crate::policy::{MODE, Reader, Section};

/// `[protocol]`
pub const SECTION: Section = Section {
    name: "protocol",
    about: "One strict reading of HTTP.",
    why: "Smuggling and desynchronisation (CWE-444), slow clients, oversize (CWE-770).",
    keys: &[MODE],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Protocol {}

impl Protocol {
    pub(crate) fn compile(_: &mut Reader<'_>) -> Self {
        Self {}
    }
}
