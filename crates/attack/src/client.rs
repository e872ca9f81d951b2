//! A small blocking HTTP client that can also send what no honest client would.
//!
//! One connection per exchange: what one attack does to a connection never colours the next.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::Error;
use crate::http::{self, Progress, Request, Response};
use crate::target::{Origin, Target};

/// What a run may use up, so that a hostile or broken server cannot hold it.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections in all.
    pub requests: usize,
    /// Time in all.
    pub time: Duration,
    /// Time for one answer.
    pub answer: Duration,
    /// Bytes of one body.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { requests: 5000, time: Duration::from_secs(300), answer: Duration::from_secs(10), body_bytes: 4 * 1024 * 1024 }
    }
}

pub(crate) struct Client {
    pub(crate) target: Target,
    tls: Option<Arc<ClientConfig>>,
    source: Option<Ipv4Addr>,
    limits: Limits,
    made: usize,
    started: Instant,
}

impl Client {
    pub(crate) fn new(target: Target, tls: Option<Arc<ClientConfig>>, limits: Limits) -> Client {
        Client { target, tls, source: None, limits, made: 0, started: Instant::now() }
    }

    /// Whether later requests come from a loopback address of their own (127.x.y.1), as if from another network, so that the
    /// limits one probe runs into are not the next probe's. Not every system has these addresses; then the usual one serves.
    pub(crate) fn come_from(&mut self, source: Option<Ipv4Addr>) {
        self.source = source;
    }

    /// Later requests come from another host of the same network part: a visitor beside the attacker.
    pub(crate) fn come_from_a_visitor(&mut self) {
        self.source = self.source.map(|source| Ipv4Addr::from_bits(source.to_bits() & !0xff | 65));
    }

    /// How long one answer may take.
    pub(crate) fn patience(&self) -> Duration {
        self.limits.answer
    }

    /// Connections made so far.
    pub(crate) fn requests_made(&self) -> usize {
        self.made
    }

    /// One exchange with the app.
    pub(crate) fn send(&mut self, request: &Request) -> Result<Response, Error> {
        let bytes = request.bytes(&self.target.origin.authority());
        let mut wire = self.open()?;
        wire.say(&bytes);
        wire.answer(&mut Vec::new())
    }

    /// One exchange over plain HTTP, with the app's plain address, or else with its TLS port.
    pub(crate) fn send_plain(&mut self, request: &Request) -> Result<Response, Error> {
        let origin = Origin { https: false, ..self.target.plain.clone().unwrap_or_else(|| self.target.origin.clone()) };
        let address = self.target.plain_address.unwrap_or(self.target.address);
        let mut wire = self.connect(address, None)?;
        wire.say(&request.bytes(&origin.authority()));
        wire.answer(&mut Vec::new())
    }

    /// A connection to the app, TLS where its address says so.
    pub(crate) fn open(&mut self) -> Result<Wire, Error> {
        let tls = match (&self.tls, self.target.origin.https) {
            (_, false) => None,
            (Some(config), true) => {
                let name =
                    ServerName::try_from(self.target.origin.host.clone()).map_err(|error| Error::Tls(error.to_string()))?;
                Some(ClientConnection::new(config.clone(), name).map_err(|error| Error::Tls(error.to_string()))?)
            }
            (None, true) => {
                return Err(Error::Tls("no certificate authority to trust: give its file with --ca, or --insecure".into()));
            }
        };
        self.connect(self.target.address, tls)
    }

    /// A bare TCP connection to the app's address, whatever it speaks.
    pub(crate) fn open_tcp(&mut self) -> Result<Wire, Error> {
        self.connect(self.target.address, None)
    }

    fn connect(&mut self, address: SocketAddr, tls: Option<ClientConnection>) -> Result<Wire, Error> {
        if self.made >= self.limits.requests {
            return Err(Error::Budget("requests"));
        }
        if self.started.elapsed() > self.limits.time {
            return Err(Error::Budget("time"));
        }
        self.made += 1;
        let tcp = dial(address, self.source, self.limits.answer)?;
        tcp.set_nodelay(true)?;
        tcp.set_write_timeout(Some(self.limits.answer))?;
        let stream = match tls {
            None => Stream::Plain(tcp),
            Some(tls) => Stream::Tls(Box::new(StreamOwned::new(tls, tcp))),
        };
        Ok(Wire { stream, patience: self.limits.answer, body_max: self.limits.body_bytes })
    }
}

/// Connects, from `source` where the system has that address.
fn dial(address: SocketAddr, source: Option<Ipv4Addr>, patience: Duration) -> Result<TcpStream, Error> {
    if let (Some(source), IpAddr::V4(to)) = (source, address.ip())
        && to.is_loopback()
    {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if socket.bind(&SocketAddr::from((source, 0)).into()).is_ok() {
            socket.connect_timeout(&address.into(), patience)?;
            return Ok(socket.into());
        }
    }
    Ok(TcpStream::connect_timeout(&address, patience)?)
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// An open connection.
pub(crate) struct Wire {
    stream: Stream,
    patience: Duration,
    body_max: usize,
}

/// What one read brought.
enum Came {
    Bytes(usize),
    End,
    Nothing,
}

impl Wire {
    /// How long to wait for an answer from now on.
    pub(crate) fn patience(mut self, patience: Duration) -> Wire {
        self.patience = patience;
        self
    }

    /// Sends bytes; whether all of them went. A server that refuses may close before it has read everything, and its answer
    /// is still worth reading, so failing to write is not an error.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> bool {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.write_all(bytes).is_ok(),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()).is_ok(),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => &tls.sock,
        }
    }

    fn hear(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<Came, Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Came::Nothing);
        }
        self.tcp().set_read_timeout(Some(left))?;
        let read = match &mut self.stream {
            Stream::Plain(tcp) => tcp.read(buffer),
            Stream::Tls(tls) => tls.read(buffer),
        };
        match read {
            Ok(0) => Ok(Came::End),
            Ok(count) => Ok(Came::Bytes(count)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(Came::Nothing),
            // A reset, or TLS without its goodbye: what came before still counts, and length rules say whether it is whole.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::ConnectionAborted
                ) =>
            {
                Ok(Came::End)
            }
            Err(error) => Err(Error::Io(error)),
        }
    }

    /// Reads one answer. What came beyond it stays in `buffer`.
    pub(crate) fn answer(&mut self, buffer: &mut Vec<u8>) -> Result<Response, Error> {
        let deadline = Instant::now() + self.patience;
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Progress::Complete(response, used) = http::read(buffer, false, self.body_max)? {
                buffer.drain(..used);
                return Ok(response);
            }
            match self.hear(&mut chunk, deadline)? {
                Came::Bytes(count) => buffer.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Came::End => break,
                Came::Nothing => return Err(Error::Io(ErrorKind::TimedOut.into())),
            }
        }
        if buffer.is_empty() {
            return Err(Error::Malformed("closed without an answer"));
        }
        match http::read(buffer, true, self.body_max)? {
            Progress::Complete(response, used) => {
                buffer.drain(..used);
                Ok(response)
            }
            Progress::Incomplete => Err(Error::Malformed("the answer is cut short")),
        }
    }

    /// Reads until `until` is satisfied by what came, the server closes, or patience ends; then everything that came.
    pub(crate) fn listen(&mut self, until: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let deadline = Instant::now() + self.patience;
        let (mut all, mut chunk) = (Vec::new(), [0; 16 * 1024]);
        while all.len() < self.body_max && !until(&all) {
            let Ok(Came::Bytes(count)) = self.hear(&mut chunk, deadline) else {
                break;
            };
            all.extend_from_slice(chunk.get(..count).unwrap_or_default());
        }
        all
    }

    /// Every answer that comes on this connection until it is closed or quiet.
    pub(crate) fn answers(&mut self) -> Vec<Response> {
        let (mut buffer, mut answers) = (Vec::new(), Vec::new());
        while let Ok(response) = self.answer(&mut buffer) {
            answers.push(response);
            if answers.len() >= 16 {
                break;
            }
        }
        answers
    }
}
