//! State and evidence: buckets and sanctions, the hash-chained audit log, recorded requests.

pub mod audit;
pub mod buckets;
pub mod metrics;
pub mod rule_files;
pub mod sanctions;
pub mod serving;
pub mod state_dir;
pub mod traffic;
