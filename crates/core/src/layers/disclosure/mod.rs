//! What errors may tell.

mod policy;

pub use policy::{Disclosure, SECTION};

use crate::{layers::Layer, policy::LayerName};

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
