//! The gateway: TLS, HTTP/1 and HTTP/2 in front of an app.

pub mod tls;
