//! What the engine needs of the world: a policy from a file, a clock, chance, buckets, the audit log.

use crate::{head::Pairs, journal::Journal, keys::Keys, policy_file};
use gambeson_core::{
    engine::{Engine, Finish, Moment},
    exchange::Entropy,
    policy::IN_PROCESS_GAPS,
    sanction::Sanction,
    store::{Answer, Ask, BucketKey, Rate, Subject},
};
use gambeson_store::{
    audit::Settings,
    buckets::Buckets,
    sanctions::Sanctions,
    state_dir::{StateDir, StateError},
};
use pyo3::{
    exceptions::{PyOSError, PyRuntimeError},
    prelude::*,
    types::PyDict,
};
use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Everything that the requests of one guard share.
pub(crate) struct Host {
    policy: PathBuf,
    engine: RwLock<Engine>,
    buckets: Buckets,
    sanctions: Sanctions,
    /// The clock of the buckets, which never runs backwards.
    epoch: Instant,
    chance: Mutex<Chance>,
    journal: Journal,
    logger: Py<PyAny>,
    pub(crate) keys: Keys,
    pub(crate) pairs: Pairs,
}

/// Random bytes drawn ahead: the system is asked once for many exchanges.
#[derive(Default)]
struct Chance {
    /// Whose they are. After a fork they are the parent's, and two processes must not share reference ids or nonces.
    process: u32,
    ahead: Vec<[u8; 24]>,
}

const AHEAD: usize = 64;

/// So many requests of a client that shall be slow come in at once: a page with what belongs to it.
const AT_ONCE: u32 = 5;

impl Chance {
    fn draw(&mut self) -> Option<Entropy> {
        let process = std::process::id();
        if self.ahead.is_empty() || self.process != process {
            let mut fresh = [0; 24 * AHEAD];
            getrandom::fill(&mut fresh).ok()?;
            self.ahead = fresh.as_chunks().0.to_vec();
            self.process = process;
        }
        self.ahead.pop().map(Entropy)
    }
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn log_settings(engine: &Engine) -> Settings {
    Settings::from(&engine.policy().layers.audit_log)
}

/// One mebibyte: as many clients at a time as one Python process can serve in a minute, with room to spare.
const BUCKETS: usize = 1 << 16;

impl Host {
    /// Reads the policy and opens the state directory: the one named, or `.gambeson` beside the policy.
    pub(crate) fn open(py: Python<'_>, policy: PathBuf, state: Option<PathBuf>) -> PyResult<Self> {
        let engine = policy_file::load(&policy)?;
        let state = state.unwrap_or_else(|| policy.with_file_name(".gambeson"));
        let refused = |error: StateError| PyOSError::new_err(error.to_string());
        let state = StateDir::open(&state).map_err(refused)?;
        let sanctions = Sanctions::open(&state, Arc::default(), now_ms()).map_err(refused)?;
        let journal = Journal::open(state, log_settings(&engine)).map_err(refused)?;
        Ok(Self {
            policy,
            engine: RwLock::new(engine),
            buckets: Buckets::new(BUCKETS, Arc::default()),
            sanctions,
            epoch: Instant::now(),
            chance: Mutex::default(),
            pairs: Pairs::default(),
            journal,
            logger: py.import("logging")?.call_method1("getLogger", ("gambeson",))?.unbind(),
            keys: Keys::new(py),
        })
    }

    /// Says at start what of a policy is not, or not wholly, enforced here.
    pub(crate) fn introduce(&self, py: Python<'_>) {
        let gaps: Vec<String> = IN_PROCESS_GAPS.iter().map(|gap| format!("{}: {}", gap.name(), gap.why)).collect();
        let text = format!(
            "{}: inside the app's process the following is not enforced, or not in full; the gateway does. {}",
            self.policy.display(),
            gaps.join(" ")
        );
        self.log(py, "warning", &text);
    }

    pub(crate) const fn policy(&self) -> &PathBuf {
        &self.policy
    }

    /// The engine of the policy that holds now; a request keeps the one it began with.
    pub(crate) fn engine(&self) -> Engine {
        self.engine.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the policy again. A bad one changes nothing.
    pub(crate) fn reload(&self, py: Python<'_>) -> PyResult<()> {
        let engine = policy_file::load(&self.policy)?;
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = engine;
        // The next record opens the log with the new policy's settings.
        self.close(py);
        Ok(())
    }

    /// Now, and the chance of one exchange.
    pub(crate) fn moment(&self) -> PyResult<Moment> {
        let drawn = self.chance.lock().unwrap_or_else(PoisonError::into_inner).draw();
        let entropy = drawn.ok_or_else(|| PyRuntimeError::new_err("the system gave no random bytes"))?;
        Ok(Moment { now_ms: now_ms(), entropy })
    }

    /// Whether a client that shall be slow may come in now: a few at once, as a page needs them, then one each time.
    pub(crate) fn is_paced(&self, client: IpAddr, time: Duration) -> bool {
        let rate = Rate { count: AT_ONCE, period: time.saturating_mul(AT_ONCE) };
        let key = BucketKey { rule: u32::MAX, subject: Subject::customer(client) };
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        time.is_zero() || self.buckets.take(&key, rate, now).allowed
    }

    /// Answers what the engine asks.
    pub(crate) fn answers(&self, asks: &[Ask]) -> Vec<Answer> {
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        let answer = |ask: &Ask| match ask {
            Ask::Take { key, rate } => Answer::Taken(self.buckets.take(key, *rate, now)),
            // A ban outlives the process, and so is counted by the clock on the wall.
            Ask::Standing { subjects, shown, wait, pass } => self.sanctions.answer(subjects, shown, *wait, *pass, now_ms()),
        };
        asks.iter().map(answer).collect()
    }

    /// Writes an exchange down, if there is something to write down.
    pub(crate) fn record(&self, py: Python<'_>, finish: Finish, begun: Instant) {
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        for charge in finish.charges() {
            if let Some(sanction) = self.sanctions.charge(&charge, now_ms()) {
                let Sanction { id, rung, subject, reason, .. } = &sanction;
                self.log(py, "warning", &format!("{rung} of {subject}: {reason}; `gambeson bans lift {id}` ends it"));
            }
        }
        let Some(record) = finish.record(took) else { return };
        if let Err(error) = self.journal.record(record, || log_settings(&self.engine())) {
            self.log(py, "error", &format!("an exchange was not written to the audit log: {error}"));
        }
    }

    /// Writes what waits to the audit log's files.
    pub(crate) fn close(&self, py: Python<'_>) {
        py.detach(|| self.journal.close());
    }

    /// Says something through Python's `logging`. That logging itself fails is nobody's to hear.
    pub(crate) fn log(&self, py: Python<'_>, level: &str, text: &str) {
        let _unheard = self.logger.bind(py).call_method1(level, ("%s", text));
    }

    /// Says something with the traceback of an error.
    pub(crate) fn log_error(&self, py: Python<'_>, text: &str, error: &PyErr) {
        let arguments = PyDict::new(py);
        let set = arguments.set_item("exc_info", error.value(py));
        let _unheard = set.and_then(|()| self.logger.bind(py).call_method("error", ("%s", text), Some(&arguments)));
    }
}
