//! The engine as its hosts use it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails may panic"
)]

mod cases;
mod cors;
mod csrf;
mod rate_limit;
mod replay;
mod response;
mod walls;
