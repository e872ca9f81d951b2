//! Which pages may change state.

mod policy;

pub use policy::{Csrf, SECTION};

use crate::{
    layers::{Layer, Rule},
    policy::LayerName,
};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[];

impl Layer for Csrf {
    fn name(&self) -> LayerName {
        LayerName::Csrf
    }
}

/// The request comes from a page of the app itself, or from no page.
#[derive(Debug)]
pub struct SameOrigin {
    _private: (),
}
