//! Telling somebody at once: what is grave of what the log gets goes to a webhook and to syslog, as the policy says.
//!
//! Serving threads hand an alert to a bounded queue and never wait. Each receiver has its own place in the queue, its own limit a
//! minute and its own retries, so that one that hangs holds up nobody. What cannot be told is counted and written to the log.

mod format;
mod message;
mod send;
mod settings;
mod throttle;

pub(crate) use message::is_refusal;
pub(crate) use settings::Settings;

use crate::ledger::Ledger;
use arc_swap::ArcSwap;
use gambeson_core::{policy::alert::Topic, record::Record};
use gambeson_store::{
    audit::Event,
    metrics::{Loss, Metrics, Outcome, Receiver},
};
use message::{Alert, Severity};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use throttle::Throttle;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep, sleep_until},
};

/// Alerts that may wait; the oldest go, and are counted.
const QUEUE_MAX: usize = 256;
/// How long after a failure it is tried again, each time.
const BACKOFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// What may wait at a stop is told within this time, or not at all.
const FAREWELL: Duration = Duration::from_secs(5);

/// `None` ends the receivers.
type Queued = Option<Arc<Alert>>;

/// Who is told, and what is counted until somebody is.
#[derive(Debug)]
pub struct Alerts {
    queue: broadcast::Sender<Queued>,
    /// The receivers' places in the queue, until they are taken.
    places: Mutex<Vec<(Receiver, broadcast::Receiver<Queued>)>>,
    settings: ArcSwap<Settings>,
    attacks: Mutex<Minute>,
    audit: Mutex<Seen>,
    metrics: Arc<Metrics>,
}

/// Requests that `intrusion` refused since a moment.
#[derive(Debug, Default)]
struct Minute {
    from_ms: u64,
    count: u64,
}

/// What was seen of the audit log's own troubles.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    failing: bool,
    lost: u64,
    repaired: u64,
}

impl Alerts {
    /// With these settings.
    pub(crate) fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        let (queue, first) = broadcast::channel(QUEUE_MAX);
        let places = vec![(Receiver::Webhook, queue.subscribe()), (Receiver::Syslog, first)];
        Self {
            queue,
            places: Mutex::new(places),
            settings: ArcSwap::from_pointee(settings),
            attacks: Mutex::default(),
            audit: Mutex::default(),
            metrics,
        }
    }

    /// Puts other settings in force.
    pub(crate) fn apply(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Tells of what is written down, where it is grave.
    pub(crate) fn event(&self, event: &Event, now_ms: u64) {
        match event {
            Event::Exchange(record) => self.exchange(record, true),
            Event::Notice { what, detail } => self.tell(message::of_notice(what, detail, now_ms)),
            Event::Opened { .. } | Event::Lost { .. } | Event::Recovered { .. } => {}
        }
    }

    /// Whether anybody is told of refused requests.
    pub(crate) fn hears(&self) -> bool {
        let settings = self.settings.load();
        settings.is_anybody() && (settings.is_on(Topic::Refusals) || settings.is_on(Topic::Attacks))
    }

    /// Tells of an exchange that the log does not get.
    pub(crate) fn unlogged(&self, record: &Record) {
        self.exchange(record, false);
    }

    fn exchange(&self, record: &Record, is_logged: bool) {
        if !self.hears() {
            return;
        }
        let settings = self.settings.load();
        let Some(refused) = message::refusal(record) else { return };
        self.tell(settings.is_on(Topic::Refusals).then(|| message::of_refusal(record, refused)));
        if message::is_attack(refused) && settings.is_on(Topic::Attacks) {
            let count = self.count(record.time_ms);
            self.tell((count == settings.attacks_per_minute).then(|| message::of_attacks(record, refused, count, is_logged)));
        }
    }

    /// How many attacks this minute has seen with this one.
    fn count(&self, now_ms: u64) -> u64 {
        const MINUTE_MS: u64 = 60_000;
        let mut minute = self.attacks.lock().unwrap_or_else(PoisonError::into_inner);
        // Neither a minute nor a clock that was set back may leave attacks untold.
        if now_ms.abs_diff(minute.from_ms) >= MINUTE_MS {
            *minute = Minute { from_ms: now_ms, count: 0 };
        }
        minute.count += 1;
        minute.count
    }

    /// Looks whether the audit log is in trouble that it was not in before; to be called now and then.
    pub(crate) fn watch(&self, now_ms: u64) {
        let metrics = &self.metrics;
        let lost = [Loss::QueueFull, Loss::Unwritable, Loss::Oversize].map(|why| metrics.audit_lost.get(why)).iter().sum();
        let now = Seen { failing: metrics.audit_failing.get() != 0, lost, repaired: metrics.audit_repaired.get() };
        let before = {
            let mut seen = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *seen, Seen { ..now })
        };
        let alert = |is_new: bool, text: String| is_new.then(|| Alert::new(Topic::Audit, Severity::Critical, now_ms, text));
        self.tell(alert(
            now.repaired > before.repaired,
            "the audit log was found damaged; `gambeson log verify` names the place".into(),
        ));
        self.tell(alert(now.failing && !before.failing, "the audit log cannot be written".into()));
        self.tell(alert(now.lost > before.lost, format!("{} records never reached the audit log", now.lost - before.lost)));
    }

    /// Queues an alert, if anybody is to be told of its topic.
    fn tell(&self, alert: Option<Alert>) {
        let Some(alert) = alert else { return };
        let settings = self.settings.load();
        if settings.is_anybody() && settings.is_on(alert.topic) {
            // Nobody receives any more: the gateway has stopped.
            let _unheard = self.queue.send(Some(Arc::new(alert)));
        }
    }
}

/// Tells, until [`finish`] is called. One task a process.
pub(crate) async fn run(ledger: Ledger) {
    let places = std::mem::take(&mut *ledger.alerts.places.lock().unwrap_or_else(PoisonError::into_inner));
    let mut receivers = tokio::task::JoinSet::new();
    for (receiver, queue) in places {
        receivers.spawn(receive(receiver, queue, ledger.clone()));
    }
    receivers.join_all().await;
}

/// Lets what waits be told, within a time.
pub(crate) async fn finish(ledger: &Ledger, task: tokio::task::JoinHandle<()>) {
    let _ended_already = ledger.alerts.queue.send(None);
    let _in_time = tokio::time::timeout(FAREWELL, task).await;
}

async fn receive(receiver: Receiver, mut queue: broadcast::Receiver<Queued>, ledger: Ledger) {
    let mut throttle = Throttle::default();
    loop {
        let due = throttle.due();
        let next = tokio::select! {
            biased;
            next = queue.recv() => next,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                deliver(receiver, throttle.summary(Instant::now()), &ledger).await;
                continue;
            }
        };
        let settings = ledger.alerts.settings.load_full();
        match next {
            Ok(Some(alert)) if !settings.has(receiver) => drop(alert),
            Ok(Some(alert)) if throttle.take(alert.topic, Instant::now(), settings.per_minute) => {
                deliver(receiver, Some((*alert).clone()), &ledger).await;
            }
            Ok(Some(_)) => {}
            Err(RecvError::Lagged(count)) => throttle.missed(count, Instant::now()),
            Ok(None) | Err(RecvError::Closed) => return deliver(receiver, throttle.summary(Instant::now()), &ledger).await,
        }
    }
}

/// Tells one receiver, tries again, and writes down what it could not tell.
async fn deliver(receiver: Receiver, alert: Option<Alert>, ledger: &Ledger) {
    let Some(alert) = alert else { return };
    let mut backoff = BACKOFF.iter();
    let outcome = loop {
        let settings = ledger.alerts.settings.load_full();
        match send::send(receiver, &alert, &settings).await {
            Ok(()) => break Outcome::Succeeded,
            Err(error) => match backoff.next().filter(|_| error.is_passing()) {
                Some(wait) => sleep(*wait).await,
                None => {
                    ledger.notice("alert failed", format!("{}: {error}", receiver.value()));
                    break Outcome::Failed;
                }
            },
        }
    };
    ledger.metrics.alerts.increment((receiver, outcome));
}

#[cfg(test)]
mod tests;
