//! `[rate_limit]`

use crate::policy::{App, MODE, Reader, Section};

/// `[rate_limit]`
pub const SECTION: Section = Section {
    name: "rate_limit",
    about: "How often one may ask.",
    why: "Guessing, scraping, floods (CWE-307, CWE-770).",
    keys: &[MODE],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct RateLimit {}

impl RateLimit {
    pub(crate) fn compile(_: &mut Reader<'_>, _: &App) -> Self {
        Self {}
    }
}
