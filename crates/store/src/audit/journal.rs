//! Appending to the log: from one process or several, through rotation, crashes and full disks.
//!
//! Every batch is appended under the lock of the head file, in one write. When the log is not as this process left it,
//! another process appended, or something is wrong, and it is looked at afresh. Damage is never repaired away: an
//! unfinished last line is cut and that is recorded; anything else stays as it is, and a new file begins with the
//! record of what was found.

use super::chain::{ChainKey, LINE_BYTES_MAX, Link};
use super::event::Event;
use super::files::{DIR, LogFile, list};
use super::head::{Head, HeadFile, Locked};
use crate::state_dir::{StateDir, StateError, at, plain_file, sync_dir};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::sync::Arc;

/// How large the log may become.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A file that has reached this many bytes is followed by a new one.
    pub file_bytes_max: u64,
    /// At most this many files are kept, the oldest go first.
    pub files_max: usize,
}

impl Default for Limits {
    /// One gibibyte in all: about two million refusals.
    fn default() -> Self {
        Self { file_bytes_max: 64 * 1024 * 1024, files_max: 16 }
    }
}

/// The log, open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    key: ChainKey,
    logs: StateDir,
    head: Arc<HeadFile>,
    limits: Limits,
    current: Option<Current>,
    /// What was found wrong and is not recorded yet.
    found: Vec<Event>,
    /// How much was found wrong and not asked for yet.
    repaired: u64,
}

/// The last file, as this process left it.
#[derive(Debug)]
struct Current {
    log: LogFile,
    file: File,
    head: Head,
}

impl Journal {
    pub(super) fn open(state: &StateDir, limits: Limits) -> Result<Self, StateError> {
        let key = ChainKey::load(state)?;
        let head = Arc::new(HeadFile::open(state)?);
        Ok(Self { key, logs: state.subdir(DIR)?, head, limits, current: None, found: Vec::new(), repaired: 0 })
    }

    /// Other limits from now on.
    pub(super) const fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Appends events, given as JSON: all of them or, on an error, none.
    pub(super) fn append(&mut self, time: &str, events: &[String]) -> Result<(), StateError> {
        let head = Arc::clone(&self.head);
        let locked = head.lock()?;
        let mut current = match self.current.take() {
            Some(current) if current.is_as_left(&locked)? => current,
            _ => self.find_end(&locked)?,
        };
        if current.head.bytes >= self.limits.file_bytes_max {
            current.file.sync_data().map_err(at(&current.log.path))?;
            current = self.begin(current.head.link)?;
        }
        let begun = current.head.bytes == 0;
        self.write(&locked, &mut current, time, events)?;
        if begun {
            self.remove_oldest()?;
        }
        self.current = Some(current);
        Ok(())
    }

    /// Makes what was appended survive a power cut.
    pub(super) fn sync(&self) -> Result<(), StateError> {
        match &self.current {
            Some(current) => current.file.sync_data().map_err(at(&current.log.path)),
            None => Ok(()),
        }
    }

    fn write(&mut self, locked: &Locked<'_>, current: &mut Current, time: &str, events: &[String]) -> Result<(), StateError> {
        let mut own = Vec::new();
        if current.head.bytes == 0 {
            own.push(Event::Opened { process: std::process::id(), oldest: self.oldest_kept()? });
        }
        own.append(&mut self.found.clone());
        let own = own.iter().filter_map(|event| event.to_line().ok());
        let (mut lines, mut link) = (String::new(), current.head.link);
        for event in own.chain(events.iter().cloned()) {
            link = self.key.seal(link, time, &event, &mut lines);
        }
        let bytes = current.head.bytes.saturating_add(lines.len() as u64);
        let head = Head { bytes, link, ..current.head };
        let written = current.file.write_all(lines.as_bytes()).map_err(at(&current.log.path));
        if let Err(error) = written.and_then(|()| locked.write(head)) {
            // Half a batch must not stay. Should this fail too, the half line is found and recorded later.
            let _cut = current.file.set_len(current.head.bytes);
            return Err(error);
        }
        current.head = head;
        self.found.clear();
        Ok(())
    }

    /// Finds where the log ends, and what happened to it since it was last left.
    fn find_end(&mut self, locked: &Locked<'_>) -> Result<Current, StateError> {
        let head = locked.read()?;
        while let Some(log) = list(&self.logs)?.pop() {
            let file = OpenOptions::new().read(true).append(true).open(&log.path).map_err(at(&log.path))?;
            plain_file(&log.path, &file)?;
            let length = file.metadata().map_err(at(&log.path))?.len();
            if let Some(head) = head.filter(|head| (head.file, head.bytes) == (log.first, length)) {
                return Ok(Current { log, file, head });
            }
            let end = self.last_line(&log, &file, length)?;
            let begun = head.is_some_and(|head| head.file == log.first && head.bytes > 0);
            if end.bytes == 0 && !begun {
                // Empty, or half a line, and never counted as written: a crash right after rotation.
                self.note_cut(length);
                fs::remove_file(&log.path).map_err(at(&log.path))?;
                continue;
            }
            return self.go_on(head, log, file, length, end);
        }
        if let Some(head) = head {
            self.note("every file of the log is gone", head.link.seq);
        }
        self.begin(head.map_or(Link::START, |head| head.link))
    }

    /// Goes on after the last whole line when it is at or after the head; in a new file when it is not.
    fn go_on(&mut self, head: Option<Head>, log: LogFile, file: File, length: u64, end: End) -> Result<Current, StateError> {
        let known = head.map_or(Link::START, |head| head.link);
        let follows = |link: &Link| link.seq > known.seq || *link == known;
        if let Some(link) = end.link.filter(follows) {
            if head.is_none() {
                self.note("the record of where the log ends was gone", 0);
            }
            if end.bytes < length {
                file.set_len(end.bytes).map_err(at(&log.path))?;
                self.note_cut(length.saturating_sub(end.bytes));
            }
            let head = Head { file: log.first, bytes: end.bytes, link };
            return Ok(Current { log, file, head });
        }
        let last = end.link.map_or(0, |link| link.seq);
        match end.link {
            Some(_) => self.note("lines at the end of the log are missing", known.seq.saturating_sub(last)),
            None => self.note("the last line of the log was changed", 0),
        }
        // Never a number twice: after the file that is there, too.
        let seq = known.seq.max(last).max(log.first);
        self.begin(Link { seq, hash: known.hash })
    }

    /// The last whole line of a file.
    fn last_line(&self, log: &LogFile, file: &File, length: u64) -> Result<End, StateError> {
        let from = length.saturating_sub(2 * LINE_BYTES_MAX as u64);
        let mut bytes = vec![0; usize::try_from(length.saturating_sub(from)).unwrap_or(0)];
        file.read_exact_at(&mut bytes, from).map_err(at(&log.path))?;
        let Some(feed) = bytes.iter().rposition(|b| *b == b'\n') else {
            // All of a short file is one unfinished line; a long one is none of ours, and stays.
            return Ok(End { bytes: from, link: None });
        };
        let whole = bytes.get(..feed).unwrap_or_default();
        let line = whole.rsplit(|b| *b == b'\n').next().unwrap_or_default();
        let link = self.key.open(line).map(|sealed| sealed.link);
        Ok(End { bytes: from.saturating_add(feed as u64).saturating_add(1), link })
    }

    /// How often it was found damaged since this was last asked.
    pub(super) const fn repaired(&mut self) -> u64 {
        std::mem::replace(&mut self.repaired, 0)
    }

    fn note(&mut self, why: &str, missing: u64) {
        self.repaired += 1;
        self.found.push(Event::Recovered { why: why.to_owned(), cut_bytes: 0, missing });
    }

    fn note_cut(&mut self, cut_bytes: u64) {
        if cut_bytes > 0 {
            self.repaired += 1;
            self.found.push(Event::Recovered { why: "the last line was unfinished".to_owned(), cut_bytes, missing: 0 });
        }
    }

    /// Begins the file of the line after `last`.
    fn begin(&self, last: Link) -> Result<Current, StateError> {
        let log = LogFile::new(&self.logs, last.seq.saturating_add(1));
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create_new(true).mode(0o600).open(&log.path).map_err(at(&log.path))?;
        sync_dir(self.logs.path()).map_err(at(&log.path))?;
        let head = Head { file: log.first, bytes: 0, link: last };
        Ok(Current { log, file, head })
    }

    /// How many of the oldest files retention removes.
    fn surplus(&self, files: &[LogFile]) -> usize {
        files.len().saturating_sub(self.limits.files_max.max(1))
    }

    fn oldest_kept(&self) -> Result<u64, StateError> {
        let files = list(&self.logs)?;
        Ok(files.get(self.surplus(&files)).map_or(1, |log| log.first))
    }

    /// After the new file says which files are kept: a crash in between leaves one file too many, not one too few.
    fn remove_oldest(&self) -> Result<(), StateError> {
        let files = list(&self.logs)?;
        for log in files.iter().take(self.surplus(&files)) {
            fs::remove_file(&log.path).map_err(at(&log.path))?;
        }
        Ok(())
    }
}

/// The last whole line of a file.
struct End {
    /// Where it ends.
    bytes: u64,
    /// Its place in the chain; `None` when it is not as it was written.
    link: Option<Link>,
}

impl Current {
    /// Whether nobody else appended to, replaced or removed the file.
    fn is_as_left(&self, locked: &Locked<'_>) -> Result<bool, StateError> {
        let found = self.file.metadata().map_err(at(&self.log.path))?;
        Ok(found.nlink() > 0 && found.len() == self.head.bytes && locked.read()? == Some(self.head))
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
pub(super) mod tests;
