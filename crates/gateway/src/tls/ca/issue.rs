//! Making the root and the server certificate, and judging whether those on disk still serve.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::super::client_auth::hex;
use super::super::host::Host;
use super::super::{TlsError, pem};

const DAY_SECS: i64 = 24 * 60 * 60;
/// Two years: see the parent module.
const ROOT_SECS: i64 = 730 * DAY_SECS;
/// Mozilla's guideline: 90 days.
const LEAF_SECS: i64 = 90 * DAY_SECS;
/// Certificates start in the past: clocks of clients run late.
const BACKDATED_SECS: i64 = 60 * 60;

/// A new root that may vouch for `names` alone: key and certificate as PEM.
pub(super) fn root(names: &BTreeSet<Host>, now: i64) -> Result<String, TlsError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = params(now, ROOT_SECS)?;
    let serial = params.serial_number.as_ref().map(SerialNumber::to_bytes).unwrap_or_default();
    let mark = hex(serial.get(..4).unwrap_or_default()); // tells two roots apart in a list of a browser
    params.distinguished_name.push(DnType::OrganizationName, "Gambeson");
    params.distinguished_name.push(DnType::CommonName, format!("Gambeson development CA {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: names.iter().map(subtree).collect(), excluded_subtrees: Vec::new() });
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(key.serialize_pem() + &certificate.pem())
}

/// A server certificate for `names` by the root in `root_pem`: key, certificate and root as PEM.
pub(super) fn leaf(root_pem: &[u8], root_path: &Path, names: &BTreeSet<Host>, now: i64) -> Result<String, TlsError> {
    let unreadable = |detail: &str| TlsError::Pem { path: root_path.into(), detail: detail.into() };
    let root_text = std::str::from_utf8(root_pem).map_err(|_| unreadable("not text"))?;
    let root_key = KeyPair::from_pem(root_text).map_err(|error| unreadable(&error.to_string()))?;
    let issuer = Issuer::from_ca_cert_pem(certificate_text(root_text), root_key).map_err(failed)?;

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = params(now, LEAF_SECS)?;
    params.distinguished_name.push(DnType::OrganizationName, "Gambeson development certificate");
    params.subject_alt_names = names.iter().map(alternative_name).collect::<Result<_, _>>()?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok(key.serialize_pem() + &certificate.pem() + certificate_text(root_text))
}

/// Whether the root is still of use: valid for longer than a server certificate lasts, and permitted to vouch
/// for all `names`.
pub(super) fn root_serves(der: &CertificateDer<'_>, names: &BTreeSet<Host>, now: i64) -> bool {
    let Ok((_, root)) = x509_parser::parse_x509_certificate(der) else {
        return false;
    };
    let permitted = permitted(&root);
    let lasts = root.validity().not_after.timestamp() >= now.saturating_add(LEAF_SECS);
    lasts && names.iter().all(|host| permitted.iter().any(|subtree| subtree.contains(host)))
}

/// Whether the server certificate is for exactly `names` and not yet due for renewal.
pub(super) fn leaf_serves(der: Option<&CertificateDer<'_>>, names: &BTreeSet<Host>, now: i64) -> bool {
    let Some(Ok((_, leaf))) = der.map(|der| x509_parser::parse_x509_certificate(der)) else {
        return false;
    };
    let facts = pem::facts(&leaf);
    let same = facts.names.iter().collect::<BTreeSet<_>>() == names.iter().collect();
    same && now >= facts.not_before && now < facts.renewal_due()
}

/// What a root permits, as text, and the end of its validity.
pub(super) fn constraints(der: &CertificateDer<'_>) -> (Vec<String>, i64) {
    let Ok((_, root)) = x509_parser::parse_x509_certificate(der) else {
        return (Vec::new(), 0);
    };
    let permitted = permitted(&root).iter().map(Permitted::to_text).collect();
    (permitted, root.validity().not_after.timestamp())
}

/// The certificate of a PEM text that begins with a key.
pub(super) fn certificate_text(pem: &str) -> &str {
    pem.find("-----BEGIN CERTIFICATE-----").and_then(|start| pem.get(start..)).unwrap_or_default()
}

fn params(now: i64, lifetime: i64) -> Result<CertificateParams, TlsError> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| TlsError::Issue(error.to_string()))?;
    serial[0] &= 0x7f; // a serial number is positive
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let at = |seconds: i64| epoch + Duration::from_secs(seconds.max(0).unsigned_abs());
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = at(now - BACKDATED_SECS);
    params.not_after = at(now - BACKDATED_SECS + lifetime);
    Ok(params)
}

fn alternative_name(host: &Host) -> Result<SanType, TlsError> {
    Ok(match host {
        Host::Address(address) => SanType::IpAddress(*address),
        name => SanType::DnsName(name.to_string().try_into().map_err(failed)?),
    })
}

/// All of 127.0.0.0/8 is this machine; any other address stands for itself alone.
fn subtree(host: &Host) -> GeneralSubtree {
    match host {
        Host::Name(name) | Host::Wildcard(name) => GeneralSubtree::DnsName(name.clone()),
        Host::Address(IpAddr::V4(address)) if address.is_loopback() => {
            GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0]))
        }
        Host::Address(IpAddr::V4(address)) => GeneralSubtree::IpAddress(CidrSubnet::V4(address.octets(), [255; 4])),
        Host::Address(IpAddr::V6(address)) => GeneralSubtree::IpAddress(CidrSubnet::V6(address.octets(), [255; 16])),
    }
}

/// A permitted subtree as read back from a root.
enum Permitted {
    Name(String),
    Network { address: Vec<u8>, mask: Vec<u8> },
}

impl Permitted {
    /// RFC 5280 section 4.2.1.10: a name permits itself and everything below it.
    fn contains(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Name(base), Host::Name(name) | Host::Wildcard(name)) => {
                let below = name.strip_suffix(base.as_str());
                below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Network { address, mask }, Host::Address(wanted)) => {
                let wanted = match wanted {
                    IpAddr::V4(v4) => v4.octets().to_vec(),
                    IpAddr::V6(v6) => v6.octets().to_vec(),
                };
                let same = |((a, m), w): ((&u8, &u8), &u8)| a & m == w & m;
                wanted.len() == address.len() && address.iter().zip(mask).zip(&wanted).all(same)
            }
            _ => false,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Network { address, mask } => {
                let bits: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
                pem::address(address).map_or_else(String::new, |address| format!("{address}/{bits}"))
            }
        }
    }
}

fn permitted(root: &X509Certificate<'_>) -> Vec<Permitted> {
    let Ok(Some(constraints)) = root.name_constraints() else {
        return Vec::new();
    };
    let subtrees = constraints.value.permitted_subtrees.iter().flatten();
    subtrees
        .filter_map(|subtree| match &subtree.base {
            GeneralName::DNSName(name) => Some(Permitted::Name((*name).into())),
            GeneralName::IPAddress(bytes) => {
                let (address, mask) = bytes.split_at_checked(bytes.len() / 2)?;
                Some(Permitted::Network { address: address.into(), mask: mask.into() })
            }
            _ => None,
        })
        .collect()
}

fn failed(error: rcgen::Error) -> TlsError {
    TlsError::Issue(error.to_string())
}
