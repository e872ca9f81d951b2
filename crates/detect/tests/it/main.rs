//! The detectors against the lists of attacks and of ordinary inputs, and against arbitrary bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

mod corpus;
mod evasion;
mod lists;
mod properties;
