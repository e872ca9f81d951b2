//! After `101 Switching Protocols`: bytes both ways, judged no further.

use crate::{upstream::Lease, worker::Worker};
use bytes::BytesMut;
use std::{cell::Cell, time::Instant};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    time::{sleep, timeout},
};

/// How many bytes are carried at once in each direction.
const BUFFER_BYTES: usize = 8 * 1024;

/// Carries bytes until both ends are done, or both are silent for too long, or the gateway stops.
pub(crate) async fn run<I: AsyncRead + AsyncWrite + Unpin>(client: I, early: BytesMut, app: Lease, worker: &Worker) {
    let last = Cell::new(Instant::now());
    let (stream, greeting, _place) = app.into_connection();
    let (mut from_client, mut to_client) = split(client);
    let (mut from_app, mut to_app) = split(stream);
    let up = carry(early, &mut from_client, &mut to_app, &last);
    let down = carry(greeting, &mut from_app, &mut to_client, &last);
    let both = async { tokio::join!(up, down) };
    tokio::select! {
        _ = both => {}
        () = silence(&last, worker.stream_idle()) => {}
        () = worker.drained() => {}
    }
    let _closing = timeout(worker.timings.linger, to_client.shutdown()).await;
}

async fn carry<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    first: BytesMut,
    from: &mut R,
    to: &mut W,
    last: &Cell<Instant>,
) -> std::io::Result<()> {
    to.write_all(&first).await?;
    to.flush().await?;
    let mut buf = vec![0; BUFFER_BYTES];
    loop {
        let bytes = from.read(&mut buf).await?;
        last.set(Instant::now());
        if bytes == 0 {
            return to.shutdown().await;
        }
        to.write_all(buf.get(..bytes).unwrap_or_default()).await?;
        to.flush().await?;
    }
}

async fn silence(last: &Cell<Instant>, most: std::time::Duration) {
    loop {
        let Some(left) = most.checked_sub(last.get().elapsed()).filter(|left| !left.is_zero()) else { return };
        sleep(left).await;
    }
}
