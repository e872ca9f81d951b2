//! `[cookies]`

use crate::policy::{App, MODE, Reader, Section};

/// `[cookies]`
pub const SECTION: Section = Section {
    name: "cookies",
    about: "The attributes of cookies.",
    why: "A cookie without Secure, HttpOnly and SameSite is stolen or ridden (CWE-614, CWE-1004, CWE-1275).",
    keys: &[MODE],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Cookies {}

impl Cookies {
    pub(crate) fn compile(_: &mut Reader<'_>, _: &App) -> Self {
        Self {}
    }
}
