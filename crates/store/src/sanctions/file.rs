//! The bans, in a file of the state directory: one line of JSON for each that is made or lifted.
//!
//! It is what processes share that serve from one directory: each appends what it does and reads what others did. A lock keeps
//! writers apart; a line that was cut off or is no JSON is skipped and the rest still holds.

use super::SLACK_MS;
use crate::state_dir::{StateDir, StateError, at, plain_file};
use gambeson_core::{
    sanction::{Rung, Sanction},
    store::Subject,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

const FILE: &str = "bans.ndjson";
const LOCK: &str = "bans.lock";
/// More is not read of it: some hundred thousand bans.
const BYTES_MAX: u64 = 32 << 20;
/// A line of ours is shorter.
const LINE_BYTES_MAX: usize = 4096;
/// When it has grown so much, and to twice what was needed the last time, what is over is dropped from it.
const COMPACT_BYTES: u64 = 1 << 20;
/// More bans are not kept; those that end first go. They fit into [`BYTES_MAX`].
const BANS_MAX: usize = 1 << 16;
/// No sanction is longer, whatever a line says.
const LONGEST_MS: u64 = 10 * 366 * 86_400_000;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    /// A ban was made.
    Ban(Sanction),
    /// The sanction of this id, or all of this network, were lifted.
    Lift(String),
}

impl Line {
    fn anchored(mut self, now_ms: u64) -> Self {
        if let Self::Ban(sanction) = &mut self {
            anchor(sanction, now_ms);
        }
        self
    }
}

/// What is new in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// The file was written anew: kept bans that are not in `lines` are over.
    pub(super) is_whole: bool,
    pub(super) lines: Vec<Line>,
}

/// The file, and how far it was read.
#[derive(Debug)]
pub struct BanFile {
    dir: StateDir,
    read: Mutex<Option<Place>>,
    /// From what length on it is written anew: a long list must not be, for each ban that is added.
    compact_at: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    inode: u64,
    offset: u64,
}

impl BanFile {
    /// The file of a state directory; it need not be there.
    #[must_use]
    pub fn new(dir: StateDir) -> Self {
        Self { dir, read: Mutex::new(None), compact_at: AtomicU64::new(COMPACT_BYTES) }
    }

    /// The bans in force, the one that ends first before the others.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bans(&self, now_ms: u64) -> Result<Vec<Sanction>, StateError> {
        let bytes = self.open()?.map(|file| self.rest(file, 0)).transpose()?.unwrap_or_default();
        let mut live: Vec<_> = live(lines(&bytes), now_ms).into_values().collect();
        live.sort_by_key(|sanction| sanction.until_ms);
        Ok(live)
    }

    /// Adds a ban.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn ban(&self, sanction: &Sanction, now_ms: u64) -> Result<(), StateError> {
        self.append(&Line::Ban(sanction.clone()), now_ms)
    }

    /// Lifts the sanction of this id, or all of a network.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn lift(&self, what: &str, now_ms: u64) -> Result<(), StateError> {
        self.append(&Line::Lift(what.to_owned()), now_ms)
    }

    fn append(&self, line: &Line, now_ms: u64) -> Result<(), StateError> {
        let path = self.dir.file(FILE);
        let mut text = serde_json::to_string(line).map_err(io::Error::other).map_err(at(&path))?;
        text.push('\n');
        let _lock = self.lock()?;
        let mut file = self.dir.open_rw(FILE)?;
        // What a crash cut off must not swallow this line.
        if file.seek(SeekFrom::End(0)).map_err(at(&path))? > 0 && !ends_whole(&mut file).map_err(at(&path))? {
            text.insert(0, '\n');
        }
        file.seek(SeekFrom::End(0)).and_then(|_| file.write_all(text.as_bytes())).map_err(at(&path))?;
        if file.metadata().map_err(at(&path))?.len() > self.compact_at.load(Relaxed) { self.compact(now_ms) } else { Ok(()) }
    }

    /// What was added since the last call, by whomever.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn news(&self) -> Result<News, StateError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = self.open()? else {
            let is_whole = read.take().is_some();
            return Ok(News { is_whole, lines: Vec::new() });
        };
        let found = file.metadata().map_err(at(&self.dir.file(FILE)))?;
        let known = read.filter(|place| place.inode == found.ino() && place.offset <= found.len());
        let offset = known.map_or(0, |place| place.offset);
        if known.is_some() && offset == found.len() {
            return Ok(News::default());
        }
        let bytes = self.rest(file, offset)?;
        // A line that is still being written is read the next time.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        *read = Some(Place { inode: found.ino(), offset: offset + whole as u64 });
        Ok(News { is_whole: known.is_none(), lines: lines(bytes.get(..whole).unwrap_or_default()).collect() })
    }

    /// Drops what is over, when the process starts.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(super) fn tidy(&self, now_ms: u64) -> Result<(), StateError> {
        if self.open()?.is_none() {
            return Ok(());
        }
        let _lock = self.lock()?;
        self.compact(now_ms)
    }

    /// To be called with the lock held.
    fn compact(&self, now_ms: u64) -> Result<(), StateError> {
        let bytes = self.open()?.map(|file| self.rest(file, 0)).transpose()?.unwrap_or_default();
        let mut text = String::new();
        for sanction in longest(live(lines(&bytes), now_ms)) {
            if let Ok(line) = serde_json::to_string(&Line::Ban(sanction)) {
                text.push_str(&line);
                text.push('\n');
            }
        }
        self.compact_at.store(COMPACT_BYTES.max(text.len() as u64 * 2), Relaxed);
        if text.as_bytes() == bytes { Ok(()) } else { self.dir.write(FILE, text.as_bytes()) }
    }

    fn open(&self) -> Result<Option<File>, StateError> {
        let path = self.dir.file(FILE);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => {
                let file = other.map_err(at(&path))?;
                plain_file(&path, &file)?;
                Ok(Some(file))
            }
        }
    }

    fn rest(&self, mut file: File, offset: u64) -> Result<Vec<u8>, StateError> {
        let mut bytes = Vec::new();
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(BYTES_MAX).read_to_end(&mut bytes));
        read.map_err(at(&self.dir.file(FILE)))?;
        Ok(bytes)
    }

    fn lock(&self) -> Result<File, StateError> {
        let lock = self.dir.open_rw(LOCK)?;
        lock.lock().map_err(at(&self.dir.file(LOCK)))?;
        Ok(lock)
    }
}

fn ends_whole(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}

/// The lines that say something that can be.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Line> {
    let short = bytes.split(|byte| *byte == b'\n').filter(|line| line.len() <= LINE_BYTES_MAX);
    short.filter_map(|line| serde_json::from_slice(line).ok()).filter(is_sound)
}

fn is_sound(line: &Line) -> bool {
    match line {
        Line::Ban(sanction) => {
            let length = sanction.until_ms.checked_sub(sanction.since_ms);
            matches!(sanction.subject, Subject::Network(_) | Subject::Allocation(_))
                && sanction.rung == Rung::Ban
                && length.is_some_and(|length| length <= LONGEST_MS)
        }
        Line::Lift(_) => true,
    }
}

/// A sanction that began later than now was made by a clock that went wrong: it lasts as long as it was meant to, from now on.
pub(super) fn anchor(sanction: &mut Sanction, now_ms: u64) {
    if sanction.since_ms > now_ms.saturating_add(SLACK_MS) {
        let length = sanction.until_ms.saturating_sub(sanction.since_ms);
        (sanction.since_ms, sanction.until_ms) = (now_ms, now_ms.saturating_add(length));
    }
}

/// At most [`BANS_MAX`], those that last.
fn longest(live: BTreeMap<Subject, Sanction>) -> Vec<Sanction> {
    let mut bans: Vec<_> = live.into_values().collect();
    bans.sort_by_key(|ban| std::cmp::Reverse(ban.until_ms));
    bans.truncate(BANS_MAX);
    bans
}

/// The bans that are in force after all these lines.
fn live(lines: impl Iterator<Item = Line>, now_ms: u64) -> BTreeMap<Subject, Sanction> {
    let mut live: BTreeMap<Subject, Sanction> = BTreeMap::new();
    for line in lines {
        match line.anchored(now_ms) {
            Line::Ban(sanction) if sanction.until_ms > now_ms => drop(live.insert(sanction.subject, sanction)),
            Line::Ban(_) => {}
            Line::Lift(what) => {
                let subject = Subject::try_from(what.clone()).ok();
                live.retain(|own, sanction| Some(*own) != subject && sanction.id != what);
            }
        }
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(id: &str, address: &str, until_ms: u64) -> Sanction {
        Sanction {
            id: id.to_owned(),
            rung: Rung::Ban,
            subject: Subject::try_from(address.to_owned()).unwrap(),
            scenario: "probing".to_owned(),
            reason: "attacks".to_owned(),
            reach: Default::default(),
            since_ms: 0,
            until_ms,
            offences: 4,
        }
    }

    fn ids(bans: &[Sanction]) -> Vec<&str> {
        bans.iter().map(|ban| ban.id.as_str()).collect()
    }

    #[test]
    fn what_one_process_writes_another_reads_once() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&folder.path().join("state")).unwrap();
        let (one, other) = (BanFile::new(dir.clone()), BanFile::new(dir));
        assert_eq!(other.news().unwrap(), News::default());
        one.ban(&ban("a", "192.0.2.1", 100), 0).unwrap();
        let news = other.news().unwrap();
        assert!(news.is_whole && news.lines == [Line::Ban(ban("a", "192.0.2.1", 100))]);
        one.lift("192.0.2.1", 0).unwrap();
        let news = other.news().unwrap();
        assert!(!news.is_whole && news.lines == [Line::Lift("192.0.2.1".to_owned())]);
        assert_eq!(other.news().unwrap(), News::default());
        assert!(one.bans(0).unwrap().is_empty());
    }

    #[test]
    fn tidying_drops_what_is_over_and_others_notice() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&folder.path().join("state")).unwrap();
        let (one, other) = (BanFile::new(dir.clone()), BanFile::new(dir));
        for (id, address, until) in [("a", "192.0.2.1", 10), ("b", "192.0.2.2", 100), ("c", "2001:db8::/64", 100)] {
            one.ban(&ban(id, address, until), 0).unwrap();
        }
        one.lift("c", 0).unwrap();
        other.news().unwrap();
        one.tidy(50).unwrap();
        let news = other.news().unwrap();
        assert!(news.is_whole && news.lines == [Line::Ban(ban("b", "192.0.2.2", 100))], "{news:?}");
    }

    #[test]
    fn a_ban_of_a_clock_that_went_wrong_lasts_as_long_as_it_was_meant_to() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&folder.path().join("state")).unwrap();
        let file = BanFile::new(dir.clone());
        let now = 2 * SLACK_MS;
        file.ban(&Sanction { since_ms: 1 << 50, ..ban("a", "192.0.2.1", (1 << 50) + 5000) }, now).unwrap();
        assert_eq!(file.bans(now).unwrap()[0].until_ms, now + 5000);
        file.tidy(now).unwrap();
        assert!(file.bans(now + 5000).unwrap().is_empty(), "and not anew at every start");
    }

    #[test]
    fn a_long_list_is_not_written_anew_for_each_ban() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&folder.path().join("state")).unwrap();
        let file = BanFile::new(dir.clone());
        let line = serde_json::to_string(&Line::Ban(ban("x", "192.0.2.1", 1))).unwrap().len() as u64 + 1;
        let lines = |from: u32, count: u64| {
            let one =
                |n| serde_json::to_string(&Line::Ban(ban("x", &std::net::Ipv4Addr::from_bits(n).to_string(), 1 << 40))).unwrap();
            (from..).take(usize::try_from(count).unwrap()).map(|n| one(n) + "\n").collect::<String>()
        };
        dir.write(FILE, lines(1 << 30, COMPACT_BYTES / line + 1).as_bytes()).unwrap();
        let inode = || std::fs::metadata(dir.file(FILE)).unwrap().ino();
        file.tidy(0).unwrap();
        file.ban(&ban("first", "198.51.100.1", 1 << 40), 0).unwrap();
        let before = inode();
        (2..50).for_each(|n| file.ban(&ban("y", &format!("198.51.100.{n}"), 1 << 40), 0).unwrap());
        assert_eq!(inode(), before);
    }

    #[test]
    fn hostile_and_broken_lines_are_skipped_and_the_rest_holds() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&folder.path().join("state")).unwrap();
        let file = BanFile::new(dir.clone());
        file.ban(&ban("a", "192.0.2.1", 100), 0).unwrap();
        let mut text = dir.read(FILE, 1 << 20).unwrap().unwrap();
        let session = String::from_utf8(text.clone()).unwrap().replace("192.0.2.1", "session 00000000000000ff");
        let longer = String::from_utf8(text.clone()).unwrap().replace("\"until_ms\":100", "\"until_ms\":18446744073709551615");
        let slow = String::from_utf8(text.clone()).unwrap().replace("\"rung\":\"ban\"", "\"rung\":\"slow\"");
        for line in [session.as_str(), &longer, &slow, "{", "null", "\u{0}\n", "[[[[", "{\"ban\":{}}", "{\"ban\":7}"] {
            text.extend_from_slice(line.trim_end().as_bytes());
            text.push(b'\n');
        }
        text.extend_from_slice(b"{\"lift\":\"");
        text.extend_from_slice(&vec![b'x'; LINE_BYTES_MAX]);
        text.extend_from_slice(b"\"}\n{\"ban\":{\"id\":\"cut o");
        dir.write(FILE, &text).unwrap();
        assert_eq!(ids(&file.bans(0).unwrap()), ["a"]);
        file.ban(&ban("b", "192.0.2.2", 200), 0).unwrap();
        assert_eq!(ids(&file.bans(0).unwrap()), ["a", "b"]);
        assert_eq!(file.news().unwrap().lines.len(), 2);
    }
}
