//! One serving process, from start to stop: state, certificates, sockets, threads, signals, the hand-over to the next.

mod admin;
mod control;
mod notify;
mod restart;
mod tls_settings;

pub use admin::reachable;
pub use control::{ControlError, app_address, reload, sanctions};
pub(crate) use notify::SOCKET as NOTIFY_SOCKET;

use crate::{
    alert::{self, Alerts},
    ledger::Ledger,
    listeners::{ListenError, Listeners},
    server::{self, Server},
    tls::{Tickets, Tls, TlsError, acme},
    worker::now_ms,
};
use gambeson_core::policy::{LayerName, Mode, Policy};
use gambeson_store::{
    audit::AuditLog,
    metrics::{Metrics, Outcome},
    sanctions::{Filter, Sanctions},
    serving::Claim,
    state_dir::{StateDir, StateError},
    traffic::Recorder,
};
use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::interval,
};

/// How the policy is read: again at every reload. The error is for a person.
pub type Load = Box<dyn Fn() -> Result<Policy, String> + Send + Sync>;

/// What a process needs to serve.
pub struct Options {
    /// How the policy is read.
    pub load: Load,
    /// Where keys, certificates and the log live.
    pub state_dir: PathBuf,
    /// Whether to take the sockets over from a process that serves now.
    pub take_over: bool,
}

/// Why a process cannot serve.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ServeError {
    #[error("{0}")]
    Policy(String),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("the system refuses a thread, an event loop or a signal: {0}")]
    System(#[from] io::Error),
}

/// Where a process serves.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// HTTPS.
    pub https: Option<SocketAddr>,
    /// Plain HTTP.
    pub http: Option<SocketAddr>,
    /// Health and metrics.
    pub admin: Option<SocketAddr>,
}

/// A process that is ready to serve: everything that can fail at the start has been done.
pub struct Service {
    load: Load,
    state: StateDir,
    server: Server,
    tls: Option<Arc<Tls>>,
    ledger: Ledger,
    sanctions: Arc<Sanctions>,
    addresses: Addresses,
    /// The sockets again, for the process that takes over.
    spare: Listeners,
    admin: Option<std::net::TcpListener>,
    control: control::Control,
    claim: Claim,
    signals: Signals,
}

/// What the operator may send. Listened to before anybody is told that we serve: unheard, each of them would end us.
struct Signals {
    hangup: Signal,
    again: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            again: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// How long to wait for a process that is just ending.
const CLAIM_SHORT: Duration = Duration::from_millis(500);
/// How long to wait for the process before to let go.
const CLAIM_PATIENCE: Duration = Duration::from_secs(10);

impl Service {
    /// Reads the policy, opens state and sockets, starts the threads.
    ///
    /// # Errors
    /// When any of it fails; a process that serves now goes on undisturbed.
    pub fn start(options: Options) -> Result<Self, ServeError> {
        let Options { load, state_dir, take_over } = options;
        let policy = Arc::new(load().map_err(ServeError::Policy)?);
        let state = StateDir::open(&state_dir)?;
        let handed = if take_over { Some(control::take_over(&state)?) } else { None };
        let claim = if handed.is_some() { None } else { Some(Claim::wait(&state, CLAIM_SHORT)?) };
        let (tickets, adopted) = match handed {
            Some(handed) => (handed.tickets, Some((handed.listeners, handed.old))),
            None => (Tickets::new()?, None),
        };
        let tls = match policy.listen.https {
            Some(_) => Some(Arc::new(Tls::build(tls_settings::of(&policy, &state), tickets)?)),
            None => None,
        };
        tell_of_root(tls.as_deref());
        let workers = workers(policy.listen.workers);
        let (adopted, old) = adopted.map_or((None, None), |(listeners, old)| (Some(listeners), Some(old)));
        let listen = &policy.listen;
        let mut listeners = Listeners::open(listen.https, listen.http, listen.admin, workers, adopted)?;
        let spare = listeners.try_clone()?;
        let admin = listeners.admin.take();
        let ledger = open_ledger(&policy, &state)?;
        let addresses = spare.addresses();
        let control = control::Control::bind(&state)?;
        let sanctions = open_sanctions(&policy, &state, &ledger)?;
        let settings =
            server::Settings { policy, tls: tls.clone(), listeners, ledger: ledger.clone(), sanctions: sanctions.clone() };
        let signals = Signals::listen()?;
        let server = Server::start(settings)?;
        notify::ready();
        if let Some(old) = old {
            old.finish();
        }
        let claim = match claim {
            Some(claim) => claim,
            None => Claim::wait(&state, CLAIM_PATIENCE)?,
        };
        ledger.notice("started", format!("process {}", std::process::id()));
        Ok(Self { load, state, server, tls, ledger, sanctions, addresses, spare, admin, control, claim, signals })
    }

    /// Whether nobody else serves from the directory or listens where the policy says: worth knowing before an app is
    /// started in vain.
    ///
    /// # Errors
    /// What [`Service::start`] would say.
    pub fn free(policy: &Policy, state: &StateDir) -> Result<(), ServeError> {
        drop(Claim::wait(state, CLAIM_SHORT)?);
        let listen = &policy.listen;
        drop(Listeners::open(listen.https, listen.http, listen.admin, 1, None)?);
        Ok(())
    }

    /// Where it serves.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Where what happens is written down.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.server.policy()
    }

    /// Serves until told to stop, or until `gone` says that the app is not coming back. Then connections are drained.
    ///
    /// # Errors
    /// When the system refuses signals.
    pub async fn run(self, gone: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { load, state, server, tls, ledger, sanctions, spare, admin, control, claim, signals, .. } = self;
        let alerts = tokio::spawn(alert::run(ledger.clone()));
        let works = Works { load, state, first: server.policy(), server: &server, tls, ledger: ledger.clone(), sanctions };
        let handed_over = works.serve(spare, admin, control, signals, gone).await;
        drop(claim);
        ledger.notice(if handed_over { "handed over" } else { "stopping" }, format!("process {}", std::process::id()));
        if !handed_over {
            notify::stopping();
        }
        server.drain();
        tokio::task::spawn_blocking(move || server.join()).await.map_err(io::Error::other)?;
        alert::finish(&ledger, alerts).await;
        ledger.close();
        Ok(())
    }
}

/// What the main thread works with while the others serve.
struct Works<'a> {
    load: Load,
    state: StateDir,
    /// The policy the process was started with.
    first: Arc<Policy>,
    server: &'a Server,
    tls: Option<Arc<Tls>>,
    ledger: Ledger,
    sanctions: Arc<Sanctions>,
}

impl Works<'_> {
    /// Until a stop (`false`) or a hand-over (`true`).
    async fn serve(
        &self,
        spare: Listeners,
        admin: Option<std::net::TcpListener>,
        mut control: control::Control,
        mut signals: Signals,
        gone: impl Future<Output = ()>,
    ) -> bool {
        let mut poll = interval(Duration::from_secs(5));
        let mut admin = std::pin::pin!(admin::serve(admin, &self.ledger, self.server));
        let mut renewals = std::pin::pin!(self.renew_certificates());
        let mut gone = std::pin::pin!(gone);
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => return false,
                _ = signals.interrupt.recv() => return false,
                () = &mut gone => return false,
                _ = signals.hangup.recv() => drop(self.reload()),
                _ = signals.again.recv() => control::replace_self(),
                _ = poll.tick() => {
                    self.ledger.alerts.watch(now_ms());
                    self.poll_tls();
                }
                () = &mut admin => {}
                () = &mut renewals => {}
                request = control.next() => match request {
                    control::Request::Reload(reply) => reply.reloaded(self.reload()),
                    control::Request::App(reply) => reply.send(&self.server.policy().upstream.address.to_string()),
                    control::Request::Sanctions(reply) => reply.send(&self.sanctions()),
                    control::Request::TakeOver(reply) => {
                        if reply.send(&spare, self.tls.as_deref()) {
                            return true;
                        }
                    }
                },
            }
        }
    }

    /// Reads the policy and the certificates again; gives the keys that wait for a restart. What is bad changes nothing and is said.
    fn reload(&self) -> Result<Vec<&'static str>, String> {
        let result = self.try_reload();
        let outcome = if result.is_ok() { Outcome::Succeeded } else { Outcome::Failed };
        self.ledger.metrics.reloads.increment(outcome);
        match &result {
            Ok(waiting) => {
                self.ledger.metrics.policy_loaded.set(now_secs());
                let waits =
                    if waiting.is_empty() { String::new() } else { format!("waits for a restart: {}", waiting.join(", ")) };
                say(if waits.is_empty() { "policy reloaded".to_owned() } else { format!("policy reloaded; {waits}") }.as_str());
                self.ledger.notice("policy reloaded", waits);
            }
            Err(why) => {
                self.ledger.notice("reload refused", why.clone());
                say(&format!("reload refused, the old policy stays in force:\n{why}"));
            }
        }
        result
    }

    fn try_reload(&self) -> Result<Vec<&'static str>, String> {
        let policy = (self.load)()?;
        let alerts = alert::Settings::of(&policy)?;
        if let Some(tls) = &self.tls {
            tls.apply(tls_settings::of(&policy, &self.state)).map_err(|error| error.to_string())?;
        }
        tell_of_root(self.tls.as_deref());
        self.ledger.apply(&policy);
        self.ledger.alerts.apply(alerts);
        let waiting = restart::waiting(&self.first, &policy);
        self.server.reload(Arc::new(policy));
        Ok(waiting)
    }

    /// Every sanction in force, as JSON, after what the operator has just written.
    fn sanctions(&self) -> String {
        let now_ms = crate::worker::now_ms();
        if let Err(error) = self.sanctions.follow(now_ms) {
            self.ledger.notice("bans unreadable", error.to_string());
        }
        serde_json::to_string(&self.sanctions.list(now_ms)).unwrap_or_default()
    }

    /// Obtains and renews certificates by ACME, for as long as it is polled.
    async fn renew_certificates(&self) {
        let Some(tls) = &self.tls else { return std::future::pending().await };
        let report = |event: acme::Event| {
            let failed = matches!(event, acme::Event::Failed { .. });
            self.ledger.notice(if failed { "no certificate by ACME" } else { "certificate by ACME" }, event.to_string());
            say(&event.to_string());
        };
        acme::run(Arc::clone(tls), report).await;
    }

    fn poll_tls(&self) {
        let Some(tls) = &self.tls else { return };
        match tls.poll() {
            Ok(true) => self.ledger.notice("certificates reloaded", ""),
            Ok(false) => {}
            Err(error) => {
                self.ledger.notice("certificates refused", error.to_string());
                say(&format!("certificates refused, the old ones stay in use: {error}"));
            }
        }
        if let Some(expires) = tls.certificates().iter().map(|certificate| certificate.not_after).min() {
            self.ledger.metrics.certificate_expires.set(expires);
        }
    }
}

fn open_ledger(policy: &Policy, state: &StateDir) -> Result<Ledger, ServeError> {
    let metrics = Arc::new(Metrics::default());
    metrics.started.set(now_secs());
    metrics.policy_loaded.set(now_secs());
    let off = policy.modes.get(LayerName::AuditLog) == Mode::Off;
    let audit = match off {
        true => None,
        false => Some(Arc::new(AuditLog::open(state, (&policy.layers.audit_log).into(), metrics.clone())?)),
    };
    let traffic = Arc::new(Recorder::start(state, (&policy.record).into(), metrics.clone())?);
    let alerts = alert::Settings::of(policy).map_err(ServeError::Policy)?;
    let alerts = Arc::new(Alerts::new(alerts, metrics.clone()));
    Ok(Ledger { metrics, audit, alerts, traffic })
}

fn open_sanctions(policy: &Policy, state: &StateDir, ledger: &Ledger) -> Result<Arc<Sanctions>, ServeError> {
    let now_ms = crate::worker::now_ms();
    let sanctions = Arc::new(Sanctions::open(state, ledger.metrics.clone(), now_ms)?);
    let enforced = policy.modes.get(LayerName::Response) == Mode::Enforce;
    if let Some(table) = policy.layers.response.nftables().filter(|_| enforced) {
        let (ledger, metrics) = (ledger.clone(), ledger.metrics.clone());
        let tell = move |what: String| {
            say(&what);
            ledger.notice("packet filter", what);
        };
        sanctions.use_filter(Filter::start(table, &policy.layers.response.spared(), metrics, tell)?, now_ms);
    }
    Ok(sanctions)
}

/// Says once that there is a root to trust: without it a browser's warning would be the first that is heard of it.
fn tell_of_root(tls: Option<&Tls>) {
    if tls.is_some_and(Tls::has_new_root) {
        say("made a development authority; `gambeson ca trust` makes browsers accept its certificates");
    }
}

fn workers(wanted: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if wanted == 0 { cores() } else { wanted }
}

fn now_secs() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Tells the operator, on the standard error stream.
#[allow(clippy::print_stderr, reason = "a serving process tells its operator here")]
pub(crate) fn say(text: &str) {
    eprintln!("gambeson: {text}");
}
