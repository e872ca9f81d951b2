//! One exchange: decided, sent to the app, answered.

use crate::{
    downstream::{BodyError, Incoming, Length, Respond},
    held::Share,
    upstream::{Answer, AppConnection, AppError, Lease, Piece, encode},
    worker::{Peer, Worker},
};
use bytes::{Bytes, BytesMut};
use gambeson_core::{
    engine::{
        Decision, Delayed, Exchange, Finish, Inspecting, Outgoing, Payload, Permit, RequestBody, ResponseStep, Step, client_gone,
    },
    exchange::{Received, ResponseHead},
    layers::Denial,
    policy::LayerName,
};
use gambeson_wire::{Fault, Framing, ResponseFraming};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::{future::Future, io, net::IpAddr, pin::Pin, time::Duration};
use tokio::time::{sleep, timeout};

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
    let decision = match pending.decide(&answers) {
        Decision::Delay(delayed) => match wait(worker, delayed, body, respond).await {
            Some(decision) => decision,
            None => return Served::Abort,
        },
        decision => decision,
    };
    match decision {
        Decision::Respond(outgoing) => send_own(worker, outgoing, respond, head_only).await,
        Decision::Forward(permit, limit, exchange) => {
            let share = worker.share(exchange.request().client);
            Forward { worker, respond, head_only }.run(permit, limit, exchange, body, share).await
        }
        Decision::Collect(collecting) => {
            let (bytes, whole) = collect(body, collecting.bytes_max()).await;
            send_own(worker, collecting.body(&bytes, whole), respond, head_only).await
        }
        Decision::Inspect(inspecting) => Box::pin(inspect(worker, inspecting, body, respond, head_only)).await,
        // No layer makes a request wait twice.
        Decision::Delay(delayed) => send_own(worker, delayed.refuse(), respond, head_only).await,
    }
}

/// Lets a request wait, if there is still a place; `None` when the client left meanwhile.
async fn wait<B: Incoming, R: Respond>(worker: &Worker, delayed: Delayed, body: &mut B, respond: &mut R) -> Option<Decision> {
    let Some(_place) = worker.place() else { return Some(Decision::Respond(delayed.refuse())) };
    // A body that is still to come is left where it is.
    let is_read = body.framing() == Framing::None;
    tokio::select! {
        () = sleep(delayed.time()) => Some(delayed.go_on()),
        () = body.gone(), if is_read => left(worker, delayed),
        () = respond.gone() => left(worker, delayed),
    }
}

fn left(worker: &Worker, delayed: Delayed) -> Option<Decision> {
    worker.record(delayed.abandon(), client_gone());
    None
}

/// Lets the beginning of the body be judged, then sends it on with the rest behind it.
async fn inspect<B: Incoming, R: Respond>(
    worker: &Worker,
    mut inspecting: Inspecting,
    body: &mut B,
    respond: &mut R,
    head_only: bool,
) -> Served {
    let declared = match body.framing() {
        Framing::Length(length) => inspecting.declared(length),
        Framing::None | Framing::Chunked => Ok(()),
    };
    let mut share = worker.share(inspecting.client());
    let read = match declared {
        Ok(()) => share.notice().or(Begun::read(body, inspecting.window(), &mut share)).await,
        Err(denial) => Err(BodyError::Refused(denial)),
    };
    let decision = match read {
        Ok(mut begun) => match inspecting.begin(&begun.bytes, begun.whole) {
            Decision::Forward(permit, limit, exchange) => {
                return Forward { worker, respond, head_only }.run(permit, limit, exchange, &mut begun, share).await;
            }
            decision => decision,
        },
        Err(BodyError::Refused(denial)) => {
            drop(share);
            Decision::Respond(inspecting.fail(denial))
        }
        Err(BodyError::Gone) => {
            worker.record(inspecting.abandon(), client_gone());
            return Served::Abort;
        }
    };
    match decision {
        Decision::Respond(outgoing) => send_own(worker, outgoing, respond, head_only).await,
        Decision::Forward(..) | Decision::Collect(_) | Decision::Inspect(_) | Decision::Delay(_) => Served::Abort,
    }
}

/// A body whose beginning was read before the rest is asked for.
struct Begun<'b, B> {
    bytes: Bytes,
    whole: bool,
    rest: &'b mut B,
}

impl<'b, B: Incoming> Begun<'b, B> {
    async fn read(rest: &'b mut B, bytes_max: usize, share: &mut Share) -> Result<Self, BodyError> {
        let mut bytes = BytesMut::new();
        while bytes.len() < bytes_max {
            match rest.piece().await? {
                Some(piece) => {
                    bytes.extend_from_slice(&piece);
                    share.hold(bytes.len()).map_err(BodyError::Refused)?;
                }
                None => return Ok(Self { bytes: bytes.freeze(), whole: true, rest }),
            }
        }
        Ok(Self { bytes: bytes.freeze(), whole: false, rest })
    }
}

impl<B: Incoming> Incoming for Begun<'_, B> {
    fn framing(&self) -> Framing {
        self.rest.framing()
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        if !self.bytes.is_empty() {
            return Ok(Some(std::mem::take(&mut self.bytes)));
        }
        if self.whole { Ok(None) } else { self.rest.piece().await }
    }

    async fn gone(&mut self) {
        self.rest.gone().await;
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

/// Uses up the permit: from here on the request is bytes.
fn prepare(permit: Permit, limit: &mut RequestBody, exchange: &Exchange, framing: Framing) -> Result<Sending, Box<Denial>> {
    if let Framing::Length(length) = framing {
        limit.declared(length)?;
    }
    let (upgrade, patience) = (permit.is_upgrade(), permit.response_timeout());
    if upgrade && framing != Framing::None {
        // Whether the bytes behind the head are a body or WebSocket frames would be anybody's guess.
        return Err(crate::h1::denial_of(Fault::TargetForm));
    }
    let mut head = BytesMut::with_capacity(1024);
    encode(permit, exchange, framing, &mut head).map_err(crate::h1::denial_of)?;
    let (method, client) = (exchange.request().method.clone(), exchange.request().client);
    Ok(Sending { head, method, client, framing, upgrade, patience })
}

/// A request on its way to the app and back.
struct Forward<'a, R> {
    worker: &'a Worker,
    respond: &'a mut R,
    head_only: bool,
}

/// What goes on at the client's end while the app is waited for.
enum Beside<'p, B> {
    /// The request's body is on its way; it gives the client back when it is done.
    Pump(Pin<Box<dyn Future<Output = Result<&'p mut B, BodyError>> + 'p>>),
    /// Nothing but that the client may leave.
    Client(&'p mut B),
}

/// A request as it is sent.
struct Sending {
    /// The head, ready to be written; once more if a kept connection turns out to be closed.
    head: BytesMut,
    method: Method,
    /// Whom it is sent for.
    client: IpAddr,
    framing: Framing,
    upgrade: bool,
    /// How long the app may take to begin its answer.
    patience: Duration,
}

impl Sending {
    /// Whether it may be sent a second time when it is not known to have been read (RFC 9110 section 9.2.2).
    fn is_repeatable(&self) -> bool {
        self.framing == Framing::None && self.method.is_idempotent()
    }
}

impl<R: Respond> Forward<'_, R> {
    async fn run<B: Incoming>(
        mut self,
        permit: Permit,
        mut limit: RequestBody,
        exchange: Exchange,
        body: &mut B,
        mut share: Share,
    ) -> Served {
        let sending = match prepare(permit, &mut limit, &exchange, body.framing()) {
            Ok(sending) => sending,
            Err(denial) => return self.fail(exchange, denial).await,
        };
        let mut lease = match self.send_head(&sending).await {
            Ok(lease) => lease,
            Err(error) => return self.fail(exchange, error.denial()).await,
        };
        let kept = {
            let mut beside = Beside::Client(body);
            let mut answer = Ok(Err(AppError::NoAnswer));
            if sending.framing == Framing::None {
                answer =
                    alongside(&mut beside, self.respond, sending.patience, lease.connection.read_head(&sending.method)).await;
                if matches!(answer, Ok(Err(AppError::NoAnswer))) && lease.reused && sending.is_repeatable() {
                    lease = match self.again(lease, &sending).await {
                        Ok(lease) => lease,
                        Err(error) => return self.fail(exchange, error.denial()).await,
                    };
                    answer =
                        alongside(&mut beside, self.respond, sending.patience, lease.connection.read_head(&sending.method)).await;
                }
            } else if let Beside::Client(body) = beside {
                let notice = share.notice();
                let pump = pump(body, &mut limit, &mut share, &lease.connection, self.worker.timings.stall);
                beside = Beside::Pump(Box::pin(notice.or(pump)));
                answer =
                    alongside(&mut beside, self.respond, sending.patience, lease.connection.read_head(&sending.method)).await;
            }
            match answer {
                Ok(Ok(answer)) if answer.head.status == StatusCode::SWITCHING_PROTOCOLS => {
                    drop(beside);
                    if !sending.upgrade {
                        return self.fail(exchange, AppError::Malformed(Fault::MalformedStatusLine).denial()).await;
                    }
                    return self.switch(lease, answer, exchange).await;
                }
                Ok(Ok(answer)) => self.relay(&lease.connection, answer, exchange, &mut beside).await,
                Ok(Err(error)) => return self.fail(exchange, error.denial()).await,
                Err(BodyError::Refused(denial)) => {
                    // What is held goes at once, however long the client takes to read why.
                    drop(beside);
                    drop((limit, share));
                    return self.fail(exchange, denial).await;
                }
                Err(BodyError::Gone) => {
                    self.worker.record(exchange.abandon(), client_gone());
                    return Served::Abort;
                }
            }
        };
        self.finish(kept, lease)
    }

    /// Sends the head on a kept connection or a new one.
    async fn send_head(&self, sending: &Sending) -> Result<Lease, AppError> {
        let lease = self.worker.pool().lease(sending.client).await?;
        match lease.connection.write(&sending.head, self.worker.timings.stall).await {
            Ok(()) => Ok(lease),
            Err(_) if lease.reused && sending.is_repeatable() => self.again(lease, sending).await,
            // The app may have answered and closed before it read all: its answer is worth reading.
            Err(_) => Ok(lease),
        }
    }

    /// Once more, on a new connection: the kept one was closed by the app while we wrote.
    async fn again(&self, lease: Lease, sending: &Sending) -> Result<Lease, AppError> {
        let lease = self.worker.pool().reopen(lease).await?;
        lease.connection.write(&sending.head, self.worker.timings.stall).await.map_err(AppError::Unreachable)?;
        Ok(lease)
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
    async fn relay<B: Incoming>(
        &mut self,
        connection: &AppConnection,
        answer: Answer,
        exchange: Exchange,
        beside: &mut Beside<'_, B>,
    ) -> Result<bool, ()> {
        let Answer { head, mut body } = answer;
        let reusable = head.keep_alive;
        let length = self.length(&head);
        let idle = self.worker.pause(&head.headers);
        let mut reader = Reader { connection, body: &mut body, idle, beside, ended: false };
        let parts = ResponseHead { status: head.status, headers: head.headers };
        let (outgoing, held) = match exchange.response(parts) {
            ResponseStep::Send(outgoing) => (outgoing, BytesMut::new()),
            ResponseStep::Hold(hold) => {
                let mut held = BytesMut::new();
                match reader.hold(self.respond, hold.bytes_max(), &mut held).await {
                    Ok(whole) => (hold.body(&held, whole), held),
                    Err(Sent::ClientGone) => {
                        self.worker.record(hold.abandon(), client_gone());
                        return Err(());
                    }
                    Err(Sent::App(error)) => {
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
        Ok(reusable && connection.owes_nothing() && matches!(beside, Beside::Client(_)))
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

    async fn stream<B: Incoming>(
        &mut self,
        reader: &mut Reader<'_, '_, B>,
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
                    if !reader.more(self.respond).await? {
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
struct Reader<'r, 'p, B> {
    connection: &'r AppConnection,
    body: &'r mut crate::upstream::BodyReader,
    idle: Duration,
    beside: &'r mut Beside<'p, B>,
    /// The end was read. A chunked body has one end: who asked once more would wait for another.
    ended: bool,
}

impl<B: Incoming> Reader<'_, '_, B> {
    fn now(&mut self) -> Result<Piece, AppError> {
        let piece = if self.ended { Piece::End } else { self.connection.take(self.body)? };
        self.ended = matches!(piece, Piece::End);
        Ok(piece)
    }

    /// Waits for more; `false` at the end of a body that ends with the connection.
    async fn more<R: Respond>(&mut self, respond: &mut R) -> Result<bool, Sent> {
        let read = alongside(self.beside, respond, self.idle, async { Ok(self.connection.read_more().await) }).await;
        match read {
            Ok(Ok(Ok(1..))) => Ok(true),
            Ok(Ok(Ok(0) | Err(_))) => {
                self.body.at_close()?;
                self.ended = true;
                Ok(false)
            }
            Ok(Err(AppError::AnswerTimeout)) => Err(AppError::Stalled.into()),
            Ok(Err(error)) => Err(error.into()),
            Err(BodyError::Gone) => Err(Sent::ClientGone),
            Err(BodyError::Refused(_)) => Err(AppError::BrokenOff.into()),
        }
    }

    /// Gathers up to `bytes_max` of the body; whether that is all of it.
    async fn hold<R: Respond>(&mut self, respond: &mut R, bytes_max: usize, held: &mut BytesMut) -> Result<bool, Sent> {
        loop {
            match self.now()? {
                Piece::Data(data) => held.extend_from_slice(&data),
                Piece::End => return Ok(true),
                Piece::NeedMore if !self.more(respond).await? => return Ok(true),
                Piece::NeedMore => {}
            }
            if held.len() >= bytes_max {
                return Ok(false);
            }
        }
    }
}

/// Passes the request's body to the app; gives it back when all of it was read.
async fn pump<'b, B: Incoming>(
    body: &'b mut B,
    limit: &mut RequestBody,
    share: &mut Share,
    connection: &AppConnection,
    stall: Duration,
) -> Result<&'b mut B, BodyError> {
    let framing = body.framing();
    let mut written = 0;
    while let Some(piece) = body.piece().await? {
        limit.piece(&piece).and_then(|()| share.hold(limit.held())).map_err(BodyError::Refused)?;
        written += piece.len() as u64;
        if connection.write_piece(&piece, framing, stall).await.is_err() {
            // The app reads no further; it may have answered already, and that answer counts.
            return Ok(body);
        }
    }
    limit.end().and_then(|()| share.hold(limit.held())).map_err(BodyError::Refused)?;
    let _unread = connection.end_body(framing, written, stall).await;
    Ok(body)
}

/// Waits for the app while the request's body is passed on beside it; then the app's time runs, and the client may leave.
async fn alongside<T, B: Incoming, R: Respond>(
    beside: &mut Beside<'_, B>,
    respond: &mut R,
    patience: Duration,
    other: impl Future<Output = Result<T, AppError>>,
) -> Result<Result<T, AppError>, BodyError> {
    let mut other = std::pin::pin!(other);
    if let Beside::Pump(pump) = beside {
        let client = tokio::select! {
            biased;
            done = &mut other => return Ok(done),
            pumped = pump => pumped?,
        };
        *beside = Beside::Client(client);
    }
    let Beside::Client(client) = beside else { return Ok(other.await) };
    tokio::select! {
        biased;
        done = timeout(patience, other) => Ok(done.unwrap_or(Err(AppError::AnswerTimeout))),
        () = client.gone() => Err(BodyError::Gone),
        () = respond.gone() => Err(BodyError::Gone),
    }
}

/// Whether an answer is a stream of events, which is silent by nature.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}
