//! The audit log: hash-chained JSON lines that nobody can change unseen.
//!
//! Exchanges hand their record to a bounded queue and never wait; one thread writes. What does not fit is counted and
//! the count is written, so the log never lies by omission. What the log does not protect against: someone with our own
//! account (or root) can read the key and forge a chain; send lines to another machine against that (ASVS 5.0 16.4.3).

mod chain;
mod event;
mod files;
mod head;
mod journal;
mod read;
mod redact;
mod verify;
mod writer;

pub use chain::Entry;
pub use event::{Event, printable, printable_json};
pub use journal::Limits;
pub use read::{Follow, LogReader};
pub use redact::mask_text;
pub use verify::{Problem, Verification, verify};
pub use writer::{AuditLog, Settings};
