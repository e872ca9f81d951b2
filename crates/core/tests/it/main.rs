//! The engine as its hosts use it.

mod cases;
mod replay;
