//! The serving threads: each has its own sockets, its own event loop and its own connections to the app.

mod places;

use crate::{
    h1, h2,
    io::Round,
    ledger::Ledger,
    listeners::Listeners,
    timings::Timings,
    tls::{ClientCertificate, Tls},
    waiting::WaitingRoom,
    worker::{Local, Peer, Shared, Site, Worker},
};
use arc_swap::ArcSwap;
use gambeson_core::{
    engine::Engine,
    exchange::{Connection, Tls as TlsFacts},
    policy::Policy,
};
use gambeson_store::{
    buckets::Buckets,
    metrics::{Handshake, Protocol},
    sanctions::Sanctions,
};
use places::Places;
pub(crate) use places::network;
use rustls::HandshakeKind;
use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::watch,
    task::{LocalSet, spawn_local},
    time::{interval, sleep, timeout},
};

/// Buckets that are kept at most; each takes some 64 bytes.
const BUCKETS_MAX: usize = 1 << 18;

/// What a server needs.
pub struct Settings {
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// Certificates; without them there is no HTTPS.
    pub tls: Option<Arc<Tls>>,
    /// Where to listen.
    pub listeners: Listeners,
    /// Where what happened is written down.
    pub ledger: Ledger,
    /// Who is under a sanction.
    pub sanctions: Arc<Sanctions>,
}

/// Running threads that serve one app.
pub struct Server {
    shared: Arc<Shared>,
    places: Arc<Places>,
    threads: Vec<JoinHandle<()>>,
}

/// How connections on a socket begin.
#[derive(Debug, Clone)]
enum Begin {
    Plain,
    Tls(Arc<Tls>),
}

impl Server {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread or event loop.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let Settings { policy, tls, listeners, ledger, sanctions } = settings;
        let workers = listeners.https.len().max(listeners.http.len()).max(1);
        let places = Arc::new(Places::new(policy.listen.connections_max, policy.listen.connections_per_address_max));
        let site = site(policy, 0);
        let shared = Arc::new(Shared {
            site: ArcSwap::from_pointee(site),
            buckets: Buckets::new(BUCKETS_MAX, ledger.metrics.clone()),
            ledger,
            sanctions,
            waiting: WaitingRoom::default(),
            proofs: tls.as_ref().map(|tls| Arc::clone(tls.challenges())),
            workers,
            draining: AtomicBool::new(false),
            drain: watch::Sender::new(false),
        });
        let mut lots: Vec<Vec<(TcpListener, Begin)>> = (0..workers).map(|_| Vec::new()).collect();
        deal(&mut lots, listeners.http, &Begin::Plain);
        if let Some(tls) = tls {
            deal(&mut lots, listeners.https, &Begin::Tls(tls));
        }
        let threads = lots.into_iter().enumerate().map(|(i, lot)| thread(i, lot, &shared, &places)).collect::<io::Result<_>>()?;
        Ok(Self { shared, places, threads })
    }

    /// Puts another policy in force; requests that have begun keep the old one.
    pub fn reload(&self, policy: Arc<Policy>) {
        let generation = self.shared.site.load().generation + 1;
        self.places.resize(policy.listen.connections_max, policy.listen.connections_per_address_max);
        self.shared.site.store(Arc::new(site(policy, generation)));
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.shared.site.load().engine.policy().clone()
    }

    /// Open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.places.taken()
    }

    /// Accepts no more connections, and lets the open ones end.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.shared.drain.send_replace(true);
    }

    /// Waits until every thread has ended.
    pub fn join(self) {
        for thread in self.threads {
            let _panicked = thread.join();
        }
    }
}

fn site(policy: Arc<Policy>, generation: u64) -> Site {
    Site { timings: Timings::new(&policy), engine: Engine::new(policy), generation }
}

fn deal(lots: &mut [Vec<(TcpListener, Begin)>], listeners: Vec<TcpListener>, begin: &Begin) {
    let count = lots.len().max(1);
    for (i, listener) in listeners.into_iter().enumerate() {
        if let Some(lot) = lots.get_mut(i % count) {
            lot.push((listener, begin.clone()));
        }
    }
}

fn thread(
    number: usize,
    lot: Vec<(TcpListener, Begin)>,
    shared: &Arc<Shared>,
    places: &Arc<Places>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().on_thread_unpark(Round::next).build()?;
    let (shared, places) = (shared.clone(), places.clone());
    std::thread::Builder::new().name(format!("serve-{number}")).spawn(move || {
        let local = LocalSet::new();
        local.block_on(&runtime, serve(lot, shared, places));
    })
}

/// Serves until the gateway stops and open connections have ended or had their time.
async fn serve(lot: Vec<(TcpListener, Begin)>, shared: Arc<Shared>, places: Arc<Places>) {
    let local = Rc::new(Local::new(&shared));
    let door = Rc::new(Door { shared: shared.clone(), places: places.clone(), local: local.clone() });
    for (listener, begin) in lot {
        spawn_local(door.clone().accept(listener, begin));
    }
    let mut drain = shared.drain.subscribe();
    let sweep = async {
        let mut every = interval(Duration::from_secs(1));
        loop {
            every.tick().await;
            local.sweep();
        }
    };
    tokio::select! {
        _ = drain.wait_for(|draining| *draining) => {}
        () = sweep => {}
    }
    let patience = shared.site.load().timings.drain;
    let ended = async {
        while Rc::strong_count(&door) > 1 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let _out_of_time = timeout(patience, ended).await;
}

/// Where connections come in.
struct Door {
    shared: Arc<Shared>,
    places: Arc<Places>,
    local: Rc<Local>,
}

impl Door {
    async fn accept(self: Rc<Self>, listener: TcpListener, begin: Begin) {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let mut drain = self.shared.drain.subscribe();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = drain.wait_for(|draining| *draining) => return,
            };
            match accepted {
                Ok((stream, address)) => self.clone().admit(stream, address, begin.clone()),
                // Out of descriptors or memory: let open connections end first.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn admit(self: Rc<Self>, stream: TcpStream, address: SocketAddr, begin: Begin) {
        let peer = address.ip().to_canonical();
        let Some(place) = self.places.take(peer) else {
            self.shared.ledger.metrics.connections_refused.increment();
            return;
        };
        let _unset = stream.set_nodelay(true);
        let open = Open::new(self);
        spawn_local(async move {
            open.serve(stream, peer, begin).await;
            drop(place);
        });
    }
}

/// An open connection: it holds the door, so that the thread knows when the last one ended.
struct Open(Rc<Door>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.shared.ledger.metrics.connections_open.add(-1);
    }
}

impl Open {
    fn new(door: Rc<Door>) -> Self {
        door.shared.ledger.metrics.connections.increment();
        door.shared.ledger.metrics.connections_open.add(1);
        Self(door)
    }

    fn worker(&self, protocol: Protocol) -> Worker {
        Worker::new(self.0.shared.clone(), self.0.local.clone(), protocol)
    }

    async fn serve(&self, stream: TcpStream, peer: IpAddr, begin: Begin) {
        match begin {
            Begin::Plain => {
                let peer = Peer { connection: Connection::new(peer, None) };
                h1::serve(stream, peer, &self.worker(Protocol::H1)).await;
            }
            Begin::Tls(tls) => self.secure(stream, peer, &tls).await,
        }
    }

    async fn secure(&self, stream: TcpStream, peer: IpAddr, tls: &Tls) {
        let patience = self.0.shared.site.load().timings.first_byte;
        let handshakes = &self.0.shared.ledger.metrics.handshakes;
        let Ok(Ok(stream)) = timeout(patience, tls.accept(stream)).await else { return handshakes.increment(Handshake::Failed) };
        let (_, session) = stream.get_ref();
        let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
        handshakes.increment(if resumed { Handshake::Resumed } else { Handshake::Full });
        let client_certificate = ClientCertificate::of(session).map(|certificate| certificate.subject);
        let facts = TlsFacts { sni: session.server_name().map(str::to_owned), client_certificate };
        let is_h2 = session.alpn_protocol() == Some(b"h2");
        let peer = Peer { connection: Connection::new(peer, Some(Arc::new(facts))) };
        if is_h2 {
            h2::serve(stream, peer, Rc::new(self.worker(Protocol::H2))).await;
        } else {
            h1::serve(stream, peer, &self.worker(Protocol::H1)).await;
        }
    }
}
