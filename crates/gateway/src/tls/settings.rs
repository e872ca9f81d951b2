//! What the policy says about TLS, in this module's own terms.

use std::path::PathBuf;

use super::{ClientAuth, Profile};

/// Everything TLS needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Protocol versions and cipher suites.
    pub profile: Profile,
    /// Hosts served: DNS names, `*.` wildcards, addresses. Any other name a client asks for is refused.
    pub hosts: Vec<String>,
    /// Certificates from files. Hosts they do not cover get theirs from ACME, if on, else from the development
    /// authority, if allowed.
    pub certificates: Vec<CertificateFiles>,
    /// Certificates from an ACME server.
    pub acme: Option<super::acme::Settings>,
    /// Certificates from an authority made on this machine, for the hosts nothing else covers. If there are such, for
    /// localhost as well.
    pub development: bool,
    /// Whether clients present certificates.
    pub client_auth: ClientAuth,
    /// Offer HTTP/2 (ALPN `h2`) beside HTTP/1.1.
    pub http2: bool,
    /// Folder for keys made here: `ca/` and `acme/` in it, for this user alone.
    pub state_dir: PathBuf,
}

/// A certificate chain and its key in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The server's certificate first, then its issuers.
    pub chain: PathBuf,
    /// The private key; may be the same file. Readable by its owner alone, or by a group of its own (640).
    pub key: PathBuf,
    /// Hosts this certificate is for, each of which it must cover. Empty: whichever hosts of the policy it covers.
    pub hosts: Vec<String>,
}
