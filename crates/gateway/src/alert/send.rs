//! One alert to one receiver: an HTTP request of its own, a datagram, or a line on a connection of its own. Alerts are few: nothing is
//! kept open between them.

use super::{
    format,
    message::Alert,
    settings::{Hook, Settings},
};
use gambeson_core::policy::alert::Syslog;
use gambeson_store::metrics::Receiver;
use gambeson_wire::{Limits, Scan, parse_response};
use http::{Method, StatusCode};
use rustls::pki_types::ServerName;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket, UnixDatagram, lookup_host},
    time::timeout,
};

/// One attempt takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of an answer no more is read: only its status counts.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Why an alert was not told. Neither an address's path nor a secret is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("it cannot be reached: {0}")]
    Io(#[from] io::Error),
    #[error("it took longer than {} seconds", PATIENCE.as_secs())]
    Timeout,
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("it did not answer in HTTP")]
    NoHttp,
}

impl SendError {
    /// Whether trying again may help.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Status(status) => {
                status.is_server_error() || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Io(_) | Self::Timeout | Self::NoHttp => true,
        }
    }
}

/// Tells a receiver, once. One that is not named any more is told nothing.
pub(super) async fn send(receiver: Receiver, alert: &Alert, settings: &Settings) -> Result<(), SendError> {
    let sending = async {
        match (receiver, &settings.webhook, &settings.syslog) {
            (Receiver::Webhook, Some(hook), _) => post(hook, &format::json(alert, &settings.from)).await,
            (Receiver::Syslog, _, Some(server)) => {
                let form = if settings.cef { format::cef } else { format::rfc5424 };
                log(server, &form(alert, &settings.from)).await
            }
            _ => Ok(()),
        }
    };
    timeout(PATIENCE, sending).await.unwrap_or(Err(SendError::Timeout))
}

async fn post(hook: &Hook, body: &str) -> Result<(), SendError> {
    let stream = TcpStream::connect((hook.url.host.as_str(), hook.url.port)).await?;
    let status = match &hook.tls {
        Some(tls) => {
            let name = ServerName::try_from(hook.url.host.clone()).map_err(io::Error::other)?;
            exchange(tokio_rustls::TlsConnector::from(tls.clone()).connect(name, stream).await?, hook, body).await?
        }
        None => exchange(stream, hook, body).await?,
    };
    if status.is_success() { Ok(()) } else { Err(SendError::Status(status)) }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, hook: &Hook, body: &str) -> Result<StatusCode, SendError> {
    stream.write_all(&request(hook, body)).await?;
    stream.flush().await?;
    let (mut answer, mut scan) = (Vec::new(), Scan::default());
    loop {
        match parse_response(&answer, &mut scan, &Limits::default(), &Method::POST) {
            Ok(Some((bytes, head))) if head.is_interim() => drop(answer.drain(..bytes)),
            Ok(Some((_, head))) => return Ok(head.status),
            Ok(None) if answer.len() < ANSWER_BYTES_MAX => {
                if stream.read_buf(&mut answer).await? == 0 {
                    return Err(SendError::NoHttp);
                }
            }
            Ok(None) | Err(_) => return Err(SendError::NoHttp),
        }
    }
}

fn request(hook: &Hook, body: &str) -> Vec<u8> {
    let (target, authority, length) = (&hook.url.target, &hook.url.authority, body.len());
    let mut request = format!(
        "POST {target} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: gambeson/{}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n",
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes();
    if let Some((name, value)) = &hook.secret {
        request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body.as_bytes());
    request
}

async fn log(server: &Syslog, line: &str) -> Result<(), SendError> {
    match server {
        Syslog::Udp(host, port) => {
            let address =
                lookup_host((host.as_str(), *port)).await?.next().ok_or(io::ErrorKind::NotFound).map_err(io::Error::from)?;
            let any: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
            UdpSocket::bind(any).await?.send_to(line.as_bytes(), address).await?;
        }
        Syslog::Tcp(host, port) => {
            let mut stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.write_all(format!("{} {line}", line.len()).as_bytes()).await?;
            stream.shutdown().await?;
        }
        Syslog::Unix(path) => {
            UnixDatagram::unbound()?.send_to(line.as_bytes(), path).await?;
        }
    }
    Ok(())
}
