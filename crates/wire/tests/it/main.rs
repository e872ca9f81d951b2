#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test that fails may panic.
//! The wire format from outside: every fault with its benign twin, and properties of any input.

mod faults;
mod flood;
mod heads;
mod mutated;
#[path = "../mutation/mod.rs"]
mod mutation;
mod properties;
