//! What the tests stand on: an authority, files, a gateway side, a client side.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, ProtocolVersion, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::super::*;

pub(super) const DAY: i64 = 24 * 60 * 60;

/// A private authority with a folder for what it issues.
pub(super) struct Bench {
    pub(super) folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    pub(super) root: rcgen::Certificate,
}

impl Bench {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Test root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = params.self_signed(&key).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), issuer: Issuer::new(params, key), root }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        files::write_atomic(&path, text.as_bytes(), 0o600).unwrap();
        path
    }

    pub(super) fn root_file(&self) -> PathBuf {
        self.write("root.pem", &self.root.pem())
    }

    /// A chain (leaf and root) and a key, as text.
    pub(super) fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).into()).collect::<Vec<_>>()).unwrap();
        valid(&mut params, unix_now() - DAY, unix_now() + 89 * DAY);
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        (leaf.pem() + &self.root.pem(), key.serialize_pem())
    }

    /// Files of a good certificate for some names.
    pub(super) fn files(&self, label: &str, names: &[&str]) -> CertificateFiles {
        let (chain, key) = self.issue(names, |_| {});
        CertificateFiles {
            chain: self.write(&format!("{label}.crt"), &chain),
            key: self.write(&format!("{label}.key"), &key),
            hosts: Vec::new(),
        }
    }

    /// A client certificate with a serial number of one byte.
    pub(super) fn client(&self, name: &str, serial: u8, lifetime: i64) -> Identity {
        let (chain, key) = self.issue(&[], |params| {
            params.distinguished_name.push(DnType::CommonName, name);
            params.serial_number = Some(SerialNumber::from_slice(&[serial]));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            valid(params, unix_now() - 2 * DAY, unix_now() + lifetime);
        });
        (chain, key)
    }

    /// A revocation list of this authority that lasts for `lifetime` seconds from now.
    pub(super) fn revocation_list(&self, serials: &[u8], lifetime: i64) -> String {
        let at = |seconds| rcgen::date_time_ymd(1970, 1, 1) + secs(seconds);
        let revoked = |serial: &u8| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[*serial]),
            revocation_time: at(unix_now() - DAY),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: at(unix_now() - 2 * DAY),
            next_update: at(unix_now() + lifetime),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    pub(super) fn settings(&self, hosts: &[&str], certificates: Vec<CertificateFiles>) -> Settings {
        Settings {
            hosts: hosts.iter().map(|host| (*host).into()).collect(),
            certificates,
            http2: true,
            state_dir: self.folder.path().join("state"),
            ..Settings::default()
        }
    }

    /// A client that trusts this authority.
    pub(super) fn trusting(&self) -> Client {
        Client::trusting(&self.root.pem())
    }
}

/// Sets the validity in seconds since 1970.
pub(super) fn valid(params: &mut CertificateParams, from: i64, until: i64) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + secs(from);
    params.not_after = epoch + secs(until);
}

fn secs(seconds: i64) -> Duration {
    Duration::from_secs(seconds.try_into().unwrap())
}

/// A chain and a key as PEM.
pub(super) type Identity = (String, String);

/// The client side of a test.
#[derive(Clone)]
pub(super) struct Client {
    roots: RootCertStore,
    identity: Option<Identity>,
    versions: Vec<&'static rustls::SupportedProtocolVersion>,
    pub(super) alpn: Vec<Vec<u8>>,
}

/// What the client saw of a connection.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) version: ProtocolVersion,
    /// None in a resumed TLS 1.2 session, which exchanges no keys.
    pub(super) group: Option<NamedGroup>,
    pub(super) kind: HandshakeKind,
    pub(super) alpn: Option<Vec<u8>>,
    pub(super) leaf: CertificateDer<'static>,
    /// What the server knows about the client.
    pub(super) client: Option<ClientCertificate>,
}

impl Client {
    pub(super) fn trusting(root_pem: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root_pem.as_bytes()).unwrap()).unwrap();
        Self { roots, identity: None, versions: rustls::ALL_VERSIONS.to_vec(), alpn: vec![b"h2".to_vec()] }
    }

    pub(super) fn with_identity(&self, identity: &Identity) -> Self {
        Self { identity: Some(identity.clone()), ..self.clone() }
    }

    pub(super) fn only(&self, version: &'static rustls::SupportedProtocolVersion) -> Self {
        Self { versions: vec![version], ..self.clone() }
    }

    /// A configuration that keeps its sessions between connections.
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Profile::Intermediate.provider())
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = self.alpn.clone();
        Arc::new(config)
    }

    /// One connection to `name`.
    pub(super) async fn connect(&self, tls: &Tls, name: &str) -> Result<Seen, String> {
        connect(tls, self.config(), name).await
    }
}

/// One connection, up to a byte in each direction. The error has both sides' words.
pub(super) async fn connect(tls: &Tls, config: Arc<ClientConfig>, name: &str) -> Result<Seen, String> {
    let (near, far) = tokio::io::duplex(64 << 10);
    let server = async {
        let mut stream = tls.accept(far).await.map_err(|error| error.to_string())?;
        let client = ClientCertificate::of(stream.get_ref().1);
        let mut byte = [0];
        stream.read_exact(&mut byte).await.map_err(|error| error.to_string())?;
        stream.write_all(&byte).await.map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())?;
        Ok::<_, String>(client)
    };
    let client = async {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = TlsConnector::from(config).connect(name, near).await?;
        stream.write_all(b"?").await?;
        stream.read_exact(&mut [0]).await?;
        let connection = stream.get_ref().1;
        Ok::<_, std::io::Error>(Seen {
            version: connection.protocol_version().unwrap(),
            group: connection.negotiated_key_exchange_group().map(|group| group.name()),
            kind: connection.handshake_kind().unwrap(),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            leaf: connection.peer_certificates().unwrap()[0].clone(),
            client: None,
        })
    };
    match tokio::join!(server, client) {
        (Ok(client), Ok(seen)) => Ok(Seen { client, ..seen }),
        (server, client) => Err(format!("server: {:?}; client: {:?}", server.err(), client.err())),
    }
}

/// The DNS names of a certificate, to tell which was chosen.
pub(super) fn names_of(leaf: &CertificateDer<'_>) -> Vec<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).unwrap();
    pem::facts(&parsed).names.iter().map(host::Host::to_string).collect()
}

pub(super) fn build(settings: Settings) -> Tls {
    Tls::build(settings, Tickets::new().unwrap()).unwrap()
}

pub(super) fn refusal(settings: Settings) -> String {
    Tls::build(settings, Tickets::new().unwrap()).unwrap_err().to_string()
}
