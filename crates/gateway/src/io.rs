//! Bytes in and out, on one thread: a stream whose two directions are used by turns of the same task.

use bytes::{Buf, BytesMut};
use rustix::{
    fd::{AsFd, BorrowedFd},
    net::RecvFlags,
};
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// How much is read at once.
const READ_BYTES: usize = 32 * 1024;

/// Either direction may be polled while the other is waiting: the borrow lasts for one poll only.
pub(crate) struct Duplex<I>(RefCell<I>);

impl<I: AsyncRead + AsyncWrite + Unpin> Duplex<I> {
    pub(crate) const fn new(io: I) -> Self {
        Self(RefCell::new(io))
    }

    pub(crate) fn into_inner(self) -> I {
        self.0.into_inner()
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut I) -> T) -> Option<T> {
        self.0.try_borrow_mut().ok().map(|mut io| look(&mut io))
    }

    /// Reads some bytes behind those in `buf`; 0 at the end of the stream.
    pub(crate) async fn read(&self, buf: &mut BytesMut) -> io::Result<usize> {
        poll_fn(|cx| self.poll(|io| poll_read(io, cx, buf))).await
    }

    /// Writes all of `out`, or fails when the other end takes nothing for as long as `stall`.
    pub(crate) async fn write(&self, out: &mut BytesMut, stall: Duration) -> io::Result<()> {
        while !out.is_empty() {
            let written = self.patient(stall, |io, cx| io.poll_write(cx, out)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            out.advance(written);
        }
        Ok(())
    }

    /// Writes all of `data`, without copying it first.
    pub(crate) async fn write_slice(&self, mut data: &[u8], stall: Duration) -> io::Result<()> {
        while !data.is_empty() {
            let written = self.patient(stall, |io, cx| io.poll_write(cx, data)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            data = data.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    pub(crate) async fn flush(&self, stall: Duration) -> io::Result<()> {
        self.patient(stall, |io, cx| io.poll_flush(cx)).await
    }

    /// Ends our direction.
    pub(crate) async fn shutdown(&self, stall: Duration) -> io::Result<()> {
        self.patient(stall, |io, cx| io.poll_shutdown(cx)).await
    }

    async fn patient<T>(
        &self,
        stall: Duration,
        mut poll: impl FnMut(Pin<&mut I>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let mut step = std::pin::pin!(poll_fn(|cx| self.poll(|io| poll(io, cx))));
        // Nearly always there is room at once, and no timer is needed.
        if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(step.as_mut().poll(cx))).await {
            return done;
        }
        timeout(stall, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll<T>(&self, poll: impl FnOnce(Pin<&mut I>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match self.0.try_borrow_mut() {
            Ok(mut io) => poll(Pin::new(&mut *io)),
            Err(_) => Poll::Ready(Err(io::Error::other("stream polled from within itself"))),
        }
    }
}

thread_local! {
    /// Where every stream of this thread reads into first, so that a connection that waits holds no buffer of its own
    /// (memory per idle connection), and none has to be cleared before each read.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

fn poll_read<I: AsyncRead>(io: Pin<&mut I>, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut read = ReadBuf::new(scratch);
        ready!(io.poll_read(cx, &mut read))?;
        buf.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    })
}

/// A connection to the app.
#[derive(Debug)]
pub(crate) enum AppStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AppStream {
    /// Whether an unused connection can be used again: the app has neither closed it nor said anything, or what it said too
    /// much would be the next client's answer (CWE-444). The event loop knows if it has looked since then; else the system is asked.
    pub(crate) fn is_quiet(&self, since: Round) -> bool {
        let looked = since != Round::now();
        let peeked = match self {
            Self::Tcp(stream) if looked => stream.try_io(Interest::READABLE, || peek(stream.as_fd())),
            Self::Unix(stream) if looked => stream.try_io(Interest::READABLE, || peek(stream.as_fd())),
            Self::Tcp(stream) => peek(stream.as_fd()),
            Self::Unix(stream) => peek(stream.as_fd()),
        };
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

fn peek(stream: BorrowedFd<'_>) -> io::Result<usize> {
    Ok(rustix::net::recv(stream, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT)?.0)
}

/// Counts how often this thread's event loop has asked the system what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Round(u64);

thread_local! {
    static ROUND: Cell<u64> = const { Cell::new(0) };
}

impl Round {
    /// The present one.
    pub(crate) fn now() -> Self {
        Self(ROUND.get())
    }

    /// Begins the next one; the runtime calls it when it has waited.
    pub(crate) fn next() {
        ROUND.set(ROUND.get().wrapping_add(1));
    }
}

impl AsyncRead for AppStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for AppStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A kept connection, and the app's end of it.
    async fn connected() -> (AppStream, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let kept = AppStream::Tcp(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        (kept, listener.accept().unwrap().0)
    }

    #[tokio::test]
    async fn a_kept_connection_is_quiet_until_the_app_speaks_or_closes() {
        let ((speaks, mut app), (closes, other)) = (connected().await, connected().await);
        let kept = Round::now();
        assert!(speaks.is_quiet(kept) && closes.is_quiet(kept));
        // Not a moment for the event loop in between.
        app.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        drop(other);
        assert!(!speaks.is_quiet(kept));
        assert!(!closes.is_quiet(kept));
    }

    #[tokio::test]
    async fn what_the_event_loop_heard_counts_in_later_rounds() {
        let ((speaks, mut app), (closes, other), (quiet, _app)) = (connected().await, connected().await, connected().await);
        let kept = Round::now();
        app.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        drop(other);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Round::next();
        assert!(!speaks.is_quiet(kept));
        assert!(!closes.is_quiet(kept));
        assert!(quiet.is_quiet(kept));
    }
}
