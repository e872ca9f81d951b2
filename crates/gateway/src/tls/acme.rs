//! Certificates from an ACME server (RFC 8555), renewed while the gateway runs.
//!
//! [`run`] orders one certificate for each host that no file covers: a host whose order fails does not hold up the
//! others. Possession of a host is proven on the gateway's own ports, by HTTP-01 or TLS-ALPN-01; wildcards would
//! need DNS and are refused. The old certificate serves until the new one has been checked, stored and loaded.

mod challenges;
mod order;
mod plan;
mod storage;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(super) use challenges::ACME_TLS;
pub use challenges::Challenges;
use order::{OrderError, Orders};
use plan::Plan;
pub(super) use storage::Storage;

use super::host::Host;
use super::pem::{Loaded, utc};
use super::{Tls, TlsError, unix_now};

/// What the policy says about ACME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The server's directory, `https://…`.
    pub directory: String,
    /// PEM file of the authority of the server's own certificate, for servers inside a company.
    pub root_ca: Option<PathBuf>,
    /// Addresses the server may write to when a certificate is in danger.
    pub contact: Vec<String>,
    /// Agreement to the server's terms: ours to ask for, the operator's to give.
    pub agree: bool,
    /// Binding to an account the operator has with the server's company (RFC 8555 section 7.3.4).
    pub external_account: Option<ExternalAccount>,
    /// A profile the server offers, such as `shortlived`.
    pub profile: Option<String>,
    /// Proofs to try, in turn.
    pub challenges: Vec<Challenge>,
    /// Hosts to get certificates for; empty for every name of the policy that no file covers.
    pub hosts: Vec<String>,
}

/// An account with the server's company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccount {
    /// Its id.
    pub key_id: String,
    /// File with its HMAC key in base64url, as the company gives it; private to this user.
    pub hmac_key: PathBuf,
}

/// How possession of a host is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A file served over plain HTTP on port 80 (RFC 8555 section 8.3).
    Http01,
    /// A special certificate served on port 443 (RFC 8737).
    TlsAlpn01,
}

impl Settings {
    /// Refuses what cannot work, before anything is asked of the server.
    pub(super) fn check(&self) -> Result<(), TlsError> {
        let refuse = |why: &str| Err(TlsError::Acme(why.into()));
        if !self.agree {
            return refuse("the server's terms must be agreed to: read them, then set agree = true");
        }
        if !self.directory.starts_with("https://") {
            return refuse("the directory must be an https:// address");
        }
        if self.challenges.is_empty() {
            return refuse("name at least one challenge: http-01 or tls-alpn-01");
        }
        Ok(())
    }
}

/// What happened, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A certificate was obtained, stored and loaded.
    Issued {
        /// For this host.
        host: String,
        /// End of validity in seconds since 1970.
        not_after: i64,
    },
    /// An attempt failed; what was there before stays.
    Failed {
        /// For this host.
        host: String,
        /// What went wrong.
        why: String,
        /// Failures in a row.
        failures: u32,
        /// Next attempt in seconds since 1970.
        retry_at: i64,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issued { host, not_after } => write!(f, "{host}: new certificate, good until {}", utc(*not_after)),
            Self::Failed { host, why, failures, retry_at } => {
                write!(f, "{host}: no new certificate (attempt {failures}, next at {}): {why}", utc(*retry_at))
            }
        }
    }
}

/// How often the plans are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What there is to do, as the settings in force have it.
pub(super) struct Work {
    pub(super) settings: Settings,
    pub(super) hosts: Vec<Host>,
    pub(super) state_dir: PathBuf,
    /// Counts the changes of the settings since the start.
    pub(super) generation: u64,
}

/// The plans of all hosts, for one generation of settings.
#[derive(Default)]
pub(super) struct Plans {
    generation: u64,
    by_host: HashMap<Host, Plan>,
}

/// Obtains and renews certificates for as long as it is polled. Spawn it once; it follows changes of the settings, and
/// tries at once what is due when they have changed.
pub async fn run(tls: Arc<Tls>, report: impl Fn(Event)) {
    // The HTTP client takes the process's default; fails only where one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut plans = Plans::default();
    loop {
        round(&tls, &mut plans, &report).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Looks at every host once, and orders what is due.
pub(super) async fn round(tls: &Tls, plans: &mut Plans, report: &impl Fn(Event)) {
    let Some(work) = tls.acme_work() else {
        return;
    };
    if plans.generation != work.generation {
        *plans = Plans { generation: work.generation, ..Plans::default() };
    }
    let storage = Storage::new(&work.state_dir, &work.settings);
    let is_first = work.generation == 0;
    for host in work.hosts {
        let plan = plans.by_host.entry(host.clone()).or_insert_with(|| Plan::load(&storage, &host, is_first));
        if plan.needs_a_look(unix_now())
            && let Some(event) = look(tls, &work.settings, &storage, &host, plan).await
        {
            report(event);
        }
    }
}

/// Renews if it is time, and notes the outcome in the plan.
async fn look(tls: &Tls, settings: &Settings, storage: &Storage, host: &Host, plan: &mut Plan) -> Option<Event> {
    match attempt(tls, settings, storage, host, plan).await {
        Ok(None) => None,
        Ok(Some(not_after)) => {
            plan.succeeded(storage, host);
            Some(Event::Issued { host: host.to_string(), not_after })
        }
        Err(error) => {
            let (failures, retry_at) = plan.failed(storage, host, error.is_rate_limit(), unix_now());
            Some(Event::Failed { host: host.to_string(), why: error.to_string(), failures, retry_at })
        }
    }
}

/// Asks the server when to renew, and renews if it is time; then the end of the new validity.
async fn attempt(
    tls: &Tls,
    settings: &Settings,
    storage: &Storage,
    host: &Host,
    plan: &mut Plan,
) -> Result<Option<i64>, OrderError> {
    let Some(_lock) = storage.try_lock()? else {
        return Ok(None); // another process is at it: its certificate will be found in the storage
    };
    let current = storage.current(host);
    let orders = Orders::open(settings, storage, tls.challenges()).await?;
    if let Some(current) = &current {
        plan.follow(current, orders.suggested_window(current).await);
    }
    if !plan.is_due(unix_now()) {
        return Ok(None);
    }
    order(tls, &orders, storage, host, current.as_ref(), plan.challenge(settings)).await.map(Some)
}

/// Orders, stores and loads a certificate; the end of its validity.
async fn order(
    tls: &Tls,
    orders: &Orders<'_>,
    storage: &Storage,
    host: &Host,
    current: Option<&Loaded>,
    challenge: Option<Challenge>,
) -> Result<i64, OrderError> {
    let (chain, key) = orders.certificate(host, current, challenge).await?;
    let stored = storage.store(host, &chain, &key)?;
    tls.reload()?;
    Ok(stored.facts.not_after)
}
