//! One serving process per state directory, and how the next one takes over.
//!
//! The claim is a lock on `serve.lock`, which the system releases however the process ends, so a crash leaves no
//! stale claim. The process id in it is for people. For a restart without a gap the old process hands its listeners
//! over, drops its claim and drains, while the new one waits in [`Claim::wait`].

use crate::state_dir::{StateDir, StateError, at};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::thread;
use std::time::{Duration, Instant};

const LOCK: &str = "serve.lock";
const POLL: Duration = Duration::from_millis(20);

/// The right to serve from a state directory, held until dropped.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

impl Claim {
    /// Claims the directory, waiting at most `patience` for the previous holder to let go. Blocks the thread.
    ///
    /// # Errors
    /// [`StateError::Busy`] when another process still holds it then, or what the system said.
    pub fn wait(dir: &StateDir, patience: Duration) -> Result<Self, StateError> {
        let start = Instant::now();
        loop {
            match Self::take(dir) {
                Err(StateError::Busy { .. }) if start.elapsed() < patience => thread::sleep(POLL),
                outcome => return outcome,
            }
        }
    }

    fn take(dir: &StateDir) -> Result<Self, StateError> {
        let path = dir.file(LOCK);
        let mut lock = dir.open_rw(LOCK)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::Busy { path: dir.path().to_owned(), pid: written_pid(&mut lock) });
            }
            Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        lock.set_len(0).map_err(at(&path))?;
        lock.write_all(format!("{}\n", std::process::id()).as_bytes()).map_err(at(&path))?;
        Ok(Self { _lock: lock })
    }
}

fn written_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_the_next_takes_over() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&folder.path().join("state")).unwrap();
        let old = Claim::take(&dir).unwrap();
        let text = Claim::wait(&dir, Duration::from_millis(50)).unwrap_err().to_string();
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        let next = thread::scope(|scope| {
            let next = scope.spawn(|| Claim::wait(&dir, Duration::from_secs(60)));
            drop(old);
            next.join().unwrap()
        });
        assert!(next.is_ok());
        assert!(Claim::take(&dir).is_err());
        drop(next);
    }
}
