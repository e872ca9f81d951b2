//! The audit log of this process, opened again after a fork.
//!
//! Servers load an app and then fork (gunicorn's `--preload`). A thread does not live on in the child, so each process
//! opens the log for itself when it first has something to write; the log takes lines from several processes.

use gambeson_core::record::Record;
use gambeson_store::{
    audit::{AuditLog, Event, Settings},
    metrics::Metrics,
    state_dir::{StateDir, StateError},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) struct Journal {
    state: StateDir,
    log: Mutex<Option<Opened>>,
}

struct Opened {
    log: AuditLog,
    process: u32,
}

impl Journal {
    /// Makes sure that the log can be written, and leaves no thread behind: a fork may follow.
    pub(crate) fn open(state: StateDir, settings: Settings) -> Result<Self, StateError> {
        open(&state, settings)?.close();
        Ok(Self { state, log: Mutex::new(None) })
    }

    fn log(&self) -> MutexGuard<'_, Option<Opened>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a record to the log's thread, which is begun with these settings if it is not there.
    pub(crate) fn record(&self, record: Box<Record>, settings: impl FnOnce() -> Settings) -> Result<(), StateError> {
        let process = std::process::id();
        let mut log = self.log();
        if log.as_ref().is_none_or(|opened| opened.process != process) {
            // The parent's: its thread is not here to be waited for.
            std::mem::forget(log.take());
            *log = Some(Opened { log: open(&self.state, settings())?, process });
        }
        if let Some(opened) = &*log {
            opened.log.record(Event::Exchange(record));
        }
        Ok(())
    }

    /// Writes what waits and ends the thread; the next record opens the log again.
    pub(crate) fn close(&self) {
        match self.log().take() {
            Some(opened) if opened.process == std::process::id() => opened.log.close(),
            inherited => std::mem::forget(inherited),
        }
    }
}

fn open(state: &StateDir, settings: Settings) -> Result<AuditLog, StateError> {
    AuditLog::open(state, settings, Arc::new(Metrics::default()))
}
