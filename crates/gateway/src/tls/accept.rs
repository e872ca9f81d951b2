//! The handshake of one connection.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::ClientHello;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::Tls;
use super::acme::ACME_TLS;

/// Why a connection ended before a request could be read.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The client asked for a name that is not served.
    #[error("no certificate for the name \"{0}\"")]
    UnknownName(String),
    /// The client asked for no name, and which of several certificates it means cannot be known.
    #[error("the client asked for no name (SNI)")]
    NoName,
    /// An ACME server came to look at a proof, and has seen it.
    #[error("proof of the host given to an ACME server")]
    Proof,
    /// The handshake failed; the client has been told, if it still listened.
    #[error(transparent)]
    Handshake(#[from] io::Error),
}

/// Fatal alerts (RFC 8446 section 6, RFC 6066 section 3).
const MISSING_EXTENSION: u8 = 109;
const UNRECOGNIZED_NAME: u8 = 112;

impl Tls {
    /// Performs the handshake. It may take as long as the client likes: put a deadline around it.
    ///
    /// The stream comes in a box: it is 1.2 kB, and every async function it is passed through would reserve that anew
    /// for as long as the connection lives.
    pub async fn accept<IO>(&self, io: IO) -> Result<Box<TlsStream<IO>>, Refused>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        // Boxed: a handshake needs 3 kB, which a connection would otherwise keep as long as it lives.
        Box::pin(self.shake_hands(io)).await
    }

    async fn shake_hands<IO>(&self, io: IO) -> Result<Box<TlsStream<IO>>, Refused>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let mut start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io).await?;
        if let Some(config) = self.proof_for(&start.client_hello()) {
            let mut stream = start.into_stream(config).await?;
            stream.shutdown().await?;
            return Err(Refused::Proof);
        }
        let live = self.live.load_full();
        let name = start.client_hello().server_name().map(str::to_owned);
        if live.names.find(name.as_deref()).is_empty() {
            let (alert, refused) = match name {
                Some(name) => (UNRECOGNIZED_NAME, Refused::UnknownName(name)),
                None => (MISSING_EXTENSION, Refused::NoName),
            };
            end_with(&mut start.io, alert).await?;
            return Err(refused);
        }
        Ok(Box::new(start.into_stream(Arc::clone(&live.config)).await?))
    }

    /// The configuration with the proof an ACME server asks for (RFC 8737 section 3): nothing unless it offers
    /// that protocol alone, for a host whose order is under way.
    fn proof_for(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut protocols = hello.alpn()?;
        let only = protocols.next()? == ACME_TLS && protocols.next().is_none();
        self.challenges.tls_alpn01(hello.server_name().filter(|_| only)?)
    }
}

/// Sends a fatal alert in plaintext, as fits a connection without keys. The library knows no way to choose it.
async fn end_with<IO: AsyncWrite + Unpin>(io: &mut IO, description: u8) -> io::Result<()> {
    const ALERT: u8 = 21;
    const FATAL: u8 = 2;
    io.write_all(&[ALERT, 3, 3, 0, 2, FATAL, description]).await?;
    io.shutdown().await
}
