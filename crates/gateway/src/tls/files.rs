//! Reading and writing files that hold secrets: who may read them, atomic replacement, locks.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::TlsError;

/// No chain, key or revocation list in use comes near: 16 MiB. Bounds what a wrong path can cost.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Read, write and execute for group and others, less reading by the group: Debian's `ssl-cert` group is
/// the accepted way to let several services share a key.
const EXPOSED: u32 = 0o037;

/// The whole file, whoever may read it: certificates and revocation lists are public.
pub(crate) fn read_public(path: &Path) -> Result<Vec<u8>, TlsError> {
    let file = File::open(path).map_err(read_error(path))?;
    read_bounded(file, path)
}

/// The whole file, if nobody else could read or replace it (CWE-732). The open file is examined, not the path:
/// what was checked is what is read.
pub(crate) fn read_private(path: &Path) -> Result<Vec<u8>, TlsError> {
    let file = File::open(path).map_err(read_error(path))?;
    let about = file.metadata().map_err(read_error(path))?;
    let mode = about.mode() & 0o7777;
    if mode & EXPOSED != 0 {
        return Err(TlsError::KeyExposed { path: path.into(), mode });
    }
    let me = rustix::process::geteuid().as_raw();
    if about.uid() != me && about.uid() != 0 {
        return Err(TlsError::KeyOwner { path: path.into(), owner: about.uid(), want: me });
    }
    read_bounded(file, path)
}

fn read_bounded(file: File, path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(read_error(path))?;
    match bytes.len() as u64 > FILE_BYTES_MAX {
        true => Err(TlsError::TooLarge { path: path.into(), limit: FILE_BYTES_MAX }),
        false => Ok(bytes),
    }
}

/// Replaces a file in one step: a reader sees the old bytes or the new, never half of them, also after a crash.
/// `mode` is 0o600 for secrets.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), TlsError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_synced(&temporary, bytes, mode).and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        let _ = fs::remove_file(&temporary); // what counts is the error that follows
        return Err(TlsError::Write { path: path.into(), source });
    }
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // at most a leftover of an earlier process with our id
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a folder only this user can enter, or checks that an existing one is so.
pub(crate) fn private_folder(path: &Path) -> Result<(), TlsError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| TlsError::Write { path: path.into(), source })?;
    let mode = fs::metadata(path).map_err(read_error(path))?.mode() & 0o7777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(TlsError::FolderExposed { path: path.into(), mode }),
    }
}

/// A lock between processes (`flock`), given back when dropped, also by a crash.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock.
    pub(crate) fn take(path: &Path) -> Result<Self, TlsError> {
        let file = Self::open(path)?;
        file.lock().map_err(|source| TlsError::Write { path: path.into(), source })?;
        Ok(Self { _file: file })
    }

    /// The lock, or nothing when another process has it.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>, TlsError> {
        let file = Self::open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(source)) => Err(TlsError::Write { path: path.into(), source }),
        }
    }

    fn open(path: &Path) -> Result<File, TlsError> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|source| TlsError::Write { path: path.into(), source })
    }
}

/// What changes when a file is replaced or rewritten. Symbolic links are followed: renewal tools swap them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    path: PathBuf,
    seen: Option<(SystemTime, u64, u64)>,
}

impl Stamp {
    /// The state of the file now; an absent file has one too.
    pub(crate) fn of(path: &Path) -> Self {
        let seen = fs::metadata(path).ok().and_then(|about| Some((about.modified().ok()?, about.len(), about.ino())));
        Self { path: path.into(), seen }
    }

    /// The state of the same file now.
    pub(crate) fn again(&self) -> Self {
        Self::of(&self.path)
    }

    /// Whether the file is no longer what it was.
    pub(crate) fn is_stale(&self) -> bool {
        *self != Self::of(&self.path)
    }
}

fn read_error(path: &Path) -> impl FnOnce(io::Error) -> TlsError + '_ {
    move |source| TlsError::Read { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_private_files_are_read_as_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        write_atomic(&path, b"secret", 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read_private(&path).unwrap(), b"secret");
        for (mode, accepted) in [(0o400, true), (0o640, true), (0o644, false), (0o660, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let read = read_private(&path);
            assert_eq!(read.is_ok(), accepted, "{mode:o}");
            if let Err(error) = read {
                assert!(error.to_string().contains("chmod 600"), "{error}");
            }
        }
    }

    #[test]
    fn replacing_leaves_no_temporary_file_and_changes_the_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let absent = Stamp::of(&path);
        write_atomic(&path, b"one", 0o600).unwrap();
        assert!(absent.is_stale());
        let first = Stamp::of(&path);
        assert!(!first.is_stale());
        write_atomic(&path, b"two", 0o600).unwrap();
        assert!(first.is_stale());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_for_keys_are_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/ca");
        private_folder(&path).unwrap();
        private_folder(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(private_folder(&path).unwrap_err().to_string().contains("chmod 700"));
    }

    #[test]
    fn a_lock_is_held_by_one_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::try_take(&path).unwrap();
        assert!(held.is_some());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_take(&path).unwrap().is_some());
    }
}
