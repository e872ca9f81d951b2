//! The regression tests of a rule set end to end: their bytes go to a gateway that is started for them, before a backend of our own,
//! and what the rules found is read from its audit log.
//!
//! Two suites. `detecting` asks whether each rule finds through the gateway what its tests say, with the settings they are written for,
//! in which nothing is refused. `blocking` asks whether what is found is stopped, with the settings of a release.

mod backend;
mod blocking;
mod client;
mod detecting;
mod log;
mod stand;

pub(super) use blocking::run as blocking;
pub(super) use detecting::run as detecting;
