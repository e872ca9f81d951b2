//! The layers' names and the mode each is in.

use super::{FromText, Wrong};
use serde::{Deserialize, Serialize};

/// Whether a layer refuses, only records, or is not asked. The engine applies it, once, for every layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The layer is not asked.
    Off,
    /// What the layer would refuse or change is recorded; nothing is refused or changed.
    Report,
    /// What the layer refuses is refused.
    #[default]
    Enforce,
}

impl FromText for Mode {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "off" => Ok(Self::Off),
            "report" => Ok(Self::Report),
            "enforce" => Ok(Self::Enforce),
            _ => Err(Wrong::new(format!("`{text}` is not a mode"), "write \"off\", \"report\" or \"enforce\"")),
        }
    }
}
crate::value_from_text!(Mode, LayerName);

macro_rules! layer_names {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A layer of defence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum LayerName { $($(#[$doc])* $variant,)* }

        impl LayerName {
            /// Every layer, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Every layer's name, in order.
            pub const NAMES: &'static [&'static str] = &[$($name,)*];

            /// Its name, as in the policy and in every report.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

layer_names! {
    /// TLS, HTTPS, the hosts the app answers to.
    Transport = "transport",
    /// One strict reading of HTTP.
    Protocol = "protocol",
    /// What follows for whoever attacks.
    Response = "response",
    /// How often one may ask.
    RateLimit = "rate_limit",
    /// Which foreign origins may read answers.
    Cors = "cors",
    /// Which pages may change state.
    Csrf = "csrf",
    /// What values may do.
    Intrusion = "intrusion",
    /// What errors may tell.
    Disclosure = "disclosure",
    /// The attributes of cookies.
    Cookies = "cookies",
    /// What browsers are told to refuse.
    Headers = "headers",
    /// What is written down.
    AuditLog = "audit_log",
}

impl LayerName {
    /// The layer of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|layer| layer.as_str() == name)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl FromText for LayerName {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Self::from_name(text).ok_or_else(|| {
            let known = Self::ALL.iter().map(|layer| layer.as_str());
            Wrong::new(format!("`{text}` is not a layer"), super::suggest::help(text, known, "a policy"))
        })
    }
}

impl std::fmt::Display for LayerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The mode of every layer; all enforce until told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes {
    off: u32,
    report: u32,
}

impl Modes {
    /// The mode of a layer.
    #[must_use]
    pub const fn get(self, layer: LayerName) -> Mode {
        if self.off & layer.bit() != 0 {
            Mode::Off
        } else if self.report & layer.bit() != 0 {
            Mode::Report
        } else {
            Mode::Enforce
        }
    }

    /// Sets the mode of a layer.
    pub fn set(&mut self, layer: LayerName, mode: Mode) {
        self.off &= !layer.bit();
        self.report &= !layer.bit();
        match mode {
            Mode::Off => self.off |= layer.bit(),
            Mode::Report => self.report |= layer.bit(),
            Mode::Enforce => {}
        }
    }
}
