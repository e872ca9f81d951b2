//! Health, readiness and metrics, on a listener of their own.

use crate::{ledger::Ledger, server::Server, upstream::connect};
use bytes::BytesMut;
use gambeson_core::policy::UpstreamAddress;
use gambeson_store::metrics::CONTENT_TYPE;
use gambeson_wire::{ConnectionOption, Framing, Limits, Scan, parse_request, write_response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::{io, net::Ipv4Addr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A question takes at most this long; they are served one after the other.
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves for ever; without a listener it only waits.
pub(super) async fn serve(listener: Option<std::net::TcpListener>, ledger: &Ledger, server: &Server) {
    let Some(Ok(listener)) = listener.map(tokio::net::TcpListener::from_std) else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(timeout(PATIENCE, answer(stream, ledger, server)).await),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn answer(mut stream: TcpStream, ledger: &Ledger, server: &Server) -> io::Result<()> {
    let (mut buf, mut scan) = (BytesMut::new(), Scan::default());
    let head = loop {
        if stream.read_buf(&mut buf).await? == 0 {
            return Ok(());
        }
        match parse_request(&buf, &mut scan, &Limits::default()) {
            Ok(Some((_, head))) => break Some(head),
            Ok(None) => {}
            Err(_) => break None,
        }
    };
    let (status, body) = match head {
        Some(head) if head.method == Method::GET => page(&head.target, ledger, server).await,
        Some(_) => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned()),
        None => (StatusCode::BAD_REQUEST, "malformed\n".to_owned()),
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let mut out = BytesMut::new();
    write_response(&mut out, status, &headers, &[], Framing::Length(body.len() as u64), ConnectionOption::Close);
    out.extend_from_slice(body.as_bytes());
    stream.write_all(&out).await?;
    stream.shutdown().await
}

async fn page(target: &[u8], ledger: &Ledger, server: &Server) -> (StatusCode, String) {
    let policy = server.policy();
    let upstream = &policy.upstream;
    match target {
        b"/healthz" => (StatusCode::OK, "alive\n".to_owned()),
        b"/readyz" => match reachable(&upstream.address, upstream.source).await {
            Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("the app cannot be reached: {error}\n")),
        },
        b"/metrics" => (StatusCode::OK, ledger.metrics.render()),
        _ => (StatusCode::NOT_FOUND, "here are /healthz, /readyz and /metrics\n".to_owned()),
    }
}

/// Whether the app takes connections; `source` is the address to ask a local one from.
///
/// # Errors
/// Why it does not, within a second.
pub async fn reachable(address: &UpstreamAddress, source: Option<Ipv4Addr>) -> io::Result<()> {
    let connect = async { connect(address, source).await.map(drop) };
    timeout(Duration::from_secs(1), connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
