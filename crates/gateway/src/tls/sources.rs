//! Which certificate serves which host: files first, then ACME, then the development authority.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rustls::crypto::CryptoProvider;

use super::ca::Authority;
use super::files::Stamp;
use super::host::Host;
use super::pem::{self, Loaded, Origin};
use super::resolver::Names;
use super::{CertificateFiles, Settings, TlsError, acme};

/// Where a certificate came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// PEM files of the policy.
    Files(PathBuf),
    /// An ACME server.
    Acme,
    /// The development authority.
    Development,
}

/// A certificate in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Where it came from.
    pub source: Source,
    /// Hosts of the policy it serves.
    pub hosts: Vec<String>,
    /// Distinguished name of its issuer.
    pub issuer: String,
    /// Start of validity in seconds since 1970.
    pub not_before: i64,
    /// End of validity in seconds since 1970.
    pub not_after: i64,
}

/// Every certificate, by name.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) names: Names,
    pub(super) certificates: Vec<CertificateInfo>,
    pub(super) acme_hosts: Vec<Host>,
    pub(super) has_new_root: bool,
    pub(super) renewal_due: Option<i64>,
    /// The file of the development certificate, as it was after we may have written it.
    pub(super) made_here: Option<Stamp>,
    covered: BTreeSet<Host>,
}

impl Gathered {
    fn add(&mut self, source: Source, hosts: Vec<Host>, loaded: &Loaded) {
        for host in &hosts {
            self.names.insert(host, &loaded.key);
        }
        self.certificates.push(CertificateInfo {
            source,
            hosts: hosts.iter().map(Host::to_string).collect(),
            issuer: loaded.facts.issuer.clone(),
            not_before: loaded.facts.not_before,
            not_after: loaded.facts.not_after,
        });
        self.covered.extend(hosts);
    }
}

/// The files of others that a configuration is read from.
pub(super) fn stamps(settings: &Settings) -> Vec<Stamp> {
    let certificates = settings.certificates.iter().flat_map(|files| [&*files.chain, &*files.key]);
    let read = certificates.chain(settings.client_auth.files()).map(Stamp::of);
    let acme = settings.acme.iter().flat_map(|acme| acme_files(acme, settings));
    read.chain(acme.map(|path| Stamp::of(&path))).collect()
}

/// Files another process may renew: whoever holds the lock orders for all.
fn acme_files(acme: &acme::Settings, settings: &Settings) -> Vec<PathBuf> {
    let storage = acme::Storage::new(&settings.state_dir, acme);
    let hosts = settings.hosts.iter().filter_map(|host| host.parse().ok());
    hosts.map(|host: Host| storage.certificate_path(&host)).collect()
}

/// Loads every certificate and checks that each host of the policy has one.
pub(super) fn gather(settings: &Settings, provider: &CryptoProvider, now: i64) -> Result<Gathered, TlsError> {
    let hosts: Vec<Host> = parse_all(&settings.hosts)?;
    let mut gathered = Gathered::default();
    for files in &settings.certificates {
        let loaded = pem::load(Origin { chain: &files.chain, key: &files.key }, now, provider)?;
        let serves = hosts_of(files, &hosts, &loaded)?;
        gathered.add(Source::Files(files.chain.clone()), serves, &loaded);
    }
    if let Some(acme) = &settings.acme {
        add_acme(&mut gathered, acme, settings, &hosts)?;
    }
    if settings.development {
        add_development(&mut gathered, settings, &hosts, provider, now)?;
    }
    let served = |host: &&Host| gathered.covered.contains(host) || gathered.acme_hosts.contains(host);
    if let Some(host) = hosts.iter().find(|host| !served(host)) {
        return Err(TlsError::NoCertificateFor { host: host.to_string() });
    }
    gathered.names.settle_default();
    Ok(gathered)
}

/// The hosts a pair of files is for; each must be in the certificate.
fn hosts_of(files: &CertificateFiles, hosts: &[Host], loaded: &Loaded) -> Result<Vec<Host>, TlsError> {
    let uncovered = |host: &Host| TlsError::HostNotCovered {
        path: files.chain.clone(),
        host: host.to_string(),
        names: loaded.facts.names.iter().map(Host::to_string).collect(),
    };
    if files.hosts.is_empty() {
        let serves: Vec<_> = hosts.iter().filter(|host| loaded.facts.covers(host)).cloned().collect();
        return match (serves.is_empty(), hosts.first()) {
            (true, Some(host)) => Err(uncovered(host)),
            _ => Ok(serves),
        };
    }
    let wanted = parse_all(&files.hosts)?;
    match wanted.iter().find(|host| !loaded.facts.covers(host)) {
        Some(host) => Err(uncovered(host)),
        None => Ok(wanted),
    }
}

/// The certificates ACME has brought so far. A host that still waits for its first is not served.
fn add_acme(gathered: &mut Gathered, acme: &acme::Settings, settings: &Settings, hosts: &[Host]) -> Result<(), TlsError> {
    acme.check()?;
    let wanted = parse_all(&acme.hosts)?;
    let storage = acme::Storage::new(&settings.state_dir, acme);
    for host in hosts {
        match host {
            _ if gathered.covered.contains(host) => continue,
            _ if !wanted.is_empty() && !wanted.contains(host) => continue,
            Host::Name(name) if name != "localhost" => {}
            Host::Wildcard(_) => {
                let why = format!("{host} would need a DNS challenge, which is not offered: name PEM files for it");
                return Err(TlsError::Acme(why));
            }
            _ => continue, // this machine, and addresses: for the development authority
        }
        gathered.acme_hosts.push(host.clone());
        if let Some(loaded) = storage.current(host) {
            gathered.add(Source::Acme, vec![host.clone()], &loaded);
        }
    }
    Ok(())
}

/// The development certificate for the hosts nothing else covers, and for this machine. Where files and ACME cover
/// every host there is no such authority at all: what is not there cannot be stolen.
fn add_development(
    gathered: &mut Gathered,
    settings: &Settings,
    hosts: &[Host],
    provider: &CryptoProvider,
    now: i64,
) -> Result<(), TlsError> {
    let open = |host: &Host| !gathered.covered.contains(host) && !gathered.acme_hosts.contains(host);
    if !hosts.is_empty() && !hosts.iter().any(open) {
        return Ok(());
    }
    // For all hosts: an authority that changed with every file would have to be trusted anew each time.
    let authority = Authority::open(&settings.state_dir, &settings.hosts, now)?;
    gathered.has_new_root = authority.is_new;
    let leaf = authority.leaf(now, provider)?;
    let due = leaf.facts.renewal_due();
    gathered.renewal_due = Some(gathered.renewal_due.map_or(due, |earlier| earlier.min(due)));
    gathered.made_here = Some(Stamp::of(&authority.leaf_path()));
    let serves = leaf.facts.names.iter().filter(|host| open(host)).cloned().collect();
    gathered.add(Source::Development, serves, &leaf);
    Ok(())
}

fn parse_all(hosts: &[String]) -> Result<Vec<Host>, TlsError> {
    hosts.iter().map(|host| host.parse()).collect()
}
