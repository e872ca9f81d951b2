//! Regression tests of rule sets, in the YAML form that the Core Rule Set keeps them in (FTW).
//!
//! A test sends one or more requests and names rules that must, or must not, be in the log afterwards. Here a request goes through a
//! [`Transaction`](crate::Transaction) in process; the answer comes from a stand-in for the test backend, which returns what a POST
//! to `/reflect` asks for and an empty 200 to all else. What the HTTP server in front would refuse on its own is asked of
//! the caller ([`Front`]).

mod backend;
mod case;
mod exchange;
mod request;
mod yaml;

pub use backend::Answer;
pub use case::{Expectation, Stage, Test, tests};
pub use exchange::{Front, Observed, Outcome, exchange, judge};

/// Settings the tests of the Core Rule Set are written for; to be loaded after its `crs-setup.conf` and before its rules.
pub const SETTINGS: &str = include_str!("ftw/settings.conf");

/// Tests of the Core Rule Set that end otherwise here, with the reason why that is right.
pub fn exceptions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("ftw/exceptions.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(": "))
}
