//! Reading recorded requests back. A file may have been edited, cut or copied from elsewhere: what is no request is said, and passed over.

use super::Line;
use crate::state_dir::StateError;
use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

/// A line is never longer: a request's head and the beginning of its body.
pub(super) const LINE_BYTES_MAX: usize = 4 << 20;

pub(super) const DIR: &str = "traffic";

/// The recorded files of a state directory, oldest first.
///
/// # Errors
/// When the directory cannot be read; there is none until something was recorded.
pub fn files(state: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(numbered(&state.join(DIR))?.into_iter().map(|(_, path)| path).collect())
}

/// The files with their numbers, in order. Other names are none of ours.
pub(super) fn numbered(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix("traffic-")?.strip_suffix(".jsonl"));
        found.extend(number.and_then(|number| number.parse().ok()).map(|number| (number, path)));
    }
    found.sort();
    Ok(found)
}

/// What is no recorded request.
#[derive(Debug)]
pub enum Unreadable {
    /// This line, counted from 1.
    Line(u64),
    /// The file cannot be read any further.
    Disk(io::Error),
}

/// The lines of one file.
#[derive(Debug)]
pub struct Requests {
    reader: BufReader<File>,
    line: u64,
    is_over: bool,
}

impl Requests {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let file = File::open(path).map_err(crate::state_dir::at(path))?;
        Ok(Self { reader: BufReader::with_capacity(64 * 1024, file), line: 0, is_over: false })
    }

    /// The next line, of bounded length; `None` at the end.
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.pop_if(|last| *last == b'\n').is_none() && read as u64 == limit {
            self.reader.skip_until(b'\n')?;
            bytes.clear();
        }
        Ok((read > 0).then_some(bytes))
    }
}

impl Iterator for Requests {
    type Item = Result<Line, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let bytes = match self.read() {
            Ok(bytes) => bytes?,
            Err(error) => {
                self.is_over = true;
                return Some(Err(Unreadable::Disk(error)));
            }
        };
        self.line += 1;
        Some(serde_json::from_slice(&bytes).map_err(|_| Unreadable::Line(self.line)))
    }
}
