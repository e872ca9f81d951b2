//! The `gambeson` command.

fn main() {}
