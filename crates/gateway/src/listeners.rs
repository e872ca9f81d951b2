//! The sockets we listen on: opened here, or handed over by the process before.

use crate::service::Addresses;
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
    /// Opens all sockets, `workers` for each serving address; those of the process before are kept where they listen
    /// on the address that is wanted.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub fn open(
        https: Option<SocketAddr>,
        http: Option<SocketAddr>,
        admin: Option<SocketAddr>,
        workers: usize,
        adopted: Option<Self>,
    ) -> Result<Self, ListenError> {
        let old = adopted.unwrap_or(Self { https: Vec::new(), http: Vec::new(), admin: None });
        Ok(Self {
            https: keep_or_bind(https, old.https, workers)?,
            http: keep_or_bind(http, old.http, workers)?,
            admin: keep_or_bind(admin, old.admin.into_iter().collect(), 1)?.pop(),
        })
    }

    /// The same sockets once more.
    ///
    /// # Errors
    /// When the system is out of descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        let (fds, https, http) = self.duplicate()?;
        Ok(Self::adopt(fds, https, http))
    }

    /// Where they listen.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        let of = |listener: Option<&TcpListener>| listener.and_then(|listener| listener.local_addr().ok());
        Addresses { https: of(self.https.first()), http: of(self.http.first()), admin: of(self.admin.as_ref()) }
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

/// Port 0 means any port: then what is there is as good as a new one.
fn keep_or_bind(address: Option<SocketAddr>, old: Vec<TcpListener>, count: usize) -> Result<Vec<TcpListener>, ListenError> {
    let Some(wanted) = address else { return Ok(Vec::new()) };
    let fits = |listener: &TcpListener| {
        listener.local_addr().is_ok_and(|is| is == wanted || (wanted.port() == 0 && is.ip() == wanted.ip()))
    };
    if !old.is_empty() && old.iter().all(fits) { Ok(old) } else { each(address, count) }
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
