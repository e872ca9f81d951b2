//! The decisions of Gambeson, and nothing else.
//!
//! This crate does no I/O, reads no clock, draws no randomness, and knows neither an async runtime nor Python: time,
//! entropy and stored facts are arguments. So one engine serves an asynchronous gateway and a synchronous WSGI call,
//! tests are deterministic, and a recorded exchange can be decided again.
//!
//! Read [`engine`] for the phases of an exchange, [`layers`] for the order of the defences, [`policy`] for what is
//! configured.

pub mod engine;
pub mod exchange;
pub mod layers;
pub mod origin;
mod page;
pub mod policy;
pub mod record;
pub mod sanction;
pub mod store;
pub mod target;
#[cfg(test)]
mod testing;
pub mod traffic;
