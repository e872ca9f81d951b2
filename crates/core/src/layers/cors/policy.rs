//! `[cors]`

use crate::policy::{MODE, Reader, Section};

/// `[cors]`
pub const SECTION: Section = Section {
    name: "cors",
    about: "Which foreign origins may read answers.",
    why: "A reflected origin gives every site what the user may read (CWE-942).",
    keys: &[MODE],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Cors {}

impl Cors {
    pub(crate) fn compile(_: &mut Reader<'_>) -> Self {
        Self {}
    }
}
