//! Where the log ends: a small file beside the key, which is also the lock between processes that append.
//!
//! A chain alone does not show that its *end* was cut off. The head does: it lies outside the log's directory, so
//! whoever can only write the log cannot wind it back. It is written after the lines, so a crash leaves it behind the
//! log, never ahead.

use super::chain::{Link, decode, encode};
use crate::state_dir::{StateDir, StateError, at};
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

const HEAD_FILE: &str = "audit.head";
/// Three numbers of 20 digits, a hash of 43 characters, three spaces and a line feed.
const HEAD_BYTES: usize = 3 * 20 + 43 + 4;
/// Appending takes microseconds; a holder that keeps the lock this long is stopped or broken, and that is reported.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(2);

/// Where the log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of the first line of the last file.
    pub(super) file: u64,
    /// The length of that file.
    pub(super) bytes: u64,
    /// Its last line.
    pub(super) link: Link,
}

/// The head file.
#[derive(Debug)]
pub(super) struct HeadFile {
    path: PathBuf,
    file: File,
}

/// The exclusive right to append, until dropped.
pub(super) struct Locked<'f>(&'f HeadFile);

impl HeadFile {
    pub(super) fn open(state: &StateDir) -> Result<Self, StateError> {
        Ok(Self { path: state.file(HEAD_FILE), file: state.open_rw(HEAD_FILE)? })
    }

    pub(super) fn lock(&self) -> Result<Locked<'_>, StateError> {
        let start = Instant::now();
        loop {
            match self.file.try_lock() {
                Ok(()) => return Ok(Locked(self)),
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => thread::sleep(POLL),
                Err(error) => return Err(at(&self.path)(error.into())),
            }
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Closing the file would release it too.
        let _released = self.0.file.unlock();
    }
}

impl Locked<'_> {
    /// The head; `None` when there is none yet, or it is damaged.
    pub(super) fn read(&self) -> Result<Option<Head>, StateError> {
        let mut bytes = [0; HEAD_BYTES];
        match self.0.file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(at(&self.0.path)(error)),
            Ok(()) => Ok(str::from_utf8(&bytes).ok().and_then(parse)),
        }
    }

    /// Replaces the head, in place: one write within one page.
    pub(super) fn write(&self, head: Head) -> Result<(), StateError> {
        let Head { file, bytes, link } = head;
        let text = format!("{file:020} {bytes:020} {:020} {}\n", link.seq, encode(&link.hash));
        self.0.file.write_all_at(text.as_bytes(), 0).map_err(at(&self.0.path))
    }
}

fn parse(text: &str) -> Option<Head> {
    let mut fields = text.strip_suffix('\n')?.split(' ');
    let mut number = || fields.next()?.parse().ok();
    let (file, bytes, seq) = (number()?, number()?, number()?);
    let hash = decode(fields.next()?)?;
    Some(Head { file, bytes, link: Link { seq, hash } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_damage_is_no_head() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("state")).unwrap();
        let file = HeadFile::open(&state).unwrap();
        let locked = file.lock().unwrap();
        assert_eq!(locked.read().unwrap(), None);
        let head = Head { file: 1, bytes: u64::MAX, link: Link { seq: 7, hash: [9; 32] } };
        locked.write(head).unwrap();
        assert_eq!(locked.read().unwrap(), Some(head));
        std::fs::write(state.file(HEAD_FILE), [b'x'; HEAD_BYTES]).unwrap();
        assert_eq!(locked.read().unwrap(), None);
    }
}
