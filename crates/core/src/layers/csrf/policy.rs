//! `[csrf]`

use crate::policy::{App, Listen, MODE, Reader, Section};

/// `[csrf]`
pub const SECTION: Section = Section {
    name: "csrf",
    about: "Which pages may change state.",
    why: "A foreign page that acts with the visitor's cookies (CWE-352).",
    keys: &[MODE],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Csrf {}

impl Csrf {
    pub(crate) fn compile(_: &mut Reader<'_>, _: &App, _: &Listen) -> Self {
        Self {}
    }
}
