//! Certificates and TLS: who we are to clients, and which clients we speak to.
//!
//! [`Tls::build`] turns [`Settings`] into a [`rustls::ServerConfig`] that all workers share. Files are watched
//! ([`Tls::poll`]) and read again on demand ([`Tls::reload`]); a configuration that cannot be built leaves the one
//! in use alone. A connection keeps the configuration it began with.
//!
//! Off on purpose: TLS below 1.2, renegotiation and compression (the library has none), 0-RTT data (it can be
//! replayed), and resumption where clients present certificates (each connection proves anew that its certificate
//! is neither expired nor revoked).

mod accept;
pub mod acme;
pub mod ca;
mod client_auth;
mod error;
mod files;
mod host;
mod pem;
mod profile;
mod resolver;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod tickets;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};

pub use accept::Refused;
pub use client_auth::{Authorities, ClientAuth, ClientCertificate, ClientName};
pub use error::TlsError;
use host::Host;
pub use profile::Profile;
use resolver::Names;
pub use settings::{CertificateFiles, Settings};
pub use sources::{CertificateInfo, Source};
pub use tickets::Tickets;

/// TLS 1.2 sessions of clients without tickets, kept in memory; some 200 bytes each.
const SESSIONS_MAX: usize = 4096;

/// TLS 1.3 tickets given to a client at once. One is enough for HTTP/2 and for the next connection of an
/// HTTP/1 client; each costs an encryption and about 250 bytes on the wire.
const TICKETS_SENT: usize = 1;

/// The TLS side of the gateway. Share it between workers in an [`Arc`].
#[derive(Debug)]
pub struct Tls {
    settings: Mutex<Settings>,
    /// Counts the settings of ACME since the start.
    acme_generation: AtomicU64,
    tickets: Arc<Tickets>,
    challenges: Arc<acme::Challenges>,
    live: ArcSwap<Live>,
}

/// One consistent state: connections see the old one or the new one, never a mixture.
#[derive(Debug)]
struct Live {
    config: Arc<ServerConfig>,
    names: Arc<Names>,
    certificates: Vec<CertificateInfo>,
    /// Hosts whose certificates come from ACME, there or not yet.
    acme_hosts: Vec<Host>,
    has_new_root: bool,
    /// The files it was read from, as they were.
    stamps: Vec<files::Stamp>,
    /// When a certificate made here is to be renewed, in seconds since 1970.
    renewal_due: Option<i64>,
}

impl Tls {
    /// Reads and checks everything. `tickets` come from the process before, or are new.
    pub fn build(settings: Settings, tickets: Tickets) -> Result<Self, TlsError> {
        let tickets = Arc::new(tickets);
        let live = live(&settings, &tickets, unix_now())?;
        Ok(Self {
            settings: Mutex::new(settings),
            acme_generation: AtomicU64::new(0),
            tickets,
            challenges: Arc::default(),
            live: ArcSwap::from_pointee(live),
        })
    }

    /// The configuration for the next connection.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.live.load().config)
    }

    /// Ticket keys, to be handed to the next process.
    pub fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// Proofs for an ACME server, for the listener of plain HTTP to give out.
    pub fn challenges(&self) -> &Arc<acme::Challenges> {
        &self.challenges
    }

    fn acme_work(&self) -> Option<acme::Work> {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        Some(acme::Work {
            settings: settings.acme.clone()?,
            hosts: self.live.load().acme_hosts.clone(),
            state_dir: settings.state_dir.clone(),
            generation: self.acme_generation.load(Ordering::Relaxed),
        })
    }

    /// What is served, for status pages and metrics.
    pub fn certificates(&self) -> Vec<CertificateInfo> {
        self.live.load().certificates.clone()
    }

    /// Whether the development authority was made when the certificates were last read: browsers do not trust it yet.
    pub fn has_new_root(&self) -> bool {
        self.live.load().has_new_root
    }

    /// Takes other settings, and reads every file again. On an error all stays as it was.
    pub fn apply(&self, settings: Settings) -> Result<(), TlsError> {
        let mut current = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let live = live(&settings, &self.tickets, unix_now())?;
        self.live.store(Arc::new(live));
        if (&settings.acme, &settings.hosts) != (&current.acme, &current.hosts) {
            self.acme_generation.fetch_add(1, Ordering::Relaxed);
        }
        *current = settings;
        Ok(())
    }

    /// Reads every file again (SIGHUP). On an error all stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.reload_at(unix_now())
    }

    fn reload_at(&self, now: i64) -> Result<(), TlsError> {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let live = live(&settings, &self.tickets, now)?;
        self.live.store(Arc::new(live));
        Ok(())
    }

    /// To be called every few seconds: rotates ticket keys, and reads the files again when one has changed or a
    /// certificate made here is due. `Ok(true)` when there is a new configuration. A change that is no good is
    /// reported once, not at every call.
    pub fn poll(&self) -> Result<bool, TlsError> {
        self.poll_at(unix_now())
    }

    fn poll_at(&self, now: i64) -> Result<bool, TlsError> {
        self.tickets.rotate();
        let live = self.live.load_full();
        let due = live.renewal_due.is_some_and(|at| now >= at);
        if !due && !live.stamps.iter().any(files::Stamp::is_stale) {
            return Ok(false);
        }
        let reloaded = self.reload_at(now);
        if reloaded.is_err() {
            self.live.store(Arc::new(live.restamped(now)));
        }
        reloaded.map(|()| true)
    }
}

/// How soon a failed renewal of a certificate made here is tried again.
const RETRY_SECS: i64 = 60 * 60;

impl Live {
    /// The same state with the files as they are now: what is wrong with them has been said.
    fn restamped(&self, now: i64) -> Self {
        Self {
            config: Arc::clone(&self.config),
            names: Arc::clone(&self.names),
            certificates: self.certificates.clone(),
            acme_hosts: self.acme_hosts.clone(),
            has_new_root: self.has_new_root,
            stamps: self.stamps.iter().map(files::Stamp::again).collect(),
            renewal_due: self.renewal_due.map(|at| at.max(now + RETRY_SECS)),
        }
    }
}

/// Builds the whole state from the files as they are.
fn live(settings: &Settings, tickets: &Arc<Tickets>, now: i64) -> Result<Live, TlsError> {
    let provider = settings.profile.provider();
    let mut stamps = sources::stamps(settings); // before reading: a change in between is seen at the next poll
    let gathered = sources::gather(settings, &provider, now)?;
    stamps.extend(gathered.made_here);
    let names = Arc::new(gathered.names);
    let verifier = client_auth::verifier(&settings.client_auth, &provider)?;
    let asks_clients = verifier.is_some();

    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(settings.profile.versions())
        .map_err(|error| TlsError::Configuration(error.to_string()))?
        .with_client_cert_verifier(verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth))
        .with_cert_resolver(Arc::clone(&names) as Arc<_>);
    config.alpn_protocols = match settings.http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    config.send_tls13_tickets = TICKETS_SENT;
    if asks_clients {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
        config.ticketer = Arc::clone(tickets) as Arc<_>;
    }
    Ok(Live {
        config: Arc::new(config),
        names,
        certificates: gathered.certificates,
        acme_hosts: gathered.acme_hosts,
        has_new_root: gathered.has_new_root,
        stamps,
        renewal_due: gathered.renewal_due,
    })
}

/// Seconds since 1970.
fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
