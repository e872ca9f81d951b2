//! Client certificates: who may present one, and what it says.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ServerConnection, WebPkiClientVerifier};
use rustls::{RootCertStore, pki_types::CertificateDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::{TlsError, files, pem};

/// Whether clients are asked for a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Not asked.
    #[default]
    Off,
    /// Asked; a client without one is let in, a client with a bad one is not.
    Optional(Authorities),
    /// A client without a good one is refused in the handshake.
    Required(Authorities),
}

impl ClientAuth {
    /// The files it depends on.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let authorities = match self {
            Self::Off => None,
            Self::Optional(authorities) | Self::Required(authorities) => Some(authorities),
        };
        authorities.into_iter().flat_map(|found| found.ca_files.iter().chain(&found.crl_files)).map(PathBuf::as_path)
    }
}

/// Who vouches for clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    /// PEM files of authorities whose certificates are accepted; each file may hold several.
    pub ca_files: Vec<PathBuf>,
    /// PEM or DER revocation lists. When there is one, every certificate of a chain must be covered by a current
    /// list of its issuer: an unknown or outdated status is a refusal, or a thief need only wait for the list to lapse.
    pub crl_files: Vec<PathBuf>,
}

/// The verifier for the handshake; nothing when clients are not asked.
pub(crate) fn verifier(
    auth: &ClientAuth,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let (authorities, required) = match auth {
        ClientAuth::Off => return Ok(None),
        ClientAuth::Optional(authorities) => (authorities, false),
        ClientAuth::Required(authorities) => (authorities, true),
    };
    let roots = Arc::new(roots(&authorities.ca_files)?);
    let lists = authorities.crl_files.iter().map(|path| revocation_lists(path)).collect::<Result<Vec<_>, _>>()?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
        .with_crls(lists.into_iter().flatten())
        .enforce_revocation_expiration();
    if !required {
        builder = builder.allow_unauthenticated();
    }
    let built = builder.build();
    built.map(Some).map_err(|error| TlsError::Configuration(error.to_string()))
}

fn roots(files: &[PathBuf]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for path in files {
        for certificate in pem::certificates(&files::read_public(path)?, path)? {
            roots
                .add(certificate)
                .map_err(|error| TlsError::ClientAuthority { path: path.clone(), detail: error.to_string() })?;
        }
    }
    match roots.is_empty() {
        true => Err(TlsError::NoClientAuthority),
        false => Ok(roots),
    }
}

fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let refuse = |detail: String| TlsError::RevocationList { path: path.into(), detail };
    let bytes = files::read_public(path)?;
    let lists: Vec<_> = match bytes.starts_with(b"\x30") {
        true => vec![bytes.into()], // an ASN.1 sequence: DER
        false => CertificateRevocationListDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| refuse(error.to_string()))?,
    };
    if lists.is_empty() {
        return Err(refuse("expected -----BEGIN X509 CRL-----".into()));
    }
    for list in &lists {
        x509_parser::parse_x509_crl(list).map_err(|error| refuse(error.to_string()))?;
    }
    Ok(lists)
}

/// A client certificate the handshake has verified: chain, validity, revocation, and possession of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Distinguished name as text, such as `CN=alice, O=Example`.
    pub subject: String,
    /// Distinguished name of who issued it.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the whole certificate, lower-case hexadecimal: the one value no other certificate shares.
    pub sha256: String,
    /// Names in the subjectAltName.
    pub names: Vec<ClientName>,
    /// End of validity in seconds since 1970.
    pub not_after: i64,
}

/// A name in a client certificate. Values come from the authority, yet may hold any character: encode them
/// before they enter a header or a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientName {
    /// A DNS name.
    Dns(String),
    /// An e-mail address.
    Email(String),
    /// A URI, such as a SPIFFE id.
    Uri(String),
    /// An address.
    Address(std::net::IpAddr),
}

impl ClientCertificate {
    /// The certificate the peer of a finished handshake has proven to hold.
    pub fn of(connection: &ServerConnection) -> Option<Self> {
        Self::parse(connection.peer_certificates()?.first()?)
    }

    fn parse(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: hex(certificate.raw_serial()),
            sha256: hex(digest(&SHA256, der).as_ref()),
            names: names(&certificate),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<ClientName> {
    let Ok(Some(found)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(ClientName::Dns((*name).into())),
        GeneralName::RFC822Name(name) => Some(ClientName::Email((*name).into())),
        GeneralName::URI(name) => Some(ClientName::Uri((*name).into())),
        GeneralName::IPAddress(bytes) => pem::address(bytes).map(ClientName::Address),
        _ => None,
    };
    found.value.general_names.iter().filter_map(name).collect()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}
