//! Checking the whole log: every line's hash, every link, every file border, and the end.

use super::chain::{ChainKey, Hash, Link, Sealed};
use super::event::Event;
use super::files::{DIR, Line, LogFile, list};
use super::head::{Head, HeadFile};
use crate::state_dir::{StateDir, StateError, at};
use serde::Serialize;
use std::fs;

/// What checking the log found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Files read.
    pub files: usize,
    /// Sound lines read.
    pub lines: u64,
    /// The number of the first line there is: above 1 when retention removed older files.
    pub first: u64,
    /// The number of the last line.
    pub last: u64,
    /// Records that never reached the log, as the log itself says.
    pub lost: u64,
    /// How often the log went on after a crash or damage, as it says itself.
    pub recovered: u64,
    /// What is wrong, in order. Empty: nobody changed, removed, inserted or reordered a line.
    pub problems: Vec<Problem>,
}

/// Something wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// In which file.
    pub file: String,
    /// In which line of it, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What.
    pub what: String,
}

/// More problems than these say nothing new.
const PROBLEMS_MAX: usize = 100;

/// Checks the log in a state directory. Writers go on meanwhile; what they add is not looked at.
///
/// # Errors
/// When something cannot be read. What is wrong with the log's content is no error but a [`Problem`].
pub fn verify(state: &StateDir) -> Result<Verification, StateError> {
    let (key, logs) = (ChainKey::load(state)?, state.subdir(DIR)?);
    let (head, files) = snapshot(state, &logs)?;
    let mut check = Check { key, head, last: None, oldest_due: None, found: Verification::default() };
    let newest = files.last().map(|(log, _)| log);
    for (log, length) in &files {
        if *length == 0 && newest != Some(log) {
            check.unsound(log, 0, "is empty: its lines are missing");
        }
        check.file(log, *length)?;
    }
    check.end(files.first().map(|(log, _)| log), newest);
    Ok(check.found)
}

/// The head, and the files with their lengths.
type Snapshot = (Option<Head>, Vec<(LogFile, u64)>);

/// Taken under the lock, when no line is half written.
fn snapshot(state: &StateDir, logs: &StateDir) -> Result<Snapshot, StateError> {
    let head = HeadFile::open(state)?;
    let locked = head.lock()?;
    let with_length = |log: LogFile| {
        let length = fs::metadata(&log.path).map_err(at(&log.path))?.len();
        Ok((log, length))
    };
    let files = list(logs)?.into_iter().map(with_length).collect::<Result<_, StateError>>()?;
    Ok((locked.read()?, files))
}

struct Check {
    key: ChainKey,
    head: Option<Head>,
    /// The last sound line; `None` at the start and after a line that was not sound.
    last: Option<Link>,
    /// The oldest file that the newest file says is kept.
    oldest_due: Option<u64>,
    found: Verification,
}

impl Check {
    fn file(&mut self, log: &LogFile, length: u64) -> Result<(), StateError> {
        let Some(mut lines) = log.lines_from(0)? else {
            return Ok(());
        };
        self.found.files += 1;
        let mut number = 0;
        while lines.offset() < length {
            let Some(line) = lines.next()? else { break };
            number += 1;
            match line {
                Line::Whole(bytes) => match self.key.open(&bytes) {
                    Some(sealed) => self.sound(log, number, &sealed),
                    None => self.unsound(log, number, "was changed, or not written by Gambeson"),
                },
                Line::TooLong => self.unsound(log, number, "is longer than any line Gambeson writes"),
                Line::Unfinished => {
                    self.unsound(log, number, "is unfinished: the writer was cut off (the next start repairs that)");
                    break;
                }
            }
        }
        Ok(())
    }

    fn sound(&mut self, log: &LogFile, number: u64, sealed: &Sealed) {
        self.follows(log, number, sealed.link.seq, &sealed.prev);
        match &sealed.entry.event {
            Event::Opened { oldest, .. } => self.oldest_due = Some(*oldest),
            Event::Lost { count, .. } => self.found.lost = self.found.lost.saturating_add(*count),
            Event::Recovered { .. } => self.found.recovered += 1,
            Event::Exchange(_) | Event::Notice { .. } => {}
        }
        if number == 1 && sealed.link.seq != log.first {
            self.problem(
                log,
                1,
                format!("is line {} of the log: the file was renamed or its beginning removed", sealed.link.seq),
            );
        }
        if self.found.lines == 0 {
            self.found.first = sealed.link.seq;
        }
        self.found.lines += 1;
        self.found.last = sealed.link.seq;
        self.last = Some(sealed.link);
    }

    fn follows(&mut self, log: &LogFile, number: u64, seq: u64, prev: &Hash) {
        let Some(last) = self.last else { return };
        if seq == last.seq.saturating_add(1) && *prev == last.hash {
            return;
        }
        let what = match seq.checked_sub(last.seq) {
            Some(0) | None => format!("is line {seq} of the log and comes after line {}: moved or repeated", last.seq),
            Some(1) => format!("does not follow from line {} of the log: that one was replaced", last.seq),
            Some(_) => format!("is line {seq} of the log: lines {} to {} are missing", last.seq + 1, seq - 1),
        };
        self.problem(log, number, what);
    }

    fn unsound(&mut self, log: &LogFile, number: u64, what: &str) {
        self.problem(log, number, what.to_owned());
        self.last = None;
    }

    fn problem(&mut self, log: &LogFile, line: u64, what: String) {
        if self.found.problems.len() < PROBLEMS_MAX {
            let file = log.path.display().to_string();
            self.found.problems.push(Problem { file, line, what });
        }
    }

    fn end(&mut self, first: Option<&LogFile>, newest: Option<&LogFile>) {
        let missing = |from: u64, to: u64| format!("lines {from} to {to} of the log, the last ones, are missing");
        match (self.head, newest) {
            (Some(head), Some(newest)) if self.found.last < head.link.seq => {
                self.problem(newest, 0, missing(self.found.last + 1, head.link.seq));
            }
            (Some(head), None) => {
                let what = missing(1, head.link.seq);
                self.found.problems.push(Problem { file: DIR.to_owned(), line: 0, what });
            }
            _ => {}
        }
        if let (Some(first), Some(due)) = (first, self.oldest_due)
            && first.first > due
        {
            self.problem(first, 0, format!("is the oldest file, but the one that begins with line {due} should still be there"));
        }
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
