//! From the text of a rule file to directives with places; what the words of a rule mean is read in the files below.

pub(crate) mod actions;
mod lines;
pub(crate) mod operator;
pub(crate) mod targets;

pub(crate) use lines::{Directive, Word, directives};
