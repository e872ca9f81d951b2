//! Connections to the app, kept by one worker for itself.

use super::{AppConnection, AppError};
use crate::{
    io::{AppStream, Round},
    server::network,
};
use gambeson_core::policy::{Upstream, UpstreamAddress};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpSocket, TcpStream, UnixStream},
    sync::Notify,
    time::{sleep, timeout},
};

/// The connections of one worker to one app.
#[derive(Debug)]
pub(crate) struct Pool {
    address: UpstreamAddress,
    source: Option<Ipv4Addr>,
    connect: Duration,
    keep_idle: Duration,
    connections_max: usize,
    idle: RefCell<Vec<Kept>>,
    open: Cell<usize>,
    /// How many of the open ones work for which client: nobody gets more than half (CWE-400), so that uploads which trickle in
    /// from one address do not keep the app from all others.
    by_client: RefCell<HashMap<u64, usize>>,
    freed: Notify,
}

/// A connection that waits for the next request.
#[derive(Debug)]
struct Kept {
    connection: AppConnection,
    since: Instant,
    round: Round,
}

/// A connection that is in use. It counts against the most that may be open until it is dropped.
pub(crate) struct Lease {
    pub(crate) connection: AppConnection,
    /// Whether it carried a request before: then the app may have closed it just now, and a retry is due.
    pub(crate) reused: bool,
    place: Place,
}

/// A place among the connections that may be open; free again when it is dropped.
pub(crate) struct Place {
    pool: Rc<Pool>,
    client: u64,
}

impl Place {
    fn new(pool: &Rc<Pool>, client: u64) -> Self {
        pool.open.set(pool.open.get() + 1);
        *pool.by_client.borrow_mut().entry(client).or_default() += 1;
        Self { pool: pool.clone(), client }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let pool = &self.pool;
        pool.open.set(pool.open.get().saturating_sub(1));
        let mut by_client = pool.by_client.borrow_mut();
        if let Some(count) = by_client.get_mut(&self.client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_client.remove(&self.client);
            }
        }
        pool.freed.notify_one();
    }
}

impl Lease {
    /// The stream, what was read of it beyond the answer's head, and the place to be kept for as long as it is used: for a WebSocket.
    pub(crate) fn into_connection(self) -> (AppStream, bytes::BytesMut, Place) {
        let (stream, greeting) = self.connection.into_parts();
        (stream, greeting, self.place)
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
            by_client: RefCell::default(),
            freed: Notify::new(),
        }
    }

    /// Takes an unused connection or opens one, to work for that client.
    pub(crate) async fn lease(self: &Rc<Self>, client: IpAddr) -> Result<Lease, AppError> {
        let place = self.place(network(client)).await?;
        while let Some(Kept { connection, since, round }) = self.idle.borrow_mut().pop() {
            if since.elapsed() < self.keep_idle && connection.is_quiet(round) {
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
    async fn place(self: &Rc<Self>, client: u64) -> Result<Place, AppError> {
        /// How often a client that has its share looks whether one of its requests has ended.
        const LOOK: Duration = Duration::from_millis(20);
        let free = async {
            loop {
                if self.has_its_share(client) {
                    if self.open.get() < self.connections_max {
                        self.freed.notify_one(); // what we were woken for is another's
                    }
                    sleep(LOOK).await;
                } else if self.open.get() >= self.connections_max {
                    self.freed.notified().await;
                } else {
                    return;
                }
            }
        };
        timeout(self.connect, free).await.map_err(|_| AppError::Busy)?;
        Ok(Place::new(self, client))
    }

    fn has_its_share(&self, client: u64) -> bool {
        self.by_client.borrow().get(&client).is_some_and(|count| *count >= self.connections_max.div_ceil(2))
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, lease: Lease) {
        let Lease { connection, place, .. } = lease;
        if !self.keep_idle.is_zero() && self.idle.borrow().len() < self.connections_max {
            self.idle.borrow_mut().push(Kept { connection, since: Instant::now(), round: Round::now() });
        }
        drop(place);
    }

    /// Closes what was unused for too long. To be called every second or so.
    pub(crate) fn sweep(&self) {
        self.idle.borrow_mut().retain(|kept| kept.since.elapsed() < self.keep_idle);
    }
}

/// Opens a connection to the app.
pub(crate) async fn connect(address: &UpstreamAddress, source: Option<Ipv4Addr>) -> io::Result<AppStream> {
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
