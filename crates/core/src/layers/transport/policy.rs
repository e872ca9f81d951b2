//! `[transport]`

use crate::policy::{App, Listen, MODE, Reader, Section};

/// `[transport]`
pub const SECTION: Section = Section {
    name: "transport",
    about: "TLS, HTTPS, and the hosts the app answers to.",
    why: "Eavesdropping, downgrade, wrong host (CWE-319, CWE-350).",
    keys: &[MODE],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Transport {}

impl Transport {
    pub(crate) fn compile(_: &mut Reader<'_>, _: &App, _: &Listen) -> Self {
        Self {}
    }
}
