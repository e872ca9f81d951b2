//! Which pages may change state.

mod policy;

pub use policy::{Csrf, SECTION};

use crate::{layers::Layer, policy::LayerName};

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
