//! One strict reading of HTTP.

mod policy;

pub use policy::{Protocol, SECTION};

use crate::{
    layers::{Denial, Layer, Rule},
    policy::{LayerName, Mode, Route},
    target::{Target, TargetRules},
};
use http::StatusCode;

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[];

impl Layer for Protocol {
    fn name(&self) -> LayerName {
        LayerName::Protocol
    }
}

impl Protocol {
    /// Reads a target, strictly unless the layer is off.
    pub(crate) fn read_target(&self, raw: &[u8], _: Mode) -> Result<Target, Box<Denial>> {
        let say = "The address of this request is malformed.";
        Target::parse(raw, &TargetRules::default())
            .map_err(|_| Denial::new("target", StatusCode::BAD_REQUEST, say, "the target is malformed"))
    }

    /// The largest request body, in bytes.
    pub(crate) fn body_bytes_max(&self, route: Option<&Route>) -> u64 {
        route.and_then(|route| route.body_bytes_max).unwrap_or(64 << 20)
    }
}
