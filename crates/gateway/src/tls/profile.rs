//! Mozilla's Server Side TLS guideline, version 6.0, as protocol versions, cipher suites and groups.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite, kx_group};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// Which clients are served, after <https://wiki.mozilla.org/Security/Server_Side_TLS>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// TLS 1.2 and 1.3, only suites with forward secrecy and authenticated encryption: every browser since 2016.
    #[default]
    Intermediate,
    /// TLS 1.3 alone: every browser since 2019.
    Modern,
}

static V13: [SupportedCipherSuite; 3] =
    [suite::TLS13_AES_128_GCM_SHA256, suite::TLS13_AES_256_GCM_SHA384, suite::TLS13_CHACHA20_POLY1305_SHA256];

static V12: [SupportedCipherSuite; 6] = [
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

impl Profile {
    pub(crate) fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static INTERMEDIATE: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        static MODERN: [&SupportedProtocolVersion; 1] = [&TLS13];
        match self {
            Self::Intermediate => &INTERMEDIATE,
            Self::Modern => &MODERN,
        }
    }

    /// The primitives, all from aws-lc-rs. Said in full rather than taken from the library's defaults, so that an
    /// upgrade of the library cannot widen what is accepted.
    pub(crate) fn provider(self) -> Arc<CryptoProvider> {
        let mut cipher_suites = V13.to_vec();
        if self == Self::Intermediate {
            cipher_suites.extend(V12);
        }
        Arc::new(CryptoProvider {
            cipher_suites,
            kx_groups: vec![
                kx_group::X25519MLKEM768, // against recording now and decrypting with a quantum computer later
                kx_group::X25519,
                kx_group::SECP256R1,
                kx_group::SECP384R1,
            ],
            ..aws_lc_rs::default_provider()
        })
    }
}
