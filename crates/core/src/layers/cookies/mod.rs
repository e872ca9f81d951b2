//! The attributes of cookies.

mod policy;

pub use policy::{Cookies, SECTION};

use crate::{layers::Layer, policy::LayerName};

impl Layer for Cookies {
    fn name(&self) -> LayerName {
        LayerName::Cookies
    }
}
