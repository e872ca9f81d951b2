//! The development authority: HTTPS on this machine before anyone has bought or ordered a certificate.
//!
//! A root key that browsers trust is worth stealing, so this one is worth little: its certificate permits only
//! localhost and the policy's own hosts (critical name constraints, RFC 5280 section 4.2.1.10), only TLS servers,
//! no further authorities, and two years. Ten would spare one `trust` now and then, but roots outlive the projects
//! they were made for, and nobody remembers to take them out.

mod issue;
mod trust;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use rustls::crypto::CryptoProvider;

use super::client_auth::hex;
use super::host::Host;
use super::pem::{self, Loaded, Origin};
use super::{TlsError, files};
pub use trust::{Outcome, Step, Stores};

/// The root certificate of an authority, without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The certificate as PEM.
    pub pem: String,
    /// The file it is in.
    pub path: PathBuf,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub sha256: String,
    /// Names and networks it may vouch for, as text.
    pub permitted: Vec<String>,
    /// End of validity in seconds since 1970.
    pub not_after: i64,
}

/// A development authority and the certificate it issued for this gateway.
#[derive(Debug)]
pub struct Authority {
    /// The root, to be trusted by browsers and clients.
    pub root: Root,
    /// A new root was made just now: it must be trusted (again) before browsers accept it.
    pub is_new: bool,
    folder: PathBuf,
    leaf_pem: Vec<u8>,
}

impl Authority {
    /// Opens the authority in `state_dir/ca`, making it on the first run, when it is about to expire, and when
    /// `hosts` has names its constraints do not permit; re-issues the server certificate at two thirds of its
    /// lifetime and when the names change. Safe against several processes at once. `now` in seconds since 1970.
    pub fn open(state_dir: &Path, hosts: &[String], now: i64) -> Result<Self, TlsError> {
        let names = names(hosts)?;
        let folder = state_dir.join("ca");
        files::private_folder(&folder)?;
        let _lock = files::Lock::take(&folder.join("lock"))?;

        let (root_pem, is_new) = open_root(&folder, &names, now)?;
        let leaf_pem = open_leaf(&folder, &root_pem, &names, now)?;
        let root = describe(&root_pem, &folder)?;
        if files::read_public(&root.path).ok().as_deref() != Some(root.pem.as_bytes()) {
            files::write_atomic(&root.path, root.pem.as_bytes(), 0o644)?;
        }
        Ok(Self { root, is_new, folder, leaf_pem })
    }

    pub(crate) fn leaf_path(&self) -> PathBuf {
        self.folder.join(LEAF)
    }

    /// The server certificate with its key.
    pub(crate) fn leaf(&self, now: i64, provider: &CryptoProvider) -> Result<Loaded, TlsError> {
        let path = self.leaf_path();
        let origin = Origin { chain: &path, key: &path };
        pem::parse(&self.leaf_pem, &self.leaf_pem, origin, now, provider)
    }
}

/// Key and certificate of the root in one file: they are replaced together or not at all.
const ROOT: &str = "authority.pem";
/// Key, certificate and root of the server in one file.
const LEAF: &str = "server.pem";
/// The root's certificate alone, for clients: `curl --cacert`.
const PUBLIC: &str = "root.pem";

/// The names served in development: always this machine, and the policy's hosts.
fn names(hosts: &[String]) -> Result<BTreeSet<Host>, TlsError> {
    let local = [
        Host::Name("localhost".into()),
        Host::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Host::Address(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    let named = hosts.iter().map(|host| host.parse());
    local.into_iter().map(Ok).chain(named).collect()
}

/// The root as PEM, key included, and whether it was made now.
fn open_root(folder: &Path, names: &BTreeSet<Host>, now: i64) -> Result<(Vec<u8>, bool), TlsError> {
    let path = folder.join(ROOT);
    if path.exists() {
        let pem = files::read_private(&path)?;
        let certificate = pem::first_certificate(&pem, &path)?;
        if issue::root_serves(&certificate, names, now) {
            return Ok((pem, false));
        }
    }
    let pem = issue::root(names, now)?;
    files::write_atomic(&path, pem.as_bytes(), 0o600)?;
    Ok((pem.into_bytes(), true))
}

/// The server's chain as PEM, key included.
fn open_leaf(folder: &Path, root: &[u8], names: &BTreeSet<Host>, now: i64) -> Result<Vec<u8>, TlsError> {
    let (path, root_path) = (folder.join(LEAF), folder.join(ROOT));
    if path.exists() {
        let pem = files::read_private(&path)?;
        let chain = pem::certificates(&pem, &path)?;
        let issued_by_root = chain.get(1) == Some(&pem::first_certificate(root, &root_path)?);
        if issued_by_root && issue::leaf_serves(chain.first(), names, now) {
            return Ok(pem);
        }
    }
    let pem = issue::leaf(root, &root_path, names, now)?;
    files::write_atomic(&path, pem.as_bytes(), 0o600)?;
    Ok(pem.into_bytes())
}

fn describe(root: &[u8], folder: &Path) -> Result<Root, TlsError> {
    let der = pem::first_certificate(root, &folder.join(ROOT))?;
    let (permitted, not_after) = issue::constraints(&der);
    Ok(Root {
        pem: issue::certificate_text(&String::from_utf8_lossy(root)).into(),
        path: folder.join(PUBLIC),
        sha256: hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der).as_ref()),
        permitted,
        not_after,
    })
}
