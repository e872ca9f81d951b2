//! The readers from outside: what they give, that pieces do not matter, that hostile bytes do no harm.
#![allow(clippy::unwrap_used, reason = "test helpers")]

mod body;
mod forms;
mod graphql;
mod json;
mod kit;
mod multipart;
mod properties;
mod worst;
mod xml;
