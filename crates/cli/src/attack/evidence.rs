//! The audit log as the attacks ask for it.

use super::process::Scratch;
use crate::Failure;
use gambeson_attack::Evidence;
use gambeson_store::{
    audit::{LogReader, verify},
    state_dir::StateDir,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

/// A record is written beside the answer, not before it: how long it may take to appear.
const APPEARS: Duration = Duration::from_secs(2);

/// Files of a state directory are never larger; a copy of more would be a mistake.
const COPY_BYTES_MAX: u64 = 1 << 30;

/// The log in a state directory.
pub(crate) struct Log {
    state: PathBuf,
}

impl Log {
    /// Opens the log of a state directory.
    pub(crate) fn open(state: &Path) -> crate::Result<Self> {
        StateDir::open(state).map_err(|error| Failure::new(error.to_string()))?;
        Ok(Self { state: state.to_owned() })
    }
}

impl Evidence for Log {
    fn record(&self, reference: &str) -> Result<Option<String>, String> {
        let state = StateDir::open(&self.state).map_err(text)?;
        let reader = LogReader::open(&state).map_err(text)?;
        let begun = Instant::now();
        loop {
            let found = reader.find(reference).map_err(text)?;
            if let Some(entry) = found.first() {
                return serde_json::to_string(&entry.event).map(Some).map_err(text);
            }
            if begun.elapsed() > APPEARS {
                return Ok(None);
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn verify(&self) -> Result<u64, String> {
        verified(&self.state)
    }

    fn verify_altered(&self) -> Result<u64, String> {
        let copy = Scratch::new().map_err(text)?;
        copy_folder(&self.state, copy.path()).map_err(text)?;
        alter(&copy.path().join("audit")).map_err(text)?;
        verified(copy.path())
    }

    fn contains(&self, needle: &[u8]) -> Result<bool, String> {
        any_file(&self.state, &mut |path| Ok(fs::read(path)?.windows(needle.len()).any(|window| window == needle))).map_err(text)
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn verified(state: &Path) -> Result<u64, String> {
    let found = verify(&StateDir::open(state).map_err(text)?).map_err(text)?;
    match found.problems.first() {
        None => Ok(found.lines),
        Some(problem) => Err(format!("{} line {}: {}", problem.file, problem.line, problem.what)),
    }
}

/// Changes one digit in the middle of the last log file.
fn alter(logs: &Path) -> io::Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir(logs)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let file = files.last().ok_or(io::ErrorKind::NotFound)?;
    let mut bytes = fs::read(file)?;
    let middle = bytes.len() / 2;
    let digit = bytes.iter_mut().skip(middle).find(|byte| byte.is_ascii_digit()).ok_or(io::ErrorKind::InvalidData)?;
    *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
    fs::write(file, bytes)
}

/// Whether `test` holds for any file below a folder.
fn any_file(folder: &Path, test: &mut dyn FnMut(&Path) -> io::Result<bool>) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let found = if kind.is_dir() { any_file(&entry.path(), test)? } else { kind.is_file() && test(&entry.path())? };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    let mut left = COPY_BYTES_MAX;
    any_file(from, &mut |path| {
        let size = fs::metadata(path)?.len();
        left = left.checked_sub(size).ok_or(io::ErrorKind::FileTooLarge)?;
        let place = to.join(path.strip_prefix(from).map_err(io::Error::other)?);
        if let Some(folder) = place.parent() {
            private_folder(folder)?;
        }
        fs::copy(path, &place).map(|_| false)
    })
    .map(drop)
}

/// A folder with its missing parents, for our account only.
pub(super) fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
