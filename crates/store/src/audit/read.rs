//! Reading the log: its end, one record, and what is added.

use super::chain::Entry;
use super::event::Event;
use super::files::{DIR, Line, LogFile, list};
use crate::state_dir::{StateDir, StateError};
use memchr::memmem;
use std::collections::VecDeque;

/// At most this many entries are read in one step while following.
const STEP_MAX: usize = 1000;

/// The log, open for reading. Lines that cannot be read are skipped: [`super::verify`] names them.
#[derive(Clone, Debug)]
pub struct LogReader {
    logs: StateDir,
}

impl LogReader {
    /// Opens the log of a state directory.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(state: &StateDir) -> Result<Self, StateError> {
        Ok(Self { logs: state.subdir(DIR)? })
    }

    /// The last `count` entries, oldest first, and the place to follow from.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn tail(&self, count: usize) -> Result<(Vec<Entry>, Follow), StateError> {
        let (mut last, mut follow) = (VecDeque::new(), Follow { logs: self.logs.clone(), file: 0, offset: 0 });
        let files = list(&self.logs)?;
        for (position, log) in files.iter().rev().enumerate() {
            let offset = newest(log, count.saturating_sub(last.len()), &mut last)?;
            if position == 0 {
                follow = Follow { logs: self.logs.clone(), file: log.first, offset };
            }
            if last.len() >= count {
                break;
            }
        }
        Ok((last.iter().filter_map(|line: &Vec<u8>| parse(line)).collect(), follow))
    }

    /// The entries of the exchange with this reference id, oldest first.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn find(&self, id: &str) -> Result<Vec<Entry>, StateError> {
        let needle = memmem::Finder::new(id.as_bytes());
        for log in list(&self.logs)?.iter().rev() {
            let mut found = Vec::new();
            let Some(mut lines) = log.lines_from(0)? else { continue };
            while let Some(line) = lines.next()? {
                let Line::Whole(bytes) = line else { continue };
                let entry = needle.find(&bytes).and_then(|_| parse(&bytes));
                found.extend(entry.filter(|entry| matches!(&entry.event, Event::Exchange(record) if record.id == id)));
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }
}

/// Puts the last `count` whole lines of a file in front of `last`; returns where the file ends.
fn newest(log: &LogFile, count: usize, last: &mut VecDeque<Vec<u8>>) -> Result<u64, StateError> {
    let mut window = VecDeque::new();
    let Some(mut lines) = log.lines_from(0)? else { return Ok(0) };
    while let Some(line) = lines.next()? {
        let Line::Whole(bytes) = line else { continue };
        window.push_back(bytes);
        if window.len() > count {
            window.pop_front();
        }
    }
    window.into_iter().rev().for_each(|line| last.push_front(line));
    Ok(lines.offset())
}

fn parse(line: &[u8]) -> Option<Entry> {
    serde_json::from_slice(line).ok()
}

/// A place in the log from which to go on reading.
#[derive(Clone, Debug)]
pub struct Follow {
    logs: StateDir,
    file: u64,
    offset: u64,
}

impl Follow {
    /// What was added since the last call, at most a thousand entries; empty when nothing was.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn step(&mut self) -> Result<Vec<Entry>, StateError> {
        let mut added = Vec::new();
        let files = list(&self.logs)?;
        let from = files.partition_point(|log| log.first < self.file);
        for log in files.iter().skip(from) {
            let offset = if log.first == self.file { self.offset } else { 0 };
            let Some(mut lines) = log.lines_from(offset)? else { continue };
            while added.len() < STEP_MAX {
                let Some(line) = lines.next()? else { break };
                match line {
                    Line::Whole(bytes) => added.extend(parse(&bytes)),
                    Line::TooLong => {}
                    Line::Unfinished => break,
                }
            }
            (self.file, self.offset) = (log.first, lines.offset());
            if added.len() >= STEP_MAX {
                break;
            }
        }
        Ok(added)
    }
}
