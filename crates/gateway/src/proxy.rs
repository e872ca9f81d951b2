//! One exchange: decided, sent to the app, answered.

use crate::{
    downstream::{BodyError, Incoming, Length, Respond},
    upstream::{Answer, AppConnection, AppError, Lease, Piece, encode},
    worker::{Peer, Worker},
};
use bytes::{Bytes, BytesMut};
use gambeson_core::{
    engine::{Decision, Exchange, Finish, Outgoing, Payload, Permit, RequestBody, ResponseStep, Step},
    exchange::{Received, ResponseHead},
    layers::Denial,
    policy::LayerName,
};
use gambeson_wire::{Framing, ResponseFraming};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::{future::Future, io, pin::Pin, time::Duration};
use tokio::time::timeout;

/// How an exchange ended, for its connection.
pub(crate) enum Served {
    /// Answered whole.
    Done,
    /// The connection belongs to the app now.
    Tunnel(Box<Lease>),
    /// Broken off: the client must see that the answer is not whole.
    Abort,
}

/// Serves one request.
pub(crate) async fn serve<B: Incoming, R: Respond>(
    worker: &Worker,
    peer: &Peer,
    received: Received,
    body: &mut B,
    respond: &mut R,
) -> Served {
    let moment = worker.moment();
    let head_only = received.method == Method::HEAD;
    if let Some(proof) = worker.proof(&received.target).filter(|_| peer.connection.tls.is_none()) {
        return send_proof(proof, respond, head_only).await;
    }
    let pending = match worker.engine().receive(received, peer.connection.clone(), moment) {
        Step::Ask(pending) => pending,
        Step::Respond(outgoing) => return send_own(worker, outgoing, respond, head_only).await,
    };
    let answers = worker.answer(pending.asks(), moment.now_ms);
    match pending.decide(&answers) {
        Decision::Respond(outgoing) => send_own(worker, outgoing, respond, head_only).await,
        Decision::Forward(permit, limit, exchange) => {
            Forward { worker, respond, head_only }.run(permit, limit, exchange, body).await
        }
        Decision::Collect(collecting) => {
            let (bytes, whole) = collect(body, collecting.bytes_max()).await;
            send_own(worker, collecting.body(&bytes, whole), respond, head_only).await
        }
    }
}

/// Answers an ACME server's question, which comes before any policy: it is the gateway that is asked, not the app.
async fn send_proof<R: Respond>(proof: Bytes, respond: &mut R, head_only: bool) -> Served {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::from_iter([kind]) };
    let sent = send_whole(respond, &head, proof, head_only).await;
    if sent.is_ok() { Served::Done } else { Served::Abort }
}

/// What a layer wants to see of a body before it answers; the rest is left unread.
async fn collect<B: Incoming>(body: &mut B, bytes_max: usize) -> (BytesMut, bool) {
    let mut bytes = BytesMut::new();
    loop {
        match body.piece().await {
            Ok(Some(piece)) if bytes.len() + piece.len() <= bytes_max => bytes.extend_from_slice(&piece),
            Ok(None) => return (bytes, true),
            Ok(Some(_)) | Err(_) => return (bytes, false),
        }
    }
}

/// Sends an answer of ours.
pub(crate) async fn send_own<R: Respond>(worker: &Worker, outgoing: Outgoing, respond: &mut R, head_only: bool) -> Served {
    let Outgoing { head, payload, finish } = outgoing;
    let bytes = match payload {
        Payload::Own(bytes) => bytes,
        Payload::App => Bytes::new(),
    };
    let sent = send_whole(respond, &head, bytes, head_only).await;
    worker.record(finish, head.status);
    if sent.is_ok() { Served::Done } else { Served::Abort }
}

async fn send_whole<R: Respond>(respond: &mut R, head: &ResponseHead, bytes: Bytes, head_only: bool) -> io::Result<()> {
    let length = bytes.len() as u64;
    let bodiless = head_only || head.status == StatusCode::NO_CONTENT || head.status == StatusCode::NOT_MODIFIED;
    if bodiless {
        let told = (head.status != StatusCode::NO_CONTENT).then_some(length);
        respond.head(head.status, &head.headers, Length::Bodiless(told)).await?;
    } else {
        respond.head(head.status, &head.headers, Length::Known(length)).await?;
        if !bytes.is_empty() {
            respond.data(bytes).await?;
        }
    }
    respond.end().await
}

/// A request on its way to the app and back.
struct Forward<'a, R> {
    worker: &'a Worker,
    respond: &'a mut R,
    head_only: bool,
}

/// The request's body on its way: done at once when there is none.
type Pump<'p> = Pin<Box<dyn Future<Output = Result<(), BodyError>> + 'p>>;

impl<R: Respond> Forward<'_, R> {
    async fn run<B: Incoming>(mut self, permit: Permit, limit: RequestBody, exchange: Exchange, body: &mut B) -> Served {
        let framing = body.framing();
        if let Framing::Length(length) = framing
            && let Err(denial) = limit.declared(length)
        {
            return self.fail(exchange, denial).await;
        }
        let (upgrade, patience) = (permit.is_upgrade(), permit.response_timeout());
        let mut head = BytesMut::with_capacity(1024);
        if let Err(fault) = encode(permit, &exchange, framing, &mut head) {
            return self.fail(exchange, crate::h1::denial_of(fault)).await;
        }
        let method = exchange.request().method.clone();
        let lease = match self.send_head(&head, framing, &method).await {
            Ok(lease) => lease,
            Err(error) => return self.fail(exchange, error.denial()).await,
        };
        self.converse(lease, head, limit, exchange, body, upgrade, patience).await
    }

    /// Sends the head on a kept connection or a new one.
    async fn send_head(&self, head: &[u8], framing: Framing, method: &Method) -> Result<Lease, AppError> {
        let pool = self.worker.pool();
        let lease = pool.lease().await?;
        let stall = self.worker.timings.stall;
        match lease.connection.write(head, stall).await {
            Ok(()) => Ok(lease),
            Err(_) if lease.reused && framing == Framing::None && method.is_idempotent() => {
                let lease = pool.reopen(lease).await?;
                lease.connection.write(head, stall).await.map_err(AppError::Unreachable)?;
                Ok(lease)
            }
            // The app may have answered and closed before it read all: its answer is worth reading.
            Err(_) => Ok(lease),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one exchange, each used once")]
    async fn converse<B: Incoming>(
        &mut self,
        mut lease: Lease,
        head: BytesMut,
        mut limit: RequestBody,
        exchange: Exchange,
        body: &mut B,
        upgrade: bool,
        patience: Duration,
    ) -> Served {
        let method = exchange.request().method.clone();
        if body.framing() == Framing::None {
            let mut answer = timeout(patience, lease.connection.read_head(&method)).await.unwrap_or(Err(AppError::AnswerTimeout));
            if matches!(answer, Err(AppError::NoAnswer)) && lease.reused && method.is_idempotent() {
                (lease, answer) = match self.again(lease, &head, &method, patience).await {
                    Ok(again) => again,
                    Err(error) => return self.fail(exchange, error.denial()).await,
                };
            }
            drop(head);
            let kept = match answer {
                Ok(answer) if upgrade && answer.head.status == StatusCode::SWITCHING_PROTOCOLS => {
                    return self.switch(lease, answer, exchange).await;
                }
                Ok(answer) => self.relay(&lease.connection, answer, exchange, &mut None).await,
                Err(error) => return self.fail(exchange, error.denial()).await,
            };
            return self.finish(kept, lease);
        }
        drop(head);
        let kept = {
            let connection = &lease.connection;
            let mut pump: Option<Pump<'_>> = Some(Box::pin(pump(body, &mut limit, connection, self.worker.timings.stall)));
            let answer = match alongside(&mut pump, Some(patience), connection.read_head(&method)).await {
                Ok(answer) => answer,
                Err(BodyError::Refused(denial)) => return self.fail(exchange, denial).await,
                Err(BodyError::Gone) => return Served::Abort,
            };
            match answer {
                Ok(answer) => {
                    self.relay(connection, answer, exchange, &mut pump).await.map(|reusable| reusable && pump.is_none())
                }
                Err(error) => return self.fail(exchange, error.denial()).await,
            }
        };
        self.finish(kept, lease)
    }

    /// Once more, on a new connection: the kept one was closed by the app while we wrote.
    async fn again(
        &self,
        lease: Lease,
        head: &[u8],
        method: &Method,
        patience: Duration,
    ) -> Result<(Lease, Result<Answer, AppError>), AppError> {
        let lease = self.worker.pool().reopen(lease).await?;
        let _unsent = lease.connection.write(head, self.worker.timings.stall).await;
        let answer = timeout(patience, lease.connection.read_head(method)).await.unwrap_or(Err(AppError::AnswerTimeout));
        Ok((lease, answer))
    }

    fn finish(&self, kept: Result<bool, ()>, lease: Lease) -> Served {
        match kept {
            Ok(true) => {
                self.worker.pool().keep(lease);
                Served::Done
            }
            Ok(false) => Served::Done,
            Err(()) => Served::Abort,
        }
    }

    async fn fail(&mut self, exchange: Exchange, denial: Box<Denial>) -> Served {
        send_own(self.worker, exchange.fail(LayerName::Protocol, denial), self.respond, self.head_only).await
    }

    /// The app agreed to become a WebSocket.
    async fn switch(&mut self, lease: Lease, answer: Answer, exchange: Exchange) -> Served {
        let head = ResponseHead { status: answer.head.status, headers: answer.head.headers };
        let ResponseStep::Send(outgoing) = exchange.response(head) else { return Served::Abort };
        let Outgoing { head, finish, .. } = outgoing;
        self.worker.record(finish, head.status);
        let sent = self.respond.head(head.status, &head.headers, Length::Bodiless(None)).await;
        match (sent, self.respond.flush().await) {
            (Ok(()), Ok(())) => Served::Tunnel(Box::new(lease)),
            _ => Served::Abort,
        }
    }

    /// Passes the answer on. `Ok(true)`: the app's connection can be used again; `Err`: the client's cannot.
    async fn relay(
        &mut self,
        connection: &AppConnection,
        answer: Answer,
        exchange: Exchange,
        pump: &mut Option<Pump<'_>>,
    ) -> Result<bool, ()> {
        let Answer { head, mut body } = answer;
        let reusable = head.keep_alive;
        let length = self.length(&head);
        let idle = self.worker.pause(&head.headers);
        let mut reader = Reader { connection, body: &mut body, idle, pump };
        let parts = ResponseHead { status: head.status, headers: head.headers };
        let (outgoing, held) = match exchange.response(parts) {
            ResponseStep::Send(outgoing) => (outgoing, BytesMut::new()),
            ResponseStep::Hold(hold) => {
                let mut held = BytesMut::new();
                match reader.hold(hold.bytes_max(), &mut held).await {
                    Ok(whole) => (hold.body(&held, whole), held),
                    Err(error) => {
                        let outgoing = hold.fail(LayerName::Protocol, error.denial());
                        return self.own(outgoing).await.map(|()| false);
                    }
                }
            }
        };
        let Outgoing { head, payload, finish } = outgoing;
        if let Payload::Own(bytes) = payload {
            let sent = send_whole(self.respond, &head, bytes, self.head_only).await;
            self.worker.record(finish, head.status);
            return sent.map(|()| false).map_err(drop);
        }
        let sent = self.stream(&mut reader, &head, length, held.freeze()).await;
        self.close(sent, finish, head.status)?;
        Ok(reusable)
    }

    async fn own(&mut self, outgoing: Outgoing) -> Result<(), ()> {
        match send_own(self.worker, outgoing, self.respond, self.head_only).await {
            Served::Done => Ok(()),
            Served::Tunnel(_) | Served::Abort => Err(()),
        }
    }

    fn length(&self, head: &gambeson_wire::ResponseHead) -> Length {
        match head.framing {
            ResponseFraming::None => Length::Bodiless(head.content_length.filter(|_| head.status != StatusCode::NO_CONTENT)),
            ResponseFraming::Length(length) => Length::Known(length),
            ResponseFraming::Chunked | ResponseFraming::UntilClose => Length::Unknown,
        }
    }

    async fn stream(
        &mut self,
        reader: &mut Reader<'_, '_>,
        head: &ResponseHead,
        length: Length,
        held: Bytes,
    ) -> Result<(), Sent> {
        self.respond.head(head.status, &head.headers, length).await?;
        if !held.is_empty() {
            self.respond.data(held).await?;
        }
        if matches!(length, Length::Bodiless(_)) {
            return Ok(self.respond.end().await?);
        }
        loop {
            match reader.now()? {
                Piece::Data(data) => self.respond.data(data).await?,
                Piece::End => return Ok(self.respond.end().await?),
                Piece::NeedMore => {
                    self.respond.flush().await?;
                    if !reader.more().await? {
                        return Ok(self.respond.end().await?);
                    }
                }
            }
        }
    }

    fn close(&self, sent: Result<(), Sent>, finish: Finish, status: StatusCode) -> Result<(), ()> {
        match sent {
            Ok(()) => {
                self.worker.record(finish, status);
                Ok(())
            }
            Err(Sent::ClientGone) => {
                self.worker.record(finish, status);
                Err(())
            }
            Err(Sent::App(error)) => {
                self.worker.record_broken(finish, status, &error);
                Err(())
            }
        }
    }
}

/// Why an answer was not sent whole.
enum Sent {
    ClientGone,
    App(AppError),
}

impl From<io::Error> for Sent {
    fn from(_: io::Error) -> Self {
        Self::ClientGone
    }
}

impl From<AppError> for Sent {
    fn from(error: AppError) -> Self {
        Self::App(error)
    }
}

/// Reads the answer's body while the request's body may still be on its way.
struct Reader<'r, 'p> {
    connection: &'r AppConnection,
    body: &'r mut crate::upstream::BodyReader,
    idle: Duration,
    pump: &'r mut Option<Pump<'p>>,
}

impl Reader<'_, '_> {
    fn now(&mut self) -> Result<Piece, AppError> {
        self.connection.take(self.body)
    }

    /// Waits for more; `false` at the end of a body that ends with the connection.
    async fn more(&mut self) -> Result<bool, AppError> {
        let read = alongside(self.pump, Some(self.idle), async { Ok(self.connection.read_more().await) }).await;
        match read {
            Ok(Ok(Ok(1..))) => Ok(true),
            Ok(Ok(Ok(0) | Err(_))) => self.body.at_close().map(|()| false),
            Ok(Err(AppError::AnswerTimeout)) => Err(AppError::Stalled),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(AppError::BrokenOff),
        }
    }

    /// Gathers up to `bytes_max` of the body; whether that is all of it.
    async fn hold(&mut self, bytes_max: usize, held: &mut BytesMut) -> Result<bool, AppError> {
        loop {
            match self.now()? {
                Piece::Data(data) => held.extend_from_slice(&data),
                Piece::End => return Ok(true),
                Piece::NeedMore if !self.more().await? => return Ok(true),
                Piece::NeedMore => {}
            }
            if held.len() >= bytes_max {
                return Ok(false);
            }
        }
    }
}

/// Passes the request's body to the app.
async fn pump<B: Incoming>(
    body: &mut B,
    limit: &mut RequestBody,
    connection: &AppConnection,
    stall: Duration,
) -> Result<(), BodyError> {
    let framing = body.framing();
    while let Some(piece) = body.piece().await? {
        limit.piece(&piece).map_err(BodyError::Refused)?;
        if connection.write_piece(&piece, framing, stall).await.is_err() {
            // The app reads no further; it may have answered already, and that answer counts.
            return Ok(());
        }
    }
    let _unread = connection.end_body(framing, stall).await;
    Ok(())
}

/// Waits for the app while the request's body is passed on beside it. The app's time runs only when it has the body.
async fn alongside<T>(
    pump: &mut Option<Pump<'_>>,
    patience: Option<Duration>,
    other: impl Future<Output = Result<T, AppError>>,
) -> Result<Result<T, AppError>, BodyError> {
    let mut other = std::pin::pin!(other);
    if let Some(body) = pump {
        tokio::select! {
            biased;
            done = &mut other => return Ok(done),
            pumped = body => pumped?,
        }
        *pump = None;
    }
    match patience {
        Some(patience) => Ok(timeout(patience, other).await.unwrap_or(Err(AppError::AnswerTimeout))),
        None => Ok(other.await),
    }
}

/// Whether an answer is a stream of events, which is silent by nature.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}
