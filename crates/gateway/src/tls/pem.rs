//! Certificate chains and keys from PEM, checked before a client ever sees them.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::host::Host;
use super::{TlsError, files};

/// A chain with its key, and what it says about itself.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) facts: Facts,
}

/// What a certificate says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// DNS names and addresses of the subjectAltName; the common name is ignored, as browsers do.
    pub(crate) names: Vec<Host>,
    pub(crate) issuer: String,
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    /// Seconds since 1970.
    pub(crate) not_after: i64,
}

impl Facts {
    /// The moment after which it should be renewed: two thirds of the lifetime, which leaves a third for retries
    /// whether it lasts 6 days or 90.
    pub(crate) fn renewal_due(&self) -> i64 {
        let lifetime = self.not_after.saturating_sub(self.not_before);
        self.not_before.saturating_add(lifetime / 3 * 2)
    }

    pub(crate) fn covers(&self, host: &Host) -> bool {
        self.names.iter().any(|name| name.covers(host))
    }
}

/// Where PEM text came from, for messages. Chain and key may be the same file.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) chain: &'a Path,
    pub(crate) key: &'a Path,
}

/// Reads and checks a chain and its key; `now` in seconds since 1970.
pub(crate) fn load(origin: Origin<'_>, now: i64, provider: &CryptoProvider) -> Result<Loaded, TlsError> {
    let key = files::read_private(origin.key)?;
    let chain = match origin.chain == origin.key {
        true => key.clone(),
        false => files::read_public(origin.chain)?,
    };
    parse(&chain, &key, origin, now, provider)
}

/// Checks PEM text: order of the chain, validity, use, and that the key belongs to it.
pub(crate) fn parse(
    chain: &[u8],
    key: &[u8],
    origin: Origin<'_>,
    now: i64,
    provider: &CryptoProvider,
) -> Result<Loaded, TlsError> {
    let mut chain = certificates(chain, origin.chain)?;
    let facts = check_chain(&chain, origin.chain)?;
    drop_root(&mut chain);
    check_validity(&facts, origin.chain, now)?;
    let key = private_key(key, origin.key)?;
    let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch { chain: origin.chain.into(), key: origin.key.into() },
        other => TlsError::KeyUnusable { path: origin.key.into(), detail: other.to_string() },
    })?;
    Ok(Loaded { key: Arc::new(key), facts })
}

/// Every certificate of a PEM text, at least one.
pub(crate) fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::Pem { path: path.into(), detail: error.to_string() })?;
    match found.is_empty() {
        true => Err(TlsError::NoCertificate { path: path.into() }),
        false => Ok(found),
    }
}

/// The first certificate of a PEM text.
pub(crate) fn first_certificate(pem: &[u8], path: &Path) -> Result<CertificateDer<'static>, TlsError> {
    certificates(pem, path)?.into_iter().next().ok_or_else(|| TlsError::NoCertificate { path: path.into() })
}

fn private_key(pem: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    const ENCRYPTED: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];
    let holds = |needle: &[u8]| pem.windows(needle.len()).any(|window| window == needle);
    if ENCRYPTED.into_iter().any(holds) {
        return Err(TlsError::EncryptedKey { path: path.into() });
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => TlsError::NoKey { path: path.into() },
        other => TlsError::Pem { path: path.into(), detail: other.to_string() },
    })
}

/// Parses every certificate and checks that each is followed by its issuer.
fn check_chain(chain: &[CertificateDer<'_>], path: &Path) -> Result<Facts, TlsError> {
    let parsed = chain.iter().enumerate().map(|(index, der)| parse_der(der, index + 1, path)).collect::<Result<Vec<_>, _>>()?;
    for (index, pair) in parsed.windows(2).enumerate() {
        let [cert, next] = pair else { continue };
        if cert.issuer().as_raw() != next.subject().as_raw() {
            return Err(TlsError::ChainOrder {
                path: path.into(),
                position: index + 1,
                issuer: cert.issuer().to_string(),
                next: next.subject().to_string(),
            });
        }
    }
    let Some(leaf) = parsed.first() else {
        return Err(TlsError::NoCertificate { path: path.into() });
    };
    if let Ok(Some(usage)) = leaf.extended_key_usage()
        && !(usage.value.server_auth || usage.value.any)
    {
        return Err(TlsError::NotForServers { path: path.into() });
    }
    Ok(facts(leaf))
}

/// Takes a root off the end: a client has it or will not trust it, so its bytes are wasted in each handshake.
fn drop_root(chain: &mut Vec<CertificateDer<'static>>) {
    let is_root = |der: &CertificateDer<'_>| {
        x509_parser::parse_x509_certificate(der).is_ok_and(|(_, found)| found.issuer().as_raw() == found.subject().as_raw())
    };
    if chain.len() > 1 && chain.last().is_some_and(is_root) {
        chain.pop();
    }
}

fn parse_der<'a>(der: &'a [u8], position: usize, path: &Path) -> Result<X509Certificate<'a>, TlsError> {
    match x509_parser::parse_x509_certificate(der) {
        Ok((_, parsed)) => Ok(parsed),
        Err(error) => Err(TlsError::Certificate { path: path.into(), position, detail: error.to_string() }),
    }
}

/// What one certificate says about itself.
pub(crate) fn facts(certificate: &X509Certificate<'_>) -> Facts {
    let names = match certificate.subject_alternative_name() {
        Ok(Some(found)) => found.value.general_names.iter().filter_map(host_of).collect(),
        _ => Vec::new(),
    };
    Facts {
        names,
        issuer: certificate.issuer().to_string(),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
    }
}

fn host_of(name: &GeneralName<'_>) -> Option<Host> {
    match name {
        GeneralName::DNSName(name) => name.parse().ok(),
        GeneralName::IPAddress(bytes) => address(bytes).map(Host::Address),
        _ => None,
    }
}

/// An address from the bytes of a certificate: 4 for IPv4, 16 for IPv6.
pub(crate) fn address(bytes: &[u8]) -> Option<std::net::IpAddr> {
    <[u8; 4]>::try_from(bytes).map(Into::into).or_else(|_| <[u8; 16]>::try_from(bytes).map(Into::into)).ok()
}

fn check_validity(facts: &Facts, path: &Path, now: i64) -> Result<(), TlsError> {
    if now > facts.not_after {
        return Err(TlsError::Expired { path: path.into(), at: utc(facts.not_after) });
    }
    if now < facts.not_before {
        return Err(TlsError::NotYetValid { path: path.into(), at: utc(facts.not_before) });
    }
    Ok(())
}

/// A moment as people read it; the number itself when out of range.
pub(crate) fn utc(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}
