//! TLS, HTTPS, and the hosts the app answers to.

mod policy;

pub use policy::{SECTION, Transport};

use crate::{
    layers::{Layer, Rule},
    policy::LayerName,
};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[];

impl Layer for Transport {
    fn name(&self) -> LayerName {
        LayerName::Transport
    }
}
