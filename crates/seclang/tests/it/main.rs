//! The Core Rule Set before its own tests. Its files are not here: GAMBESON_CRS names a folder that holds them (`rules/`,
//! `crs-setup.conf.example`, `tests/`); without it Debian's package is looked for, which has no tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

mod crs;
mod language;
mod planned;
mod regression;
