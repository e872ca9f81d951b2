//! The attributes of cookies.

mod policy;

pub use policy::{Cookies, SECTION};

use crate::{
    layers::{Layer, Rule},
    policy::LayerName,
};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[];

impl Layer for Cookies {
    fn name(&self) -> LayerName {
        LayerName::Cookies
    }
}
