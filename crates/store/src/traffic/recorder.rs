//! The queue of requests to be recorded, and the thread that masks and writes them.

use super::{
    Line,
    mask::mask,
    reading::{DIR, LINE_BYTES_MAX, numbered},
};
use crate::{
    audit::printable_json,
    metrics::{Loss, Metrics},
    state_dir::{StateDir, StateError, at},
};
use gambeson_core::{policy::Recording, traffic::Traffic};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

/// Requests that may wait, whatever their size.
const QUEUE_MAX: usize = 1024;
/// They take at most this much memory, in bytes.
const QUEUE_BYTES_MAX: usize = 16 << 20;
/// What is written at once.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// What a request takes besides its parts, roughly.
const FIXED_BYTES: usize = 512;

/// How large the files may become.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// When a file has grown to this many bytes the next is begun.
    pub file_bytes_max: u64,
    /// How many bytes all files take.
    pub total_bytes_max: u64,
}

impl From<&Recording> for Settings {
    fn from(policy: &Recording) -> Self {
        Self { file_bytes_max: policy.file_bytes_max, total_bytes_max: policy.total_bytes_max }
    }
}

/// Records requests. One per process; it writes nothing and makes no folder until something is to be recorded.
#[derive(Debug)]
pub struct Recorder {
    /// `None` ends the thread.
    queue: SyncSender<Option<Queued>>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A request, and what it weighed when it was queued: its body may still be on its way.
type Queued = (Traffic, usize);

#[derive(Debug)]
struct Shared {
    metrics: Arc<Metrics>,
    queued_bytes: AtomicUsize,
    /// Requests lost and not yet written down as lost.
    lost: AtomicU64,
    settings: Mutex<Settings>,
}

impl Shared {
    fn lose(&self, count: u64, why: Loss) {
        self.lost.fetch_add(count, Relaxed);
        self.metrics.traffic_lost.add(why, count);
    }
}

impl Recorder {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(state: &StateDir, settings: Settings, metrics: Arc<Metrics>) -> Result<Self, StateError> {
        let (queue, receiver) = sync_channel(QUEUE_MAX);
        let shared = Arc::new(Shared {
            metrics,
            queued_bytes: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            settings: Mutex::new(settings),
        });
        let writer = Writer { state: state.clone(), shared: Arc::clone(&shared), current: None };
        let thread = thread::Builder::new().name("traffic".to_owned()).spawn(move || writer.run(&receiver));
        Ok(Self { queue, shared, thread: Mutex::new(Some(thread.map_err(at(state.path()))?)) })
    }

    /// Hands a request to the writing thread. Never waits: what does not fit is counted as lost.
    pub fn record(&self, traffic: Traffic) {
        let weight = weight(&traffic);
        let queued = self.shared.queued_bytes.fetch_add(weight, Relaxed);
        let fits = queued.saturating_add(weight) <= QUEUE_BYTES_MAX;
        if !fits || self.queue.try_send(Some((traffic, weight))).is_err() {
            self.shared.queued_bytes.fetch_sub(weight, Relaxed);
            self.shared.lose(1, Loss::QueueFull);
        }
    }

    /// Puts other sizes in force.
    pub fn apply(&self, settings: Settings) {
        *self.shared.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Writes what is queued and ends the thread. Blocks until that is done. Later requests count as lost.
    pub fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ended = self.queue.send(None);
            // A panic in it has already been printed.
            let _joined = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

/// Roughly how much memory a request takes, in bytes.
fn weight(traffic: &Traffic) -> usize {
    let sent = &traffic.sent;
    let fields: usize = sent.head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
    FIXED_BYTES + sent.head.target.len() + fields + sent.body_weight()
}

struct Writer {
    state: StateDir,
    shared: Arc<Shared>,
    current: Option<Current>,
}

/// The file that is written.
struct Current {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Option<Queued>>) {
        while let Ok(first) = receiver.recv() {
            let (mut batch, mut count, mut ended) = (Vec::new(), 0, false);
            for next in std::iter::once(first).chain(receiver.try_iter()) {
                match next {
                    Some(queued) => count += self.add(&mut batch, queued),
                    None => ended = true,
                }
                if ended || batch.len() >= BATCH_BYTES_MAX {
                    break;
                }
            }
            self.write(batch, count);
            if ended {
                return;
            }
        }
    }

    /// Adds a request's line; how many were added.
    fn add(&self, batch: &mut Vec<u8>, (traffic, weight): Queued) -> u64 {
        self.shared.queued_bytes.fetch_sub(weight, Relaxed);
        let line = serde_json::to_string(&Line::Request(Box::new(mask(traffic)))).unwrap_or_default();
        let line = printable_json(&line);
        if line.is_empty() || line.len() >= LINE_BYTES_MAX {
            self.shared.lose(1, Loss::Oversize);
            return 0;
        }
        batch.extend_from_slice(line.as_bytes());
        batch.push(b'\n');
        1
    }

    fn write(&mut self, mut batch: Vec<u8>, count: u64) {
        let lost = self.shared.lost.load(Relaxed);
        if lost > 0 {
            let line = serde_json::to_string(&Line::Lost { lost }).unwrap_or_default();
            batch.extend_from_slice(format!("{line}\n").as_bytes());
        }
        if batch.is_empty() {
            return;
        }
        match self.append(&batch) {
            Ok(()) => {
                self.shared.metrics.traffic_recorded.add(count);
                self.shared.lost.fetch_sub(lost, Relaxed);
            }
            Err(_) => {
                self.current = None;
                self.shared.lose(count, Loss::Unwritable);
            }
        }
    }

    fn append(&mut self, batch: &[u8]) -> Result<(), StateError> {
        let settings = *self.shared.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let current = match self.current.take().filter(|current| current.bytes < settings.file_bytes_max) {
            Some(current) => current,
            None => self.next(settings)?,
        };
        let current = self.current.insert(current);
        current.file.write_all(batch).map_err(at(&current.path))?;
        current.bytes = current.bytes.saturating_add(batch.len() as u64);
        Ok(())
    }

    /// Begins the next file, with room for it: the oldest go. A process that takes over begins its own.
    fn next(&self, settings: Settings) -> Result<Current, StateError> {
        let folder = self.state.subdir(DIR)?;
        let files = numbered(folder.path()).map_err(at(folder.path()))?;
        make_room(&files, settings.total_bytes_max.saturating_sub(settings.file_bytes_max));
        let mut number = files.last().map_or(1, |(last, _)| last.saturating_add(1));
        loop {
            let path = folder.file(&format!("traffic-{number:012}.jsonl"));
            match OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok(Current { file, path, bytes: 0 }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number = number.saturating_add(1),
                Err(error) => return Err(at(&path)(error)),
            }
        }
    }
}

/// Removes the oldest files until the others take no more than that.
fn make_room(files: &[(u64, PathBuf)], bytes_max: u64) {
    let mut sum: u64 = 0;
    for (_, path) in files.iter().rev() {
        sum = sum.saturating_add(fs::metadata(path).map_or(0, |found| found.len()));
        if sum > bytes_max {
            // One that cannot be removed now is tried again with the next file.
            let _removed = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
pub(super) mod tests;
