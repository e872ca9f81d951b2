//! Proofs waiting to be fetched by the ACME server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::super::{Profile, TlsError};

/// ALPN protocol of RFC 8737.
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// Proofs for the orders under way, at most one of each kind for a host.
#[derive(Debug, Default)]
pub struct Challenges {
    answers: Mutex<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    /// Token to key authorization (RFC 8555 section 8.3).
    http: HashMap<String, String>,
    /// Host to a configuration with the special certificate (RFC 8737).
    tls: HashMap<String, Arc<ServerConfig>>,
}

impl Challenges {
    /// The body to answer `GET /.well-known/acme-challenge/{token}` with, as `application/octet-stream`; nothing
    /// when no order under way has this token.
    pub fn http01(&self, token: &str) -> Option<String> {
        self.lock().http.get(token).cloned()
    }

    /// The same for a request target; nothing unless it asks for a token of an order under way.
    pub(crate) fn for_target(&self, target: &[u8]) -> Option<String> {
        let token = target.strip_prefix(b"/.well-known/acme-challenge/")?;
        self.http01(std::str::from_utf8(token).ok()?)
    }

    /// The configuration for a connection that offers `acme-tls/1` alone.
    pub(crate) fn tls_alpn01(&self, name: &str) -> Option<Arc<ServerConfig>> {
        self.lock().tls.get(name).cloned()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        let answers = self.lock();
        answers.http.is_empty() && answers.tls.is_empty()
    }

    /// Offers a proof until the guard is dropped.
    pub(super) fn offer_http(self: &Arc<Self>, token: &str, authorization: &str) -> Offered {
        self.lock().http.insert(token.into(), authorization.into());
        Offered { challenges: Arc::clone(self), key: Key::Http(token.into()) }
    }

    /// Offers a proof until the guard is dropped; `digest` is the SHA-256 of the key authorization.
    pub(super) fn offer_tls(self: &Arc<Self>, host: &str, digest: &[u8]) -> Result<Offered, TlsError> {
        let config = proof(host, digest)?;
        self.lock().tls.insert(host.into(), Arc::new(config));
        Ok(Offered { challenges: Arc::clone(self), key: Key::Tls(host.into()) })
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the proof back when dropped.
#[derive(Debug)]
pub(super) struct Offered {
    challenges: Arc<Challenges>,
    key: Key,
}

#[derive(Debug)]
enum Key {
    Http(String),
    Tls(String),
}

impl Drop for Offered {
    fn drop(&mut self) {
        let mut answers = self.challenges.lock();
        match &self.key {
            Key::Http(token) => drop(answers.http.remove(token)),
            Key::Tls(host) => drop(answers.tls.remove(host)),
        }
    }
}

/// A self-signed certificate with the digest in a critical extension, which no browser would accept.
fn proof(host: &str, digest: &[u8]) -> Result<ServerConfig, TlsError> {
    let failed = |error: rcgen::Error| TlsError::Issue(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key).map_err(failed)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let refused = |error: rustls::Error| TlsError::Configuration(error.to_string());
    let key = any_supported_type(&key).map_err(refused)?;
    // Not `with_single_cert`: it parses the certificate, and knows no critical acmeIdentifier.
    let resolver = SingleCertAndKey::from(CertifiedKey::new(vec![certificate.der().clone()], key));

    let mut config = ServerConfig::builder_with_provider(Profile::Intermediate.provider())
        .with_protocol_versions(Profile::Intermediate.versions())
        .map_err(refused)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}
