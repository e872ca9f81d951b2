//! One connection to the app.

use super::AppError;
use crate::io::{AppStream, Duplex, Round};
use bytes::{Bytes, BytesMut};
use gambeson_core::engine::{Exchange, Permit};
use gambeson_wire::{
    CHUNK_END, Chunk, ChunkedDecoder, ConnectionOption, Fault, Framing, LAST_CHUNK, Limits, ResponseFraming, ResponseHead, Scan,
    parse_response, write_chunk_head, write_request,
};
use http::Method;
use std::{
    cell::{Cell, RefCell},
    fmt, io,
    time::Duration,
};

/// Interim answers (1xx) that are passed over before the real one.
const INTERIM_MAX: usize = 8;

/// What an app may send as a head: more than a client, since nobody but the app's operator decides its size.
const LIMITS: Limits = Limits {
    head_bytes_max: 128 * 1024,
    target_bytes_max: 8 * 1024,
    headers_max: 256,
    header_bytes_max: 64 * 1024,
    trailer_bytes_max: 16 * 1024,
    trailers_max: 64,
};

/// A connection to the app. The body is written while the answer is read.
pub(crate) struct AppConnection {
    io: Duplex<AppStream>,
    read: RefCell<BytesMut>,
    /// Whether the app was promised bytes that it was not given: what is written next, it would take for those (CWE-444).
    in_debt: Cell<bool>,
}

impl fmt::Debug for AppConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppConnection")
    }
}

/// An answer's head, and how its body is read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) body: BodyReader,
}

impl AppConnection {
    pub(crate) fn new(stream: AppStream) -> Self {
        Self { io: Duplex::new(stream), read: RefCell::new(BytesMut::new()), in_debt: Cell::new(false) }
    }

    /// Whether nothing came on it that nobody asked for since it was kept.
    pub(crate) fn is_quiet(&self, since: Round) -> bool {
        self.read.borrow().is_empty() && self.io.with(|io| io.is_quiet(since)).unwrap_or(false)
    }

    /// Whether all of the last request was written, so that another may follow.
    pub(crate) fn owes_nothing(&self) -> bool {
        !self.in_debt.get()
    }

    /// The stream, and what was read of it beyond the answer's head: for a WebSocket.
    pub(crate) fn into_parts(self) -> (AppStream, BytesMut) {
        (self.io.into_inner(), self.read.into_inner())
    }

    /// Writes bytes that are ready: a head, a piece of a body.
    pub(crate) async fn write(&self, bytes: &[u8], stall: Duration) -> io::Result<()> {
        self.in_debt.set(true);
        self.io.write_slice(bytes, stall).await?;
        self.in_debt.set(false);
        Ok(())
    }

    /// Writes a piece of the request's body.
    pub(crate) async fn write_piece(&self, piece: &[u8], framing: Framing, stall: Duration) -> io::Result<()> {
        self.in_debt.set(true);
        if framing != Framing::Chunked {
            return self.io.write_slice(piece, stall).await;
        }
        let mut head = BytesMut::with_capacity(20);
        write_chunk_head(&mut head, piece.len());
        self.io.write_slice(&head, stall).await?;
        self.io.write_slice(piece, stall).await?;
        self.io.write_slice(CHUNK_END, stall).await
    }

    /// Ends the request's body, of which so many bytes were written.
    pub(crate) async fn end_body(&self, framing: Framing, written: u64, stall: Duration) -> io::Result<()> {
        if framing == Framing::Chunked {
            self.io.write_slice(LAST_CHUNK, stall).await?;
        }
        self.in_debt.set(matches!(framing, Framing::Length(length) if length != written));
        Ok(())
    }

    /// Reads the head of the answer; interim ones are passed over.
    pub(crate) async fn read_head(&self, method: &Method) -> Result<Answer, AppError> {
        let mut scan = Scan::default();
        for _ in 0..=INTERIM_MAX {
            let head = self.read_one_head(&mut scan, method).await?;
            if !head.is_interim() {
                let body = BodyReader::new(head.framing);
                return Ok(Answer { head, body });
            }
        }
        Err(AppError::Malformed(Fault::MalformedStatusLine))
    }

    async fn read_one_head(&self, scan: &mut Scan, method: &Method) -> Result<ResponseHead, AppError> {
        loop {
            if let Some(head) = self.parse_head(scan, method).map_err(AppError::Malformed)? {
                return Ok(head);
            }
            if !matches!(self.read_more().await, Ok(1..)) {
                return Err(if scan.has_begun() { AppError::BrokenOff } else { AppError::NoAnswer });
            }
        }
    }

    fn parse_head(&self, scan: &mut Scan, method: &Method) -> Result<Option<ResponseHead>, Fault> {
        let mut buf = self.read.borrow_mut();
        if buf.is_empty() {
            return Ok(None);
        }
        let Some((bytes, head)) = parse_response(&buf, scan, &LIMITS, method)? else { return Ok(None) };
        bytes::Buf::advance(&mut *buf, bytes);
        Ok(Some(head))
    }

    /// Reads more of the answer; 0 when the app closed.
    pub(crate) async fn read_more(&self) -> io::Result<usize> {
        // Only one future reads at a time; the buffer is put back before anybody else looks.
        let mut buf = self.read.take();
        let read = self.io.read(&mut buf).await;
        self.read.replace(buf);
        read
    }

    /// The next piece of the answer's body that was read already.
    pub(crate) fn take(&self, body: &mut BodyReader) -> Result<Piece, AppError> {
        body.take(&mut self.read.borrow_mut())
    }
}

/// A request's head as the app will read it; made from a permit, which is used up.
pub(crate) fn encode(permit: Permit, exchange: &Exchange, framing: Framing, out: &mut BytesMut) -> Result<(), Fault> {
    let head = exchange.forwarded(&permit);
    let option = if permit.is_upgrade() { ConnectionOption::Upgrade } else { ConnectionOption::Default };
    write_request(out, head.method, head.target.as_str().as_bytes(), head.headers, &[], framing, option)
}

/// Reads an answer's body piece by piece.
#[derive(Debug)]
pub(crate) enum BodyReader {
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
    UntilClose,
}

/// What was found of a body.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Some of it.
    Data(Bytes),
    /// More must be read.
    NeedMore,
    /// Its end.
    End,
}

impl BodyReader {
    fn new(framing: ResponseFraming) -> Self {
        match framing {
            ResponseFraming::None => Self::Length(0),
            ResponseFraming::Length(length) => Self::Length(length),
            ResponseFraming::Chunked => Self::Chunked(Box::new(ChunkedDecoder::new(&LIMITS))),
            ResponseFraming::UntilClose => Self::UntilClose,
        }
    }

    fn take(&mut self, buf: &mut BytesMut) -> Result<Piece, AppError> {
        match self {
            Self::Length(0) => Ok(Piece::End),
            _ if buf.is_empty() => Ok(Piece::NeedMore),
            Self::Length(left) => {
                let bytes = buf.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= bytes as u64;
                Ok(Piece::Data(split(buf, bytes)))
            }
            Self::UntilClose => Ok(Piece::Data(buf.split().freeze())),
            Self::Chunked(decoder) => match decoder.decode(buf).map_err(AppError::Malformed)? {
                Chunk::Data(data) => Ok(Piece::Data(data)),
                Chunk::NeedMore => Ok(Piece::NeedMore),
                Chunk::End => Ok(Piece::End),
            },
        }
    }

    /// What the end of the stream means here.
    pub(crate) const fn at_close(&self) -> Result<(), AppError> {
        match self {
            Self::UntilClose => Ok(()),
            Self::Length(_) | Self::Chunked(_) => Err(AppError::BrokenOff),
        }
    }
}

fn split(buf: &mut BytesMut, bytes: usize) -> Bytes {
    if bytes == buf.len() { std::mem::take(buf).freeze() } else { buf.split_to(bytes).freeze() }
}
