//! The sockets we listen on: opened here, or handed over by the process before.

use rustix::fd::OwnedFd;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{SocketAddr, TcpListener},
};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Where the gateway listens, for each serving thread one socket of its own, so that the kernel spreads connections.
#[derive(Debug)]
pub struct Listeners {
    /// For HTTPS.
    pub https: Vec<TcpListener>,
    /// For plain HTTP.
    pub http: Vec<TcpListener>,
    /// For health and metrics.
    pub admin: Option<TcpListener>,
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}{}", hint(.error))]
pub struct ListenError {
    address: SocketAddr,
    error: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there: stop it, or choose another port in [listen]",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need CAP_NET_BIND_SERVICE (see the systemd unit in the guide)",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}

impl Listeners {
    /// Opens all sockets, `workers` for each serving address.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub fn bind(
        https: Option<SocketAddr>,
        http: Option<SocketAddr>,
        admin: Option<SocketAddr>,
        workers: usize,
    ) -> Result<Self, ListenError> {
        Ok(Self { https: each(https, workers)?, http: each(http, workers)?, admin: each(admin, 1)?.pop() })
    }

    /// All of them in one list, with how many are for HTTPS and for plain HTTP: to be handed over.
    ///
    /// # Errors
    /// When the system is out of descriptors.
    pub fn duplicate(&self) -> io::Result<(Vec<OwnedFd>, usize, usize)> {
        let all = self.https.iter().chain(&self.http).chain(&self.admin);
        let fds = all.map(|listener| listener.try_clone().map(OwnedFd::from)).collect::<io::Result<Vec<_>>>()?;
        Ok((fds, self.https.len(), self.http.len()))
    }

    /// Puts together what [`duplicate`](Self::duplicate) took apart.
    #[must_use]
    pub fn adopt(fds: Vec<OwnedFd>, https: usize, http: usize) -> Self {
        let mut listeners = fds.into_iter().map(TcpListener::from);
        Self {
            https: listeners.by_ref().take(https).collect(),
            http: listeners.by_ref().take(http).collect(),
            admin: listeners.next(),
        }
    }
}

fn each(address: Option<SocketAddr>, count: usize) -> Result<Vec<TcpListener>, ListenError> {
    let Some(mut address) = address else { return Ok(Vec::new()) };
    // Sockets that share a port would let a second gateway take half of our connections unnoticed: look first.
    bind(address, false).map_err(|error| ListenError { address, error })?;
    let mut listeners = Vec::new();
    for _ in 0..count.max(1) {
        let listener = bind(address, true).map_err(|error| ListenError { address, error })?;
        // Port 0: the first socket decides for all.
        address = listener.local_addr().unwrap_or(address);
        listeners.push(listener);
    }
    Ok(listeners)
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
