//! What keeps an attack from being made, by whose fault it is.

/// Why a run could not start, or a request of it not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one this tool can attack.
    #[error("`{0}` is not an address like https://127.0.0.1:8443")]
    Address(String),
    /// The name could not be resolved.
    #[error("{host} could not be resolved: {source}")]
    Resolve {
        /// The name as given.
        host: String,
        /// What the resolver said.
        source: std::io::Error,
    },
    /// The target is another machine, and nobody is named who allowed the attack.
    #[error("{host} is {address}, which is not this machine: say who allowed this attack with --authorized-by \"NAME\"")]
    NotLoopback {
        /// The name as given.
        host: String,
        /// The first address that is not loopback.
        address: std::net::IpAddr,
    },
    /// The description of the app is wrong.
    #[error("the description of the app: {0}")]
    App(String),
    /// What was to be attacked could not be started.
    #[error("{0}")]
    Start(String),
    /// A certificate or key is wrong.
    #[error("TLS: {0}")]
    Tls(String),
    /// There is no app to attack: whatever an attack then met would prove nothing.
    #[error("{target} does not answer: {why}")]
    Down {
        /// The origin.
        target: String,
        /// What came instead of a page.
        why: String,
    },
    /// The connection failed or nothing came in time.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The answer is not HTTP/1.1 as RFC 9112 writes it.
    #[error("malformed answer: {0}")]
    Malformed(&'static str),
    /// The answer is larger than the run allows.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The run has used up its requests or its time.
    #[error("the run's limit of {0} is used up")]
    Budget(&'static str),
}
