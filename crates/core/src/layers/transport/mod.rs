//! TLS, HTTPS, and the hosts the app answers to.

mod policy;

pub use policy::{SECTION, Transport};

use crate::{layers::Layer, policy::LayerName};

impl Layer for Transport {
    fn name(&self) -> LayerName {
        LayerName::Transport
    }
}
