//! The commands, run as a user runs them.
#![allow(clippy::unwrap_used, reason = "test helpers")]

mod log;
mod policy;
