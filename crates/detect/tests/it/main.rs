//! The detectors against the lists of attacks and of ordinary inputs, and against arbitrary bytes.

mod corpus;
mod lists;
mod properties;
