//! Handshakes with a real client over memory, certificates from real files.

mod acme;
mod bench;
mod certificates;
mod clients;
mod handshakes;
mod openssl;
mod reloading;
