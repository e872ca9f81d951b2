//! What an exchange needs of a client's connection, whatever version of HTTP it speaks.

use bytes::Bytes;
use gambeson_core::layers::Denial;
use gambeson_wire::Framing;
use http::{HeaderMap, StatusCode};
use std::io;

/// The request's body, as it comes.
pub(crate) trait Incoming {
    /// How it is delimited.
    fn framing(&self) -> Framing;

    /// The next piece; `None` at the end.
    async fn piece(&mut self) -> Result<Option<Bytes>, BodyError>;

    /// Returns when the client is gone, as far as this half hears of it; to be asked only when the body was read. What it
    /// sends meanwhile is kept.
    async fn gone(&mut self);
}

/// Why a request's body ended early.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is malformed, or came too slowly.
    Refused(Box<Denial>),
    /// The client went away.
    Gone,
}

/// How long an answer's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// There is none, though this length may be told (HEAD, 304).
    Bodiless(Option<u64>),
    /// So many bytes.
    Known(u64),
    /// Until it ends.
    Unknown,
}

/// The way of the answer to the client. Nothing needs to leave before [`flush`](Self::flush) or [`end`](Self::end).
pub(crate) trait Respond {
    /// Sends the head. Once, and first.
    async fn head(&mut self, status: StatusCode, headers: &HeaderMap, length: Length) -> io::Result<()>;

    /// Sends a piece of the body.
    async fn data(&mut self, data: Bytes) -> io::Result<()>;

    /// Lets what was sent leave.
    async fn flush(&mut self) -> io::Result<()>;

    /// Ends the answer.
    async fn end(&mut self) -> io::Result<()>;

    /// Returns when the client wants no answer any more, as far as this half hears of it.
    async fn gone(&mut self);
}
