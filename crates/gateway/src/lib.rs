//! The gateway: TLS, HTTP/1 and HTTP/2 in front of an app.

mod alert;
pub mod app;
mod downstream;
mod h1;
mod h2;
mod held;
mod io;
mod ledger;
mod linger;
mod listeners;
mod pace;
mod proxy;
mod rules;
mod server;
pub mod service;
mod timings;
pub mod tls;
mod tunnel;
mod upstream;
mod waiting;
mod worker;

pub use alert::Alerts;
pub use ledger::Ledger;
pub use listeners::{ListenError, Listeners};
pub use rules::RULES;
pub use server::{Server, Settings};
