//! A client's connection in HTTP/2.

mod metered;

use crate::{
    downstream::{BodyError, Incoming, Length, Respond},
    linger,
    pace::Pace,
    proxy::{self, Served},
    worker::{Peer, Worker},
};
use bytes::Bytes;
use gambeson_core::exchange::Received;
use gambeson_wire::Framing;
use h2::{
    Reason, RecvStream, SendStream,
    server::{Connection, SendResponse},
};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use metered::{Alarm, Metered};
use std::{cell::Cell, future::poll_fn, io, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::spawn_local,
    time::{sleep, timeout},
};

/// What a client may send ahead, for one stream and for all.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What we keep of one stream's answer while the client takes none.
const SEND_BYTES_MAX: usize = 64 * 1024;
/// Streams the client opened and reset before we looked at them (rapid reset, CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;
/// Streams we had to reset for the client's faults ("made you reset", CVE-2025-8671).
const LOCAL_RESETS_MAX: usize = 64;

/// Serves one connection until it ends.
pub(crate) async fn serve<I>(io: I, peer: Peer, worker: Rc<Worker>)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (io, alarm) = Metered::new(io);
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(worker.timings.streams_max)
        .max_header_list_size(u32::try_from(worker.timings.wire.head_bytes_max).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(SEND_BYTES_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(Some(LOCAL_RESETS_MAX))
        .handshake::<_, Bytes>(io);
    if let Ok(Ok(connection)) = timeout(worker.timings.first_byte, handshake).await {
        accept(connection, &alarm, &peer, &worker).await;
    }
}

/// Takes streams until the connection ends, floods us, is idle for too long, or the gateway stops.
async fn accept<I>(mut connection: Connection<Metered<I>, Bytes>, alarm: &Alarm, peer: &Peer, worker: &Rc<Worker>)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let open = Rc::new(Cell::new(0_usize));
    let mut ending = false;
    let mut idle = std::pin::pin!(sleep(worker.timings.keep_alive));
    let mut stopping = std::pin::pin!(worker.stopping());
    loop {
        tokio::select! {
            biased;
            () = alarm.raised() => {
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                let _sent = timeout(worker.timings.linger, poll_fn(|cx| connection.poll_closed(cx))).await;
                return;
            }
            next = connection.accept() => match next {
                Some(Ok((request, respond))) => {
                    let stream = Stream { peer: peer.clone(), worker: worker.clone(), open: Open::new(&open) };
                    spawn_local(stream.serve(request, respond));
                }
                Some(Err(_)) | None => return,
            },
            () = &mut stopping, if !ending => {
                ending = true;
                connection.graceful_shutdown();
            }
            () = &mut idle => {
                if open.get() == 0 {
                    if ending { return; }
                    ending = true;
                    connection.graceful_shutdown();
                }
                idle.as_mut().reset(tokio::time::Instant::now() + worker.timings.keep_alive);
            }
        }
    }
}

/// Counts a stream as open while it lives.
struct Open(Rc<Cell<usize>>);

impl Open {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// One exchange of a connection.
struct Stream {
    peer: Peer,
    worker: Rc<Worker>,
    open: Open,
}

impl Stream {
    async fn serve(self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let (parts, stream) = request.into_parts();
        let framing = framing(&parts.headers, &stream);
        let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let received = Received {
            target: Bytes::copy_from_slice(target.as_bytes()),
            authority: parts.uri.authority().map(|authority| authority.as_str().to_owned()),
            method: parts.method,
            version: http::Version::HTTP_2,
            headers: one_cookie(parts.headers),
            has_body: framing != Framing::None,
        };
        let mut body = H2Body { stream, framing, pace: self.worker.timings.pace() };
        let mut answer = H2Respond { respond, stream: None, ended: false, pace: self.worker.timings.send_pace() };
        let served = proxy::serve(&self.worker, &self.peer, received, &mut body, &mut answer).await;
        match served {
            // A body that nobody read to its end: after this h2 sends NO_ERROR, so that the client stops sending and still takes
            // the answer (RFC 9113 section 8.1). Not all do (curl 7 reports an error), so what comes is taken for a while. An
            // explicit reset would drop what is queued.
            Served::Done => {
                self.worker.or_drained(body.linger(self.worker.timings.linger)).await;
            }
            Served::Abort | Served::Tunnel(_) => answer.reset(Reason::INTERNAL_ERROR),
        }
        drop(self.open);
    }
}

fn framing(headers: &HeaderMap, stream: &RecvStream) -> Framing {
    if stream.is_end_stream() {
        return Framing::None;
    }
    let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    told.map_or(Framing::Chunked, Framing::Length)
}

/// HTTP/2 may cut the cookies into several fields; HTTP/1 has one (RFC 9113 section 8.2.3).
fn one_cookie(mut headers: HeaderMap) -> HeaderMap {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    if crumbs.next().is_some() && crumbs.next().is_some() {
        let parts: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(whole) = HeaderValue::from_bytes(&parts.join(&b"; "[..])) {
            headers.insert(header::COOKIE, whole);
        }
    }
    headers
}

struct H2Body {
    stream: RecvStream,
    framing: Framing,
    pace: Pace,
}

impl H2Body {
    async fn linger(&mut self, pause: Duration) {
        if self.stream.is_end_stream() {
            return;
        }
        let more = async || {
            let data = self.stream.data().await?.ok()?;
            let _taken = self.stream.flow_control().release_capacity(data.len());
            Some(data.len())
        };
        linger::read_rest(more, pause).await;
    }
}

impl Incoming for H2Body {
    fn framing(&self) -> Framing {
        self.framing
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self.pace.wait(self.stream.data()).await? {
                Some(Ok(data)) => {
                    self.pace.came(data.len());
                    let _taken = self.stream.flow_control().release_capacity(data.len());
                    if !data.is_empty() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(_)) => return Err(BodyError::Gone),
                None => return Ok(None),
            }
        }
    }

    async fn gone(&mut self) {
        // Only the sending half hears of it.
        std::future::pending().await
    }
}

struct H2Respond {
    respond: SendResponse<Bytes>,
    stream: Option<SendStream<Bytes>>,
    ended: bool,
    /// A client that opens its window by a byte at a time would hold a connection to the app for ever.
    pace: Pace,
}

impl H2Respond {
    fn reset(&mut self, reason: Reason) {
        match &mut self.stream {
            Some(stream) => stream.send_reset(reason),
            None => self.respond.send_reset(reason),
        }
    }

    /// Waits until the client takes `wanted` bytes, or some of them.
    async fn capacity(&mut self, wanted: usize) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        stream.reserve_capacity(wanted);
        if stream.capacity() > 0 {
            return Ok(stream.capacity());
        }
        match self.pace.wait(poll_fn(|cx| stream.poll_capacity(cx))).await {
            Ok(Some(Ok(bytes))) => Ok(bytes),
            Ok(Some(Err(error))) => Err(io::Error::other(error)),
            Ok(None) => Err(io::ErrorKind::NotConnected.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Respond for H2Respond {
    async fn head(&mut self, status: StatusCode, headers: &HeaderMap, length: Length) -> io::Result<()> {
        let mut response = http::Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = headers.clone();
        let told = match length {
            Length::Known(length) | Length::Bodiless(Some(length)) => Some(length),
            Length::Bodiless(None) | Length::Unknown => None,
        };
        match told {
            Some(length) => response.headers_mut().insert(header::CONTENT_LENGTH, length.into()),
            None => response.headers_mut().remove(header::CONTENT_LENGTH),
        };
        let ends = matches!(length, Length::Bodiless(_) | Length::Known(0));
        self.stream = Some(self.respond.send_response(response, ends).map_err(io::Error::other)?);
        self.ended = ends;
        Ok(())
    }

    async fn data(&mut self, mut data: Bytes) -> io::Result<()> {
        while !data.is_empty() {
            let bytes = self.capacity(data.len()).await?.min(data.len());
            let piece = data.split_to(bytes);
            let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
            stream.send_data(piece, false).map_err(io::Error::other)?;
            self.pace.came(bytes);
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn end(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Some(stream) if !std::mem::replace(&mut self.ended, true) => {
                stream.send_data(Bytes::new(), true).map_err(io::Error::other)
            }
            _ => Ok(()),
        }
    }

    async fn gone(&mut self) {
        let reset = match &mut self.stream {
            Some(stream) => poll_fn(|cx| stream.poll_reset(cx)).await,
            None => poll_fn(|cx| self.respond.poll_reset(cx)).await,
        };
        drop(reset);
    }
}
