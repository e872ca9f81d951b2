//! What is kept between runs: the account, certificates, and how often an order has failed.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize};

use super::super::client_auth::hex;
use super::super::host::Host;
use super::super::pem::{self, Loaded, Origin};
use super::super::{Profile, TlsError, files, unix_now};
use super::Settings;

/// The folder of one ACME server: accounts of different servers, or of its test and real sides, never mix.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    folder: PathBuf,
}

/// Failures in a row, kept so that a service that restarts in a loop does not hammer the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failures {
    pub(super) count: u32,
    /// Seconds since 1970.
    pub(super) retry_at: i64,
}

impl Storage {
    pub(crate) fn new(state_dir: &Path, settings: &Settings) -> Self {
        let url = &settings.directory;
        let server = url.split('/').nth(2).unwrap_or_default();
        let server: String = server.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let mark = hex(digest(&SHA256, url.as_bytes()).as_ref());
        let name = format!("{server}-{}", mark.get(..8).unwrap_or_default());
        Self { folder: state_dir.join("acme").join(name) }
    }

    /// Key and chain of a host, in one file: they are replaced together or not at all.
    pub(crate) fn certificate_path(&self, host: &Host) -> PathBuf {
        self.folder.join(format!("{host}.pem"))
    }

    /// The right to order, held by one process.
    pub(super) fn try_lock(&self) -> Result<Option<files::Lock>, TlsError> {
        files::private_folder(&self.folder)?;
        files::Lock::try_take(&self.folder.join("lock"))
    }

    /// The certificate in use, if it is good for the host.
    pub(crate) fn current(&self, host: &Host) -> Option<Loaded> {
        let path = self.certificate_path(host);
        let origin = Origin { chain: &path, key: &path };
        let loaded = pem::load(origin, unix_now(), &Profile::Intermediate.provider()).ok()?;
        loaded.facts.covers(host).then_some(loaded)
    }

    /// Checks a new certificate and puts it in the place of the old.
    pub(super) fn store(&self, host: &Host, chain: &str, key: &str) -> Result<Loaded, TlsError> {
        let path = self.certificate_path(host);
        let origin = Origin { chain: &path, key: &path };
        let provider = Profile::Intermediate.provider();
        let loaded = pem::parse(chain.as_bytes(), key.as_bytes(), origin, unix_now(), &provider)?;
        if !loaded.facts.covers(host) {
            return Err(TlsError::Acme(format!("the server issued a certificate that does not cover {host}")));
        }
        files::write_atomic(&path, format!("{key}{chain}").as_bytes(), 0o600)?;
        Ok(loaded)
    }

    pub(super) fn account(&self) -> Result<Option<AccountCredentials>, TlsError> {
        let path = self.account_path();
        if !path.exists() {
            return Ok(None);
        }
        let bytes = files::read_private(&path)?;
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|error| TlsError::Acme(format!("{} is damaged: {error}", path.display())))
    }

    pub(super) fn store_account(&self, credentials: &AccountCredentials) -> Result<(), TlsError> {
        let bytes = serde_json::to_vec(credentials).map_err(|error| TlsError::Acme(error.to_string()))?;
        files::write_atomic(&self.account_path(), &bytes, 0o600)
    }

    /// Forgets an account the server no longer knows, so that the next attempt makes another.
    pub(super) fn forget_account(&self) {
        let _ = std::fs::remove_file(self.account_path()); // absent is as good
    }

    pub(super) fn failures(&self, host: &Host) -> Failures {
        let bytes = files::read_public(&self.failures_path(host)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Best effort: without it the wait is only forgotten at a restart.
    pub(super) fn store_failures(&self, host: &Host, failures: Failures) {
        if let Ok(bytes) = serde_json::to_vec(&failures) {
            let _ = files::write_atomic(&self.failures_path(host), &bytes, 0o600);
        }
    }

    fn account_path(&self) -> PathBuf {
        self.folder.join("account.json")
    }

    fn failures_path(&self, host: &Host) -> PathBuf {
        self.folder.join(format!("{host}.failures.json"))
    }
}
