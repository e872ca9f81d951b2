//! How often one may ask.

mod policy;

pub use policy::{RateLimit, SECTION};

use crate::{
    layers::{Layer, Rule},
    policy::LayerName,
};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[];

impl Layer for RateLimit {
    fn name(&self) -> LayerName {
        LayerName::RateLimit
    }
}

/// A limit of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {}

impl crate::policy::FromText for Limit {
    fn from_text(_: &str) -> Result<Self, crate::policy::Wrong> {
        Ok(Self {})
    }
}
crate::value_from_text!(Limit);

/// What the limits say of a request.
#[derive(Debug)]
pub struct Standing {
    _private: (),
}
