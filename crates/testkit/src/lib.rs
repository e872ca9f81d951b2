//! For tests: the Markdown cases of the layers' READMEs, read into values and checked against what a host did.
//!
//! It knows neither the engine nor a host, so that each of them is judged by the same words. The format is in the
//! crate's README.

mod case;
mod expect;
mod http_text;
mod markdown;
mod observed;

pub use case::{Case, Host, Written};
pub use expect::{Expect, Verdict};
pub use http_text::{Answer, Question};
pub use observed::{Forwarded, Observed, Seen};
