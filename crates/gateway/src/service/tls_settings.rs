//! From the policy to what TLS needs to know.

use crate::tls::{Authorities, CertificateFiles, ClientAuth, Profile, Settings, acme};
use gambeson_core::{layers::transport, policy::Policy};
use gambeson_store::state_dir::StateDir;

pub(super) fn of(policy: &Policy, state: &StateDir) -> Settings {
    let transport = &policy.layers.transport;
    Settings {
        profile: match transport.profile {
            transport::Profile::Intermediate => Profile::Intermediate,
            transport::Profile::Modern => Profile::Modern,
        },
        hosts: policy.app.hosts.clone(),
        certificates: transport.certificates.iter().map(certificate).collect(),
        acme: transport.acme.as_ref().map(acme),
        development: true,
        client_auth: transport.client_certificates.as_ref().map(clients).unwrap_or_default(),
        http2: policy.layers.protocol.http2.offer,
        state_dir: state.path().to_owned(),
    }
}

fn certificate(written: &transport::Certificate) -> CertificateFiles {
    CertificateFiles { chain: written.chain.clone(), key: written.key.clone(), hosts: written.hosts.clone() }
}

fn acme(written: &transport::Acme) -> acme::Settings {
    let external = |(key_id, hmac_key): &(String, _)| {
        let (key_id, hmac_key) = (key_id.clone(), std::path::PathBuf::clone(hmac_key));
        acme::ExternalAccount { key_id, hmac_key }
    };
    acme::Settings {
        directory: written.directory.clone(),
        root_ca: written.ca_root.clone(),
        contact: written.email.iter().cloned().collect(),
        agree: true, // the policy does not compile otherwise
        external_account: written.external_account.as_ref().map(external),
        profile: written.profile.clone(),
        challenges: vec![match written.challenge {
            transport::Challenge::Http01 => acme::Challenge::Http01,
            transport::Challenge::TlsAlpn01 => acme::Challenge::TlsAlpn01,
        }],
        hosts: written.hosts.clone(),
    }
}

fn clients(written: &transport::ClientCertificates) -> ClientAuth {
    let authorities = Authorities { ca_files: written.ca.clone(), crl_files: written.crl.clone() };
    match written.required {
        true => ClientAuth::Required(authorities),
        false => ClientAuth::Optional(authorities),
    }
}
