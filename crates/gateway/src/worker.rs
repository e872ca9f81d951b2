//! What one serving thread knows, and what all share.

use crate::{
    held::{Room, Share},
    ledger::Ledger,
    proxy::is_event_stream,
    timings::Timings,
    tls::acme::Challenges,
    upstream::{AppError, Pool},
    waiting::{Waiting, WaitingRoom},
};
use arc_swap::ArcSwap;
use bytes::Bytes;
use gambeson_core::{
    engine::{Engine, Finish, Moment},
    exchange::{Connection, Entropy},
    store::{Answer, Ask},
};
use gambeson_store::{buckets::Buckets, metrics::Protocol, sanctions::Sanctions};
use http::{HeaderMap, StatusCode};
use std::{
    cell::RefCell,
    future::Future,
    net::IpAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{sync::watch, time::sleep};

/// Who is at the other end of a client's connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) connection: Connection,
}

/// One policy in force, and what follows from it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) engine: Engine,
    pub(crate) timings: Timings,
    /// Counts the policies since the start.
    pub(crate) generation: u64,
}

/// Shared by all serving threads.
pub(crate) struct Shared {
    pub(crate) site: ArcSwap<Site>,
    pub(crate) buckets: Buckets,
    pub(crate) sanctions: Arc<Sanctions>,
    pub(crate) waiting: WaitingRoom,
    pub(crate) ledger: Ledger,
    /// Proofs for an ACME server.
    pub(crate) proofs: Option<Arc<Challenges>>,
    pub(crate) workers: usize,
    /// `true` once no new request is to be begun on an old connection.
    pub(crate) draining: AtomicBool,
    pub(crate) drain: watch::Sender<bool>,
}

/// Belongs to one thread.
pub(crate) struct Local {
    entropy: RefCell<Random>,
    pool: RefCell<(u64, Rc<Pool>)>,
    room: Rc<Room>,
}

/// What a connection works with: its thread's own things and the shared ones.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    local: Rc<Local>,
    /// As the policy was when the connection began.
    pub(crate) timings: Timings,
    protocol: Protocol,
}

impl Local {
    pub(crate) fn new(shared: &Shared) -> Self {
        let site = shared.site.load();
        let pool = Rc::new(Pool::new(&site.engine.policy().upstream, shared.workers));
        Self { entropy: RefCell::default(), pool: RefCell::new((site.generation, pool)), room: Rc::default() }
    }

    pub(crate) fn sweep(&self) {
        self.pool.borrow().1.sweep();
    }
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, local: Rc<Local>, protocol: Protocol) -> Self {
        let timings = shared.site.load().timings;
        Self { shared, local, timings, protocol }
    }

    /// The engine in force. A request keeps the one it began with.
    pub(crate) fn engine(&self) -> Engine {
        self.shared.site.load().engine.clone()
    }

    /// The connections to the app that the policy in force names.
    pub(crate) fn pool(&self) -> Rc<Pool> {
        let site = self.shared.site.load();
        let mut pool = self.local.pool.borrow_mut();
        if pool.0 != site.generation {
            *pool = (site.generation, Rc::new(Pool::new(&site.engine.policy().upstream, self.shared.workers)));
        }
        pool.1.clone()
    }

    /// What an exchange of this client takes of the room for bodies; nothing as yet.
    pub(crate) fn share(&self, client: IpAddr) -> Share {
        self.local.room.share(client)
    }

    /// What an ACME server gets that asks over plain HTTP whether the host is ours (RFC 8555 section 8.3).
    pub(crate) fn proof(&self, target: &[u8]) -> Option<Bytes> {
        self.shared.proofs.as_ref()?.for_target(target).map(Bytes::from)
    }

    /// Time and chance for one exchange.
    pub(crate) fn moment(&self) -> Moment {
        Moment { now_ms: now_ms(), entropy: self.local.entropy.borrow_mut().draw() }
    }

    /// Answers what the layers ask.
    pub(crate) fn answer(&self, asks: &[Ask], now_ms: u64) -> Vec<Answer> {
        let Shared { buckets, sanctions, .. } = &*self.shared;
        let answer = |ask: &Ask| match ask {
            Ask::Take { key, rate } => Answer::Taken(buckets.take(key, *rate, now_ms)),
            Ask::Standing { subjects, shown, wait, pass } => sanctions.answer(subjects, shown, *wait, *pass, now_ms),
        };
        asks.iter().map(answer).collect()
    }

    /// A place among the requests that wait because of a sanction; `None` when there are too many already.
    pub(crate) fn place(&self) -> Option<Waiting> {
        self.shared.waiting.enter()
    }

    /// Writes down an exchange that ended.
    pub(crate) fn record(&self, finish: Finish, status: StatusCode) {
        let now_ms = now_ms();
        let took = Duration::from_millis(now_ms.saturating_sub(finish.began_ms()));
        for charge in finish.charges() {
            if let Some(sanction) = self.shared.sanctions.charge(&charge, now_ms) {
                self.shared.ledger.sanctioned(&sanction);
            }
        }
        self.shared.ledger.ended(self.protocol, finish, status, took);
    }

    /// Writes down an exchange whose answer broke off after its head had left.
    pub(crate) fn record_broken(&self, finish: Finish, status: StatusCode, error: &AppError) {
        self.record(finish.broken_off(&error.denial()), status);
    }

    /// How long the app may pause in this answer.
    pub(crate) fn pause(&self, headers: &HeaderMap) -> Duration {
        if is_event_stream(headers) { self.timings.stream_idle } else { self.timings.app_idle }
    }

    pub(crate) const fn stream_idle(&self) -> Duration {
        self.timings.stream_idle
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// Returns when the gateway stops: no new request is to be begun on an old connection.
    pub(crate) async fn stopping(&self) {
        let mut drain = self.shared.drain.subscribe();
        if drain.wait_for(|draining| *draining).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when open exchanges have had their time.
    pub(crate) async fn drained(&self) {
        self.stopping().await;
        sleep(self.timings.drain).await;
    }

    /// Waits for a client's next request; when the gateway stops, only a little longer, so that a request that is
    /// already on its way is still answered.
    pub(crate) async fn or_drained<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        let stop = async {
            self.stopping().await;
            sleep(self.timings.drain_idle).await;
        };
        tokio::select! {
            biased;
            done = next => Some(done),
            () = stop => None,
        }
    }
}

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Random bytes, drawn from the system many at a time.
struct Random {
    bytes: Box<[u8; 6144]>,
    used: usize,
}

impl Default for Random {
    fn default() -> Self {
        Self { bytes: Box::new([0; 6144]), used: 6144 }
    }
}

impl Random {
    fn draw(&mut self) -> Entropy {
        loop {
            if let Some(bytes) = self.bytes.get(self.used..).and_then(|rest| rest.first_chunk::<24>()).copied() {
                if let Some(spent) = self.bytes.get_mut(self.used..self.used + 24) {
                    spent.fill(0);
                }
                self.used += 24;
                return Entropy(bytes);
            }
            // Without randomness there are no reference ids and no nonces; the system gives it or the machine is broken.
            while getrandom::fill(self.bytes.as_mut_slice()).is_err() {
                std::thread::sleep(Duration::from_millis(1));
            }
            self.used = 0;
        }
    }
}
