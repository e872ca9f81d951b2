//! The files of the log, and reading lines from them with a limit.

use super::chain::LINE_BYTES_MAX;
use crate::state_dir::{StateDir, StateError, at, plain_file};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// The directory of the log in the state directory.
pub(super) const DIR: &str = "audit";

/// One file: it is named for the number of its first line, so the names tell order and completeness.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LogFile {
    pub(super) first: u64,
    pub(super) path: PathBuf,
}

impl LogFile {
    pub(super) fn new(logs: &StateDir, first: u64) -> Self {
        Self { first, path: logs.file(&format!("audit-{first:012}.jsonl")) }
    }

    /// Opens it for reading at an offset; `None` when it is gone: retention removes files at any time.
    pub(super) fn lines_from(&self, offset: u64) -> Result<Option<Lines>, StateError> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(at(&self.path))?,
        };
        plain_file(&self.path, &file)?;
        file.seek(SeekFrom::Start(offset)).map_err(at(&self.path))?;
        Ok(Some(Lines { path: self.path.clone(), reader: BufReader::with_capacity(64 * 1024, file), offset }))
    }
}

/// All files, oldest first. Other names are none of ours.
pub(super) fn list(logs: &StateDir) -> Result<Vec<LogFile>, StateError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(logs.path()).map_err(at(logs.path()))? {
        let name = entry.map_err(at(logs.path()))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl"));
        if let Some(first) = number.and_then(|number| number.parse().ok()) {
            files.push(LogFile::new(logs, first));
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a file line by line, never holding more than one line.
pub(super) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    offset: u64,
}

/// A line, without its line feed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole one.
    Whole(Vec<u8>),
    /// Longer than any line that was ever written; skipped.
    TooLong,
    /// The last one, without a line feed: being written, or cut off by a crash.
    Unfinished,
}

impl Lines {
    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line>, StateError> {
        let mut bytes = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes).map_err(at(&self.path))?;
        if bytes.pop_if(|last| *last == b'\n').is_some() {
            self.offset = self.offset.saturating_add(read as u64);
            return Ok(Some(Line::Whole(bytes)));
        }
        match read as u64 {
            0 => Ok(None),
            short if short < limit => Ok(Some(Line::Unfinished)),
            long => self.skip(long).map(Some),
        }
    }

    fn skip(&mut self, already: u64) -> Result<Line, StateError> {
        let rest = self.reader.skip_until(b'\n').map_err(at(&self.path))?;
        self.offset = self.offset.saturating_add(already).saturating_add(rest as u64);
        Ok(Line::TooLong)
    }

    /// Where the next line begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }
}
