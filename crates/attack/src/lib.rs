//! Probes against a running app: what gets through, shown by data read back.
//!
//! Each [`Probe`] is an attack with a legitimate twin. The attack's [`Verdict`] is never taken from a status code alone: the forged
//! comment really appears on the page, the private address really stands in the answer. The twin shows that the defence costs an
//! honest visitor nothing. An attack that fails without its defence too is *vacuous*, and said to be.
//!
//! This crate shares no code with the defences: a probe that read requests as the gateway does would prove nothing.

mod app;
mod browser;
mod client;
mod context;
mod cookies;
mod encode;
mod error;
mod evidence;
mod http;
mod peel;
mod probe;
mod probes;
mod report;
mod run;
mod sarif;
mod table;
mod target;
mod tls;

pub use app::{
    Api, App, Ask, Delete, Documents, File, Flask, Injected, Log, Login, Mail, Path, Preview, Proof, Sql, Upload, User, Write,
};
pub use client::Limits;
pub use error::Error;
pub use evidence::Evidence;
pub use peel::{Guarded, Peeled, Peeler, RULE_SET, Row, Stage, peel};
pub use probe::{Effect, LAYERS, Probe, Twin, Verdict};
pub use probes::all as probes;
pub use report::{Comparison, Finding, Report};
pub use run::{Options, Progress, Silent, run};
pub use target::{Origin, Target};
pub use tls::Trust;
