//! `[disclosure]`

use crate::policy::{App, MODE, Reader, Section};

/// `[disclosure]`
pub const SECTION: Section = Section {
    name: "disclosure",
    about: "What errors may tell.",
    why: "Tracebacks and SQL errors are a map for an attacker (CWE-209).",
    keys: &[MODE],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Disclosure {}

impl Disclosure {
    pub(crate) fn compile(_: &mut Reader<'_>, _: &App) -> Self {
        Self {}
    }
}
