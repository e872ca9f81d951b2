//! Counts the frames a client sends, beneath the library that obeys them: floods of SETTINGS, PING and the like are
//! ended, which the library itself does not do.

use gambeson_wire::{H2Budget, H2FrameMeter};
use std::{
    cell::Cell,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Instant,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose frames are counted.
pub(super) struct Metered<I> {
    io: I,
    meter: H2FrameMeter,
    began: Instant,
    alarm: Alarm,
}

/// Raised when the client floods us.
#[derive(Clone, Default)]
pub(super) struct Alarm(Rc<AlarmState>);

#[derive(Default)]
struct AlarmState {
    raised: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Alarm {
    /// Returns when the alarm is raised.
    pub(super) async fn raised(&self) {
        poll_fn(|cx| {
            if self.0.raised.get() {
                return Poll::Ready(());
            }
            self.0.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn raise(&self) {
        self.0.raised.set(true);
        if let Some(waker) = self.0.waker.take() {
            waker.wake();
        }
    }
}

impl<I> Metered<I> {
    pub(super) fn new(io: I) -> (Self, Alarm) {
        let alarm = Alarm::default();
        let meter = H2FrameMeter::new(H2Budget::default(), 0);
        (Self { io, meter, began: Instant::now(), alarm: alarm.clone() }, alarm)
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Metered<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.alarm.0.raised.get() {
            return Poll::Pending; // nothing more is read of a flood; the connection is about to be ended
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        let fresh = buf.filled().get(before..).unwrap_or_default();
        let now_ms = u64::try_from(this.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if this.meter.feed(fresh, now_ms).is_err() {
            this.alarm.raise();
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Metered<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
