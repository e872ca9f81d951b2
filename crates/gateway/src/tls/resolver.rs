//! Which certificate a client gets, by the name it asks for (SNI).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::host::{Host, parent_of};

/// The certificates of one host: usually one; one ECDSA and one RSA where old clients are served.
type Keys = Vec<Arc<CertifiedKey>>;

/// The names served, each with its certificates. A name outside the policy has none: the handshake ends there,
/// before an HTTP host could be mixed up with another (RFC 9110 section 7.4).
#[derive(Debug, Default)]
pub(crate) struct Names {
    exact: HashMap<String, Keys>,
    wildcard: HashMap<String, Keys>,
    without_sni: Keys,
}

impl Names {
    /// Serves `host` with `key`. Earlier certificates of the same host are preferred.
    pub(crate) fn insert(&mut self, host: &Host, key: &Arc<CertifiedKey>) {
        let keys = match host {
            Host::Name(name) => self.exact.entry(name.clone()).or_default(),
            Host::Wildcard(parent) => self.wildcard.entry(parent.clone()).or_default(),
            Host::Address(_) => &mut self.without_sni, // a client that asks for an address sends no SNI
        };
        keys.push(Arc::clone(key));
    }

    /// Gives clients without SNI the only certificate, if there is but one and no host is an address.
    pub(crate) fn settle_default(&mut self) {
        let mut keys = self.exact.values().chain(self.wildcard.values()).flatten();
        let Some(first) = keys.next() else { return };
        if self.without_sni.is_empty() && keys.all(|key| Arc::ptr_eq(key, first)) {
            self.without_sni = vec![Arc::clone(first)];
        }
    }

    /// The certificates for a name; none for a name that is not served.
    pub(crate) fn find(&self, sni: Option<&str>) -> &[Arc<CertifiedKey>] {
        let Some(name) = sni else {
            return &self.without_sni;
        };
        let name = match name.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(name.to_ascii_lowercase()),
            false => Cow::Borrowed(name),
        };
        let by_parent = || self.wildcard.get(parent_of(&name)?);
        self.exact.get(&*name).or_else(by_parent).map_or(&[], Vec::as_slice)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let keys = self.find(hello.server_name());
        let usable = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        keys.iter().find(usable).or(keys.first()).cloned()
    }
}
