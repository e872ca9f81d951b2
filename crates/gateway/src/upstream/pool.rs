//! Connections to the app, kept by one worker for itself.

use super::{AppConnection, AppError};
use crate::io::AppStream;
use gambeson_core::policy::{Upstream, UpstreamAddress};
use std::{
    cell::{Cell, RefCell},
    io,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpSocket, TcpStream, UnixStream},
    sync::Notify,
    time::timeout,
};

/// The connections of one worker to one app.
#[derive(Debug)]
pub(crate) struct Pool {
    address: UpstreamAddress,
    source: Option<Ipv4Addr>,
    connect: Duration,
    keep_idle: Duration,
    connections_max: usize,
    idle: RefCell<Vec<(AppConnection, Instant)>>,
    open: Cell<usize>,
    freed: Notify,
}

/// A connection that is in use. It counts against the most that may be open until it is dropped.
pub(crate) struct Lease {
    pub(crate) connection: AppConnection,
    /// Whether it carried a request before: then the app may have closed it just now, and a retry is due.
    pub(crate) reused: bool,
    place: Place,
}

/// A place among the connections that may be open.
struct Place(Rc<Pool>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
        self.0.freed.notify_one();
    }
}

impl Lease {
    /// The stream, and what was read of it beyond the answer's head: for a WebSocket.
    pub(crate) fn into_connection(self) -> (AppStream, bytes::BytesMut) {
        self.connection.into_parts()
    }
}

impl Pool {
    pub(crate) fn new(upstream: &Upstream, workers: usize) -> Self {
        Self {
            address: upstream.address.clone(),
            source: upstream.source,
            connect: upstream.timeouts.connect,
            keep_idle: upstream.timeouts.keep_idle,
            connections_max: upstream.connections_max.div_ceil(workers.max(1)),
            idle: RefCell::default(),
            open: Cell::new(0),
            freed: Notify::new(),
        }
    }

    /// Takes an unused connection or opens one.
    pub(crate) async fn lease(self: &Rc<Self>) -> Result<Lease, AppError> {
        let place = self.place().await?;
        while let Some((connection, since)) = self.idle.borrow_mut().pop() {
            if since.elapsed() < self.keep_idle && connection.is_quiet() {
                return Ok(Lease { connection, reused: true, place });
            }
        }
        self.open(place).await
    }

    /// Opens a connection in the place of one that turned out to be closed.
    pub(crate) async fn reopen(self: &Rc<Self>, lease: Lease) -> Result<Lease, AppError> {
        self.open(lease.place).await
    }

    async fn open(self: &Rc<Self>, place: Place) -> Result<Lease, AppError> {
        let connected = timeout(self.connect, connect(&self.address, self.source)).await;
        let stream = connected.map_err(|_| AppError::ConnectTimeout)?.map_err(AppError::Unreachable)?;
        Ok(Lease { connection: AppConnection::new(stream), reused: false, place })
    }

    /// Waits for a place, as long as connecting may take.
    async fn place(self: &Rc<Self>) -> Result<Place, AppError> {
        let free = async {
            while self.open.get() >= self.connections_max {
                self.freed.notified().await;
            }
        };
        timeout(self.connect, free).await.map_err(|_| AppError::Busy)?;
        self.open.set(self.open.get() + 1);
        Ok(Place(self.clone()))
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, lease: Lease) {
        let Lease { connection, place, .. } = lease;
        if !self.keep_idle.is_zero() && self.idle.borrow().len() < self.connections_max {
            self.idle.borrow_mut().push((connection, Instant::now()));
        }
        drop(place);
    }

    /// Closes what was unused for too long. To be called every second or so.
    pub(crate) fn sweep(&self) {
        self.idle.borrow_mut().retain(|(_, since)| since.elapsed() < self.keep_idle);
    }
}

async fn connect(address: &UpstreamAddress, source: Option<Ipv4Addr>) -> io::Result<AppStream> {
    match address {
        UpstreamAddress::Tcp(address) => {
            let stream = match (address, source) {
                (SocketAddr::V4(to), Some(source)) if to.ip().is_loopback() => connect_from(source, *address).await?,
                _ => TcpStream::connect(address).await?,
            };
            stream.set_nodelay(true)?;
            Ok(AppStream::Tcp(stream))
        }
        UpstreamAddress::Unix(path) => Ok(AppStream::Unix(UnixStream::connect(path).await?)),
    }
}

/// An app must not take a stranger, for whom we connect, for its developer at 127.0.0.1.
async fn connect_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source, 0)))?;
    socket.connect(address).await
}
