//! Makes TLS handshakes, each followed by one request, as fast as one thread can: for `make bench`.
//!
//! `handshakes ADDRESS SECONDS CONNECTIONS x25519|mlkem [resume]` prints one line of JSON.

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::LocalSet,
};
use tokio_rustls::TlsConnector;

/// Takes any certificate: what is measured is the server.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        d: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(m, c, d, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        d: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(m, c, d, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn config(group: &str, resume: bool) -> Result<ClientConfig, Error> {
    let kx = if group == "mlkem" { aws_lc_rs::kx_group::X25519MLKEM768 } else { aws_lc_rs::kx_group::X25519 };
    let provider = Arc::new(CryptoProvider { kx_groups: vec![kx], ..aws_lc_rs::default_provider() });
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    if !resume {
        config.resumption = Resumption::disabled();
    }
    Ok(config)
}

async fn one(connector: &TlsConnector, address: &str) -> std::io::Result<()> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
    let mut tls = connector.connect(name, tcp).await?;
    tls.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    tls.flush().await?;
    let mut answer = Vec::new();
    let _unclean = tls.read_to_end(&mut answer).await;
    if answer.starts_with(b"HTTP/1.1 200") { Ok(()) } else { Err(std::io::Error::other("no 200")) }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, seconds, connections, group, rest @ ..] = arguments.as_slice() else {
        return Err("usage: handshakes ADDRESS SECONDS CONNECTIONS x25519|mlkem [resume]".into());
    };
    let connector = TlsConnector::from(Arc::new(config(group, !rest.is_empty())?));
    let (begun, length) = (Instant::now(), Duration::from_secs_f64(seconds.parse()?));
    let (done, errors) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(0_u64)));
    let local = LocalSet::new();
    for _ in 0..connections.parse::<usize>()? {
        let (connector, address, done, errors) = (connector.clone(), address.clone(), done.clone(), errors.clone());
        local.spawn_local(async move {
            while begun.elapsed() < length {
                let counter = if one(&connector, &address).await.is_ok() { &done } else { &errors };
                counter.set(counter.get() + 1);
            }
        });
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(local);
    println!("{{\"done\": {}, \"errors\": {}}}", done.get(), errors.get());
    Ok(())
}
