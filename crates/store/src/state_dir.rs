//! The state directory: keys, certificates and the audit log, for one account's eyes only.
//!
//! The directory is 0700 and every file in it 0600 (CWE-732, ASVS 5.0 13.3). One that others may enter is refused
//! rather than repaired: what lay open may already have been read, and that is a person's decision.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why the state directory, or a file in it, cannot be used. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Group or others have rights to something that holds secrets.
    #[error("{0} is open to other accounts (mode {mode:04o}). If nobody has read it: chmod {fix} {0}", path.display())]
    TooOpen {
        /// Which file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The mode to set.
        fix: &'static str,
    },
    /// It belongs to someone else, who could replace what is in it.
    #[error(
        "{0} belongs to user id {owner}, but this runs as {us}. Run as its owner, choose another --state, \
         or: chown {us} {0}", path.display()
    )]
    NotOurs {
        /// Which file or directory.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
        /// Our effective user id.
        us: u32,
    },
    /// A file where a directory should be, a symbolic link or device where a file should be.
    #[error("{} is not a plain {expected}. Move it away", path.display())]
    WrongKind {
        /// Which path.
        path: PathBuf,
        /// "directory" or "file".
        expected: &'static str,
    },
    /// A file is larger than what is stored there can be.
    #[error("{} is larger than {max} bytes, so it is not what Gambeson wrote. Move it away", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The limit, in bytes.
        max: u64,
    },
    /// Another process serves from this directory.
    #[error("{} is in use: Gambeson already serves from it{}. Stop that one, or choose another --state",
        path.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Busy {
        /// The state directory.
        path: PathBuf,
        /// The serving process, when it said so.
        pid: Option<u32>,
    },
}

/// `map_err(at(path))` names the path in an I/O error.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> StateError + '_ {
    move |error| StateError::Io { path: path.to_owned(), error }
}

/// A directory that only our account can enter. Cloning clones the path.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// Opens `path`, or makes it with mode 0700 (missing parents too).
    ///
    /// # Errors
    /// When it cannot be made, is not a directory, belongs to someone else or is open to others.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let fresh = !path.exists();
        let dir = Self::enter(path)?;
        if fresh {
            // It lies in the app's folder: keys and log must not end up in its repository with everything else.
            dir.write(".gitignore", b"*\n")?;
        }
        Ok(dir)
    }

    fn enter(path: &Path) -> Result<Self, StateError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        let found = fs::symlink_metadata(path);
        match (&found, made) {
            (Ok(found), _) if !found.is_dir() => {
                return Err(StateError::WrongKind { path: path.to_owned(), expected: "directory" });
            }
            (_, made) => made.map_err(at(path))?,
        }
        private(path, &found.map_err(at(path))?, "700")?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A directory in it, under the same rules.
    ///
    /// # Errors
    /// As [`StateDir::open`].
    pub fn subdir(&self, name: &str) -> Result<Self, StateError> {
        Self::enter(&self.path.join(name))
    }

    /// Reads the file `name` of at most `max` bytes; `None` when there is none.
    ///
    /// # Errors
    /// When it is larger, a link, someone else's, open to others, or unreadable.
    pub fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.file(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(at(&path))?,
        };
        plain_file(&path, &file)?;
        let mut bytes = Vec::new();
        file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(at(&path))?;
        match bytes.len() as u64 > max {
            true => Err(StateError::TooLarge { path, max }),
            false => Ok(Some(bytes)),
        }
    }

    /// Writes the file `name` with mode 0600 so that a reader, also after a power cut, sees either all of the old
    /// content or all of the new.
    ///
    /// # Errors
    /// When the system refuses; the old content then stands.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        self.place(name, bytes, |from, to| fs::rename(from, to))
    }

    /// Reads the file `name`, or makes it from `make` when there is none. Processes that do this at the same time
    /// all get the same content: keys are made this way.
    ///
    /// # Errors
    /// As [`StateDir::read`] and [`StateDir::write`], or what `make` returned.
    pub fn read_or_make(&self, name: &str, max: u64, make: impl FnOnce() -> io::Result<Vec<u8>>) -> Result<Vec<u8>, StateError> {
        if let Some(bytes) = self.read(name, max)? {
            return Ok(bytes);
        }
        let path = self.file(name);
        let bytes = make().map_err(at(&path))?;
        // A hard link, unlike a rename, fails when someone else was first.
        match self.place(name, &bytes, |from, to| fs::hard_link(from, to)) {
            Err(StateError::Io { error, .. }) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        self.read(name, max)?.ok_or_else(|| at(&path)(io::ErrorKind::NotFound.into()))
    }

    /// Opens (or makes, 0600) the file `name` for reading and writing: for locks.
    pub(crate) fn open_rw(&self, name: &str) -> Result<File, StateError> {
        let path = self.file(name);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = file.open(&path).map_err(at(&path))?;
        plain_file(&path, &file)?;
        Ok(file)
    }

    fn place(&self, name: &str, bytes: &[u8], put: impl FnOnce(&Path, &Path) -> io::Result<()>) -> Result<(), StateError> {
        static UNIQUE: AtomicU64 = AtomicU64::new(0);
        let unique = UNIQUE.fetch_add(1, Ordering::Relaxed);
        let temporary = self.file(&format!(".{name}.{}.{unique}", std::process::id()));
        let path = self.file(name);
        let placed = write_new(&temporary, bytes).and_then(|()| put(&temporary, &path));
        // After a rename there is nothing left to remove.
        let _gone = fs::remove_file(&temporary);
        placed.and_then(|()| sync_dir(&self.path)).map_err(at(&path))
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename, link or new file in `path` survive a power cut.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Refuses what is not a plain file of ours with mode 0600 or stricter.
pub(crate) fn plain_file(path: &Path, file: &File) -> Result<(), StateError> {
    let found = file.metadata().map_err(at(path))?;
    match found.is_file() {
        true => private(path, &found, "600"),
        false => Err(StateError::WrongKind { path: path.to_owned(), expected: "file" }),
    }
}

fn private(path: &Path, found: &Metadata, fix: &'static str) -> Result<(), StateError> {
    let (owner, us) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != us {
        return Err(StateError::NotOurs { path: path.to_owned(), owner, us });
    }
    match found.mode() & 0o7777 {
        mode if mode & 0o077 != 0 => Err(StateError::TooOpen { path: path.to_owned(), mode, fix }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "state_dir_tests.rs"]
mod tests;
