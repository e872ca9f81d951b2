//! The queue to the log and the thread that empties it.

use super::chain::LINE_BYTES_MAX;
use super::event::Event;
use super::journal::{Journal, Limits};
use super::redact::redact;
use crate::metrics::{Loss, Metrics};
use crate::state_dir::{StateDir, StateError};
use gambeson_core::layers::audit_log::{AuditLog as Section, Sync};
use jiff::Timestamp;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Events that may wait, whatever their size.
const QUEUE_MAX: usize = 8192;
/// A batch is written when it has this many events or bytes.
const BATCH_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How long the thread waits for an event before it looks at the clock.
const IDLE: Duration = Duration::from_millis(200);
/// How long after a failure it tries again, and how often a lasting failure is said on stderr.
const RETRY: Duration = Duration::from_secs(1);
const REMIND: Duration = Duration::from_secs(60);
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// What a line has besides its event.
const ENVELOPE_BYTES: usize = 256;

/// How the log is written.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How large it may become.
    pub limits: Limits,
    /// What a power cut may take. (The end of the process alone, however it comes, takes nothing that was written.)
    pub sync: Sync,
    /// Events that wait to be written take at most this much memory, in bytes.
    pub queue_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limits: Limits::default(), sync: Sync::Second, queue_bytes_max: 16 * 1024 * 1024 }
    }
}

impl From<&Section> for Settings {
    /// As the policy says.
    fn from(section: &Section) -> Self {
        let limits = Limits { file_bytes_max: section.file_bytes_max, files_max: section.files_max };
        Self { limits, sync: section.sync, ..Self::default() }
    }
}

/// The log, open for writing. One per process; threads share it behind an [`Arc`].
#[derive(Debug)]
pub struct AuditLog {
    /// `None` only wakes the thread.
    queue: SyncSender<Option<Event>>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    metrics: Arc<Metrics>,
    queued_bytes: AtomicUsize,
    queue_bytes_max: usize,
    /// Events lost and not yet recorded as lost.
    lost: AtomicU64,
    closing: AtomicBool,
    /// Settings that the thread has not taken over yet.
    next: Mutex<Option<Settings>>,
}

impl Shared {
    fn lose(&self, count: u64, why: Loss) {
        self.lost.fetch_add(count, Relaxed);
        self.metrics.audit_lost.add(why, count);
    }
}

impl AuditLog {
    /// Opens the log in a state directory, repairs what a crash left and starts the writing thread.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn open(state: &StateDir, settings: Settings, metrics: Arc<Metrics>) -> Result<Self, StateError> {
        let mut journal = Journal::open(state, settings.limits)?;
        journal.append(&now(), &[])?;
        let (queue, receiver) = sync_channel(QUEUE_MAX);
        let shared = Arc::new(Shared {
            metrics,
            queued_bytes: AtomicUsize::new(0),
            queue_bytes_max: settings.queue_bytes_max,
            lost: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            next: Mutex::default(),
        });
        let writer = Writer::new(journal, receiver, Arc::clone(&shared), settings.sync);
        let thread = thread::Builder::new().name("audit-log".to_owned()).spawn(move || writer.run());
        let thread = thread.map_err(|error| StateError::Io { path: state.path().to_owned(), error })?;
        Ok(Self { queue, shared, thread: Mutex::new(Some(thread)) })
    }

    /// Hands an event to the writing thread. Never waits: what does not fit is counted as lost.
    pub fn record(&self, event: Event) {
        let weight = event.weight();
        let queued = self.shared.queued_bytes.fetch_add(weight, Relaxed);
        let fits = queued.saturating_add(weight) <= self.shared.queue_bytes_max;
        if !fits || self.queue.try_send(Some(event)).is_err() {
            self.shared.queued_bytes.fetch_sub(weight, Relaxed);
            self.shared.lose(1, Loss::QueueFull);
        }
    }

    /// Puts other sizes and another `sync` in force, for every event from now on. Files that are too many go when the next is begun.
    pub fn apply(&self, settings: Settings) {
        *self.shared.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
    }

    /// Writes what is queued and ends the thread. Blocks until that is done. Later events count as lost.
    pub fn close(&self) {
        self.shared.closing.store(true, Relaxed);
        // Full: then the thread is awake anyway.
        let _woken = self.queue.try_send(None);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic in it has already been printed.
        let _ended = thread.map(JoinHandle::join);
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

/// Says something on stderr, where it is still there to be read.
fn say(text: &str) {
    let _unheard = writeln!(std::io::stderr(), "gambeson: {text}");
}

struct Writer {
    journal: Journal,
    receiver: Receiver<Option<Event>>,
    shared: Arc<Shared>,
    sync: Sync,
    /// JSON of events that are taken from the queue and not yet written, oldest first.
    batch: Vec<String>,
    batch_bytes: usize,
    unsynced_since: Option<Instant>,
    /// When the present failure was last said on stderr.
    failing_said: Option<Instant>,
}

impl Writer {
    fn new(journal: Journal, receiver: Receiver<Option<Event>>, shared: Arc<Shared>, sync: Sync) -> Self {
        let (batch, batch_bytes) = (Vec::new(), 0);
        Self { journal, receiver, shared, sync, batch, batch_bytes, unsynced_since: None, failing_said: None }
    }

    fn run(mut self) {
        loop {
            // Read before the queue is emptied: what was sent before closing is then seen.
            let closing = self.shared.closing.load(Relaxed);
            let emptied = self.fill_batch(if closing { Duration::ZERO } else { IDLE });
            self.adopt();
            let written = self.write_batch();
            self.sync_when_due();
            match (closing, written) {
                (true, true) if emptied => break,
                (true, false) => break self.give_up(),
                (_, false) => self.pause(),
                _ => {}
            }
        }
        self.finish();
    }

    /// Takes over what was applied meanwhile.
    fn adopt(&mut self) {
        let next = self.shared.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(settings) = next {
            self.journal.limit(settings.limits);
            self.sync = settings.sync;
        }
    }

    /// Takes events from the queue; whether it is empty now.
    fn fill_batch(&mut self, patience: Duration) -> bool {
        let mut patience = patience;
        while self.batch.len() < BATCH_MAX && self.batch_bytes < BATCH_BYTES_MAX {
            match self.receiver.recv_timeout(patience) {
                Ok(Some(event)) => {
                    self.shared.queued_bytes.fetch_sub(event.weight(), Relaxed);
                    self.add(event);
                    patience = Duration::ZERO;
                }
                Ok(None) => patience = Duration::ZERO,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return true,
            }
        }
        false
    }

    fn add(&mut self, event: Event) {
        let json = redact(event).to_line().unwrap_or_default();
        if json.is_empty() || json.len() > LINE_BYTES_MAX - ENVELOPE_BYTES {
            return self.shared.lose(1, Loss::Oversize);
        }
        self.batch_bytes = self.batch_bytes.saturating_add(json.len());
        self.batch.push(json);
    }

    /// Writes the batch, and how many events were lost before it; whether that worked.
    fn write_batch(&mut self) -> bool {
        let lost = self.shared.lost.load(Relaxed);
        if self.batch.is_empty() && lost == 0 {
            return true;
        }
        let records = self.batch.len();
        if lost > 0 {
            let event = Event::Lost { count: lost, why: "the queue was full or the disk did not take them".to_owned() };
            self.batch.extend(event.to_line());
        }
        let appended = self.journal.append(&now(), &self.batch);
        self.batch.truncate(records);
        match appended {
            Ok(()) => self.wrote(lost),
            Err(error) => self.failed(&error),
        }
    }

    fn wrote(&mut self, lost: u64) -> bool {
        self.shared.lost.fetch_sub(lost, Relaxed);
        self.shared.metrics.audit_records.add(self.batch.len() as u64);
        self.shared.metrics.audit_repaired.add(self.journal.repaired());
        self.batch.clear();
        self.batch_bytes = 0;
        self.unsynced_since.get_or_insert_with(Instant::now);
        if self.failing_said.take().is_some() {
            self.shared.metrics.audit_failing.set(0);
            say("the audit log is written again");
        }
        true
    }

    fn failed(&mut self, error: &StateError) -> bool {
        self.shared.metrics.audit_failing.set(1);
        if self.failing_said.is_none_or(|said| said.elapsed() >= REMIND) {
            self.failing_said = Some(Instant::now());
            let waiting = self.batch.len();
            let lost = self.shared.lost.load(Relaxed);
            say(&format!("the audit log cannot be written: {error}; {waiting} records or more wait, {lost} are lost"));
        }
        false
    }

    fn sync_when_due(&mut self) {
        let due = match (self.sync, self.unsynced_since) {
            (Sync::Each, Some(_)) => true,
            (Sync::Second, Some(since)) => since.elapsed() >= SYNC_EVERY,
            _ => false,
        };
        if due {
            self.unsynced_since = None;
            if let Err(error) = self.journal.sync() {
                self.failed(&error);
            }
        }
    }

    /// Waits before the next attempt, but not when the log is being closed.
    fn pause(&self) {
        let start = Instant::now();
        while start.elapsed() < RETRY && !self.shared.closing.load(Relaxed) {
            thread::sleep(IDLE / 10);
        }
    }

    fn give_up(&mut self) {
        let queued = self.receiver.try_iter().flatten().count();
        let count = (self.batch.len() + queued) as u64;
        self.shared.lose(count, Loss::Unwritable);
        say(&format!("{} records never reached the audit log", self.shared.lost.load(Relaxed)));
    }

    fn finish(&mut self) {
        if self.sync != Sync::Never
            && let Err(error) = self.journal.sync()
        {
            self.failed(&error);
        }
    }
}
