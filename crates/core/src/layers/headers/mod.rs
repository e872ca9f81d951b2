//! What browsers are told to refuse.

mod policy;

pub use policy::{Headers, SECTION};

use crate::{
    layers::{Layer, Rule},
    policy::LayerName,
};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[];

impl Layer for Headers {
    fn name(&self) -> LayerName {
        LayerName::Headers
    }
}

impl Headers {
    /// Whether the app is told a nonce for its scripts.
    #[must_use]
    pub const fn uses_nonce(&self) -> bool {
        false
    }
}
