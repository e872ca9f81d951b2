//! A request's body in HTTP/1: decoded strictly, and at a rate that is worth waiting for.

use super::Turn;
use crate::{
    downstream::{BodyError, Incoming},
    io::Duplex,
    pace::Pace,
    worker::Worker,
};
use bytes::{Bytes, BytesMut};
use gambeson_wire::{CONTINUE, Chunk, ChunkedDecoder, Framing};
use tokio::io::{AsyncRead, AsyncWrite};

pub(super) struct H1Body<'a, I> {
    io: &'a Duplex<I>,
    buf: &'a mut BytesMut,
    framing: Framing,
    decoder: Decoder,
    /// Whether the client still waits for leave to send.
    expects: bool,
    turn: &'a Turn,
    pace: Pace,
    worker: &'a Worker,
}

enum Decoder {
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
}

impl<'a, I: AsyncRead + AsyncWrite + Unpin> H1Body<'a, I> {
    pub(super) fn new(
        io: &'a Duplex<I>,
        buf: &'a mut BytesMut,
        framing: Framing,
        expects: bool,
        turn: &'a Turn,
        worker: &'a Worker,
    ) -> Self {
        let decoder = match framing {
            Framing::None => Decoder::Length(0),
            Framing::Length(length) => Decoder::Length(length),
            Framing::Chunked => Decoder::Chunked(Box::new(ChunkedDecoder::new(&worker.timings.wire))),
        };
        Self { io, buf, framing, decoder, expects, turn, pace: worker.timings.pace(), worker }
    }

    /// What was read already; `None`: more must be read.
    fn take(&mut self) -> Result<Option<Option<Bytes>>, BodyError> {
        match &mut self.decoder {
            Decoder::Length(0) => Ok(Some(None)),
            Decoder::Length(_) if self.buf.is_empty() => Ok(None),
            Decoder::Length(left) => {
                let bytes = self.buf.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= bytes as u64;
                Ok(Some(Some(self.buf.split_to(bytes).freeze())))
            }
            Decoder::Chunked(decoder) => match decoder.decode(self.buf) {
                Ok(Chunk::Data(data)) => Ok(Some(Some(data))),
                Ok(Chunk::End) => Ok(Some(None)),
                Ok(Chunk::NeedMore) => Ok(None),
                Err(fault) => Err(BodyError::Refused(super::denial_of(fault))),
            },
        }
    }

    async fn read_more(&mut self) -> Result<(), BodyError> {
        if std::mem::take(&mut self.expects) {
            let stall = self.worker.timings.stall;
            self.io.write_slice(CONTINUE, stall).await.map_err(|_| BodyError::Gone)?;
            self.io.flush(stall).await.map_err(|_| BodyError::Gone)?;
        }
        match self.pace.wait(self.io.read(self.buf)).await? {
            Ok(1..) => Ok(()),
            Ok(0) | Err(_) => Err(BodyError::Gone),
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Incoming for H1Body<'_, I> {
    fn framing(&self) -> Framing {
        self.framing
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self.take()? {
                Some(Some(piece)) => {
                    self.pace.came(piece.len());
                    return Ok(Some(piece));
                }
                Some(None) => {
                    self.turn.body_read.set(true);
                    return Ok(None);
                }
                None => self.read_more().await?,
            }
        }
    }

    async fn gone(&mut self) {
        /// Requests sent ahead are kept up to this many bytes; then they wait where they are.
        const AHEAD_BYTES_MAX: usize = 64 * 1024;
        while self.buf.len() < AHEAD_BYTES_MAX {
            match self.io.read(self.buf).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
        }
        std::future::pending().await
    }
}
