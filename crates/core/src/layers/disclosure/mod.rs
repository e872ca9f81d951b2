//! What errors may tell.

mod policy;

pub use policy::{Disclosure, SECTION};

use crate::{
    layers::{Layer, Rule},
    policy::LayerName,
};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[];

impl Layer for Disclosure {
    fn name(&self) -> LayerName {
        LayerName::Disclosure
    }
}

impl Disclosure {
    /// The app's own body as it may be written down.
    pub(crate) fn original(&self, body: &[u8]) -> String {
        crate::record::shown(body)
    }
}
