//! What can be wrong with certificates and keys, said with the file and the fix.

use std::io;
use std::path::PathBuf;

/// Why TLS could not be set up. Each message names the file and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than any certificate or key could be.
    #[error("{} is larger than {limit} bytes: this is not a PEM file of certificates or keys", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes are not PEM.
    #[error("{} is not valid PEM: {detail}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        detail: String,
    },
    /// No `CERTIFICATE` section.
    #[error("{} has no certificate in it: expected -----BEGIN CERTIFICATE-----", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// No private key section.
    #[error("{} has no private key in it: expected -----BEGIN PRIVATE KEY-----", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is protected by a pass phrase, which nobody can type when a server starts.
    #[error(
        "the key in {} is encrypted; write it without a pass phrase: openssl pkey -in {} -out key.pem && chmod 600 key.pem",
        path.display(), path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate does not parse.
    #[error("certificate {position} in {} does not parse: {detail}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Counted from 1 in the order of the file.
        position: usize,
        /// What the parser said.
        detail: String,
    },
    /// A certificate is not followed by its issuer.
    #[error(
        "the chain in {} is out of order: certificate {position} was issued by \"{issuer}\", but \"{next}\" follows; \
         put the server's certificate first and after each one its issuer",
        path.display()
    )]
    ChainOrder {
        /// The file.
        path: PathBuf,
        /// Counted from 1 in the order of the file.
        position: usize,
        /// The issuer the certificate names.
        issuer: String,
        /// The subject of the certificate that follows.
        next: String,
    },
    /// The key belongs to another certificate.
    #[error("the key in {} does not belong to the first certificate in {}", key.display(), chain.display())]
    KeyMismatch {
        /// The chain.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The key is of a kind TLS cannot use.
    #[error("the key in {} cannot be used: {detail}; use ECDSA P-256 or RSA with 2048 bits or more", path.display())]
    KeyUnusable {
        /// The file.
        path: PathBuf,
        /// What the library said.
        detail: String,
    },
    /// The certificate is over.
    #[error("the certificate in {} expired at {at}; renew it", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// End of validity, UTC.
        at: String,
    },
    /// The certificate is for later, or the clock is wrong.
    #[error("the certificate in {} is not valid before {at}; check this machine's clock", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// Start of validity, UTC.
        at: String,
    },
    /// The certificate may not be used by servers.
    #[error("the certificate in {} is not meant for servers (extended key usage lacks serverAuth)", path.display())]
    NotForServers {
        /// The file.
        path: PathBuf,
    },
    /// The certificate names other hosts.
    #[error("the certificate in {} does not cover {host}; it is for {}", path.display(), list(names))]
    HostNotCovered {
        /// The file.
        path: PathBuf,
        /// The host wanted.
        host: String,
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// No source gives a certificate for a host of the policy.
    #[error("no certificate covers {host}: name PEM files for it, switch ACME on, or allow the development certificate")]
    NoCertificateFor {
        /// The host.
        host: String,
    },
    /// Not a DNS name, wildcard or address.
    #[error("\"{host}\" is not a host name: use letters, digits, '-' and '.', one leading \"*.\" or an IP address")]
    HostName {
        /// As written.
        host: String,
    },
    /// Others on this machine can read a private key.
    #[error(
        "{} can be read by others on this machine (mode {mode:04o}): run chmod 600 {} \
         (640 with a group of its own is accepted too)",
        path.display(), path.display()
    )]
    KeyExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another user owns a private key, and could replace it.
    #[error("{} belongs to user {owner}, not to this process or root: run chown {} {}", path.display(), want, path.display())]
    KeyOwner {
        /// The file.
        path: PathBuf,
        /// User id of the owner.
        owner: u32,
        /// User id of this process.
        want: u32,
    },
    /// A folder for keys is open to others.
    #[error("{} is open to others on this machine (mode {mode:04o}): run chmod 700 {}", path.display(), path.display())]
    FolderExposed {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A certificate authority for client certificates is unusable.
    #[error("client certificates: {} is not a usable authority: {detail}", path.display())]
    ClientAuthority {
        /// The file.
        path: PathBuf,
        /// What the library said.
        detail: String,
    },
    /// Client certificates are asked for, but no authority is named.
    #[error("client certificates need at least one authority: name its PEM file")]
    NoClientAuthority,
    /// A revocation list is unusable.
    #[error("client certificates: {} is not a usable revocation list: {detail}", path.display())]
    RevocationList {
        /// The file.
        path: PathBuf,
        /// What the library said.
        detail: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Issue(String),
    /// The TLS library refused the configuration.
    #[error("TLS configuration: {0}")]
    Configuration(String),
    /// ACME cannot work as configured.
    #[error("ACME: {0}")]
    Acme(String),
}

/// Names for a sentence, bounded: a certificate may carry hundreds.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.is_empty() {
        text.push_str("no name at all (subjectAltName is missing)");
    } else if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
