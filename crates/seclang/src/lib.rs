//! SecLang: reads rule files such as the OWASP Core Rule Set, plans them once, judges requests in linear time.

mod action;
mod error;
mod files;
pub mod ftw;
mod load;
mod names;
pub mod operator;
mod parse;
mod plan;
mod rule;
mod template;
mod transaction;
pub mod transform;
mod variable;

pub use action::Switch;
pub use error::{Fault, LoadError, Place};
pub use files::{Files, NoFiles};
pub use rule::{RuleSet, Settings};
pub use transaction::{Interruption, Match, Refusal, Transaction, Verdict};
/// What the Core Rule Set expects in front of itself: which bodies are read as what. Load it first.
pub const PRELUDE: &str = include_str!("prelude.conf");

pub use variable::Variable;
