//! Which foreign origins may read answers.

mod policy;

pub use policy::{Cors, SECTION};

use crate::{
    layers::{Layer, Rule},
    policy::LayerName,
};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[];

impl Layer for Cors {
    fn name(&self) -> LayerName {
        LayerName::Cors
    }
}

/// A foreign origin that may read the answer.
#[derive(Debug)]
pub struct Admitted {
    _private: (),
}
