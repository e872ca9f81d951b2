//! Answers in HTTP/1: head and first bytes of the body leave in one write.

use super::Turn;
use crate::{
    downstream::{Length, Respond},
    io::Duplex,
    worker::Worker,
};
use bytes::{Bytes, BytesMut};
use gambeson_wire::{CHUNK_END, ConnectionOption, Framing, LAST_CHUNK, write_chunk_head, write_response};
use http::{HeaderMap, StatusCode};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// Pieces up to this size are gathered; larger ones are written as they are. One TLS record.
const GATHER_BYTES_MAX: usize = 16 * 1024;

pub(super) struct H1Respond<'a, I> {
    io: &'a Duplex<I>,
    turn: &'a Turn,
    worker: &'a Worker,
    out: BytesMut,
    chunked: bool,
}

impl<'a, I: AsyncRead + AsyncWrite + Unpin> H1Respond<'a, I> {
    pub(super) fn new(io: &'a Duplex<I>, turn: &'a Turn, worker: &'a Worker) -> Self {
        Self { io, turn, worker, out: BytesMut::new(), chunked: false }
    }

    fn framing(&mut self, length: Length) -> Framing {
        match length {
            Length::Bodiless(Some(length)) | Length::Known(length) => Framing::Length(length),
            Length::Bodiless(None) => Framing::None,
            Length::Unknown if self.turn.is_http10 => {
                self.turn.keep_alive.set(false);
                Framing::None
            }
            Length::Unknown => {
                self.chunked = true;
                Framing::Chunked
            }
        }
    }

    fn connection(&self, status: StatusCode) -> ConnectionOption {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return ConnectionOption::Upgrade;
        }
        // What is left of a body would be read as the next request: better to begin anew. And at a stop, this is the last.
        if !self.turn.body_read.get() || self.worker.is_draining() {
            self.turn.keep_alive.set(false);
        }
        match (self.turn.keep_alive.get(), self.turn.is_http10) {
            (false, _) => ConnectionOption::Close,
            (true, true) => ConnectionOption::KeepAlive,
            (true, false) => ConnectionOption::Default,
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Respond for H1Respond<'_, I> {
    async fn head(&mut self, status: StatusCode, headers: &HeaderMap, length: Length) -> io::Result<()> {
        let framing = self.framing(length);
        let connection = self.connection(status);
        write_response(&mut self.out, status, headers, &[], framing, connection);
        Ok(())
    }

    async fn data(&mut self, data: Bytes) -> io::Result<()> {
        if self.chunked {
            write_chunk_head(&mut self.out, data.len());
        }
        if self.out.len() + data.len() <= GATHER_BYTES_MAX {
            self.out.extend_from_slice(&data);
        } else {
            self.io.write(&mut self.out, self.worker.timings.stall).await?;
            self.io.write_slice(&data, self.worker.timings.stall).await?;
        }
        if self.chunked {
            self.out.extend_from_slice(CHUNK_END);
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.io.write(&mut self.out, self.worker.timings.stall).await?;
        self.io.flush(self.worker.timings.stall).await
    }

    async fn end(&mut self) -> io::Result<()> {
        if self.chunked {
            self.out.extend_from_slice(LAST_CHUNK);
        }
        self.flush().await
    }

    async fn gone(&mut self) {
        // Only the receiving half hears of it.
        std::future::pending().await
    }
}
