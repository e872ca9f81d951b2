//! A client's connection in HTTP/1.

mod body;
mod respond;

use crate::{
    io::Duplex,
    proxy::{self, Served},
    worker::{Peer, Worker},
};
use body::H1Body;
use bytes::{Buf, BytesMut};
use gambeson_core::{exchange::Received, layers::Denial, policy::LayerName};
use gambeson_wire::{Fault, Framing, RequestHead, Scan, Version, parse_request};
use http::StatusCode;
use respond::H1Respond;
use std::{cell::Cell, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

/// What both directions of one exchange know of its connection.
#[derive(Debug)]
struct Turn {
    /// Whether the client speaks HTTP/1.0.
    is_http10: bool,
    /// Whether another request may follow.
    keep_alive: Cell<bool>,
    /// Whether the request's body was read to its end.
    body_read: Cell<bool>,
}

/// Serves one connection until it ends.
pub(crate) async fn serve<I: AsyncRead + AsyncWrite + Unpin>(io: I, peer: Peer, worker: &Worker) {
    let io = Duplex::new(io);
    let mut buf = BytesMut::new();
    let mut scan = Scan::default();
    let mut first = true;
    loop {
        let wait = if first { worker.timings.first_byte } else { worker.timings.keep_alive };
        first = false;
        let head = match read_head(&io, &mut buf, &mut scan, wait, worker).await {
            Ok(Some(head)) => head,
            Ok(None) => return close(&io, worker).await,
            Err(denial) => return refuse(&io, &peer, worker, denial).await,
        };
        match one(&io, head, &mut buf, &peer, worker).await {
            After::Next => {}
            After::Close => return linger(&io, worker).await,
            After::Tunnel(app) => return crate::tunnel::run(io.into_inner(), buf, *app, worker).await,
            After::Abort => return,
        }
    }
}

/// What comes after an exchange.
enum After {
    Next,
    Close,
    Tunnel(Box<crate::upstream::Lease>),
    Abort,
}

async fn one<I: AsyncRead + AsyncWrite + Unpin>(
    io: &Duplex<I>,
    head: RequestHead,
    buf: &mut BytesMut,
    peer: &Peer,
    worker: &Worker,
) -> After {
    let turn = Turn {
        is_http10: head.version == Version::V10,
        keep_alive: Cell::new(head.keep_alive),
        body_read: Cell::new(head.framing == Framing::None),
    };
    let mut headers = head.headers;
    if head.upgrade {
        // The wire format takes `Connection` away; that it asked for an upgrade decides whether there is one.
        headers.insert(http::header::CONNECTION, http::HeaderValue::from_static("upgrade"));
    }
    let received = Received {
        method: head.method,
        target: head.target,
        authority: None,
        version: if turn.is_http10 { http::Version::HTTP_10 } else { http::Version::HTTP_11 },
        headers,
        has_body: head.framing != Framing::None,
    };
    let mut body = H1Body::new(io, buf, head.framing, head.expect_continue, &turn, worker);
    let mut respond = H1Respond::new(io, &turn, worker);
    let served = Box::pin(proxy::serve(worker, peer, received, &mut body, &mut respond)).await;
    match served {
        Served::Done if turn.keep_alive.get() && turn.body_read.get() => After::Next,
        Served::Done => After::Close,
        Served::Tunnel(app) => After::Tunnel(app),
        Served::Abort => After::Abort,
    }
}

/// Reads a head; `None` when the client closed or stayed silent before its first byte.
async fn read_head<I: AsyncRead + AsyncWrite + Unpin>(
    io: &Duplex<I>,
    buf: &mut BytesMut,
    scan: &mut Scan,
    wait: Duration,
    worker: &Worker,
) -> Result<Option<RequestHead>, Box<Denial>> {
    if buf.is_empty() && !matches!(worker.or_drained(timeout(wait, io.read(buf))).await, Some(Ok(Ok(1..)))) {
        return Ok(None);
    }
    if let Some(head) = take_head(buf, scan, worker)? {
        return Ok(Some(head));
    }
    let rest = async {
        loop {
            match io.read(buf).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Ok(None),
            }
            if let Some(head) = take_head(buf, scan, worker)? {
                return Ok(Some(head));
            }
        }
    };
    timeout(worker.timings.head, rest).await.unwrap_or_else(|_| Err(head_timeout()))
}

fn take_head(buf: &mut BytesMut, scan: &mut Scan, worker: &Worker) -> Result<Option<RequestHead>, Box<Denial>> {
    match parse_request(buf, scan, &worker.timings.wire) {
        Ok(Some((bytes, head))) => {
            buf.advance(bytes);
            if buf.is_empty() {
                *buf = BytesMut::new();
            }
            Ok(Some(head))
        }
        Ok(None) => Ok(None),
        Err(fault) => Err(denial_of(fault)),
    }
}

fn head_timeout() -> Box<Denial> {
    let say = "The request came too slowly.";
    Denial::new("head-timeout", StatusCode::REQUEST_TIMEOUT, say, "the head took too long to arrive (CWE-400, slow headers)")
}

/// A fault of the wire as a refusal.
pub(crate) fn denial_of(fault: Fault) -> Box<Denial> {
    let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_REQUEST);
    Denial::new(fault.rule(), status, "The request is malformed.", fault.why()).at("head", "")
}

/// Answers what could not be read, and closes.
async fn refuse<I: AsyncRead + AsyncWrite + Unpin>(io: &Duplex<I>, peer: &Peer, worker: &Worker, denial: Box<Denial>) {
    let turn = Turn { is_http10: false, keep_alive: Cell::new(false), body_read: Cell::new(false) };
    let mut respond = H1Respond::new(io, &turn, worker);
    let outgoing = worker.engine().refuse_unreadable(&peer.connection, worker.moment(), LayerName::Protocol, denial);
    proxy::send_own(worker, outgoing, &mut respond, false).await;
    linger(io, worker).await;
}

async fn close<I: AsyncRead + AsyncWrite + Unpin>(io: &Duplex<I>, worker: &Worker) {
    let _closing = io.shutdown(worker.timings.linger).await;
}

/// Ends our direction and reads what is still on its way, so that the answer is not lost to a reset (RFC 9112 section 9.6).
async fn linger<I: AsyncRead + AsyncWrite + Unpin>(io: &Duplex<I>, worker: &Worker) {
    let _closing = io.shutdown(worker.timings.linger).await;
    let mut buf = BytesMut::new();
    let more = async || {
        buf.clear();
        io.read(&mut buf).await.ok().filter(|bytes| *bytes > 0)
    };
    worker.or_drained(crate::linger::read_rest(more, worker.timings.linger)).await;
}
