//! The engine as its hosts use it.

mod cases;
mod cors;
mod csrf;
mod rate_limit;
mod replay;
