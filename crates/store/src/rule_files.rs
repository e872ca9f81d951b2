//! Rule files of this machine, for the core to load.

use gambeson_core::policy;
use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

/// A rule or data file beyond this size is none.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Rule sets have some dozens of files.
const FILES_MAX: usize = 1000;

/// Files by their path; relative ones count from one folder.
#[derive(Debug, Clone)]
pub struct RuleFiles {
    folder: PathBuf,
    /// Whether nothing outside the folder is read.
    is_closed: bool,
}

impl RuleFiles {
    /// Relative paths count from the folder of this file, the policy.
    #[must_use]
    pub fn beside(policy: &Path) -> Self {
        Self { folder: policy.parent().unwrap_or(Path::new("")).to_owned(), is_closed: false }
    }

    /// Only what lies in this folder, whatever rules name and links point to: for a rule set that nobody has looked at yet (CWE-22).
    #[must_use]
    pub fn within(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), is_closed: true }
    }

    fn place(&self, path: &str) -> Result<PathBuf, String> {
        let place = self.folder.join(path);
        if !self.is_closed {
            return Ok(place);
        }
        let real = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
        let (place, folder) = (real(&place)?, real(&self.folder)?);
        if place.starts_with(folder) { Ok(place) } else { Err("it lies outside the rule set".to_owned()) }
    }
}

impl policy::RuleFiles for RuleFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let file = File::open(self.place(path)?).map_err(|error| error.to_string())?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("it is larger than {FILE_BYTES_MAX} bytes"));
        }
        Ok(bytes)
    }

    /// A `*` stands for any part of a file's name; folders are named in full.
    fn list(&self, pattern: &str) -> Result<Vec<String>, String> {
        let (folder, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        let Some((start, end)) = name.split_once('*').or_else(|| folder.contains('*').then_some((name, ""))) else {
            return Ok(vec![pattern.to_owned()]);
        };
        if folder.contains(['*', '?', '[']) || end.contains(['*', '?', '[']) || start.contains(['?', '[']) {
            return Err("write one `*`, in the name of the file".to_owned());
        }
        let place = self.folder.join(folder);
        let mut found = Vec::new();
        for entry in fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))? {
            let entry = entry.map_err(|error| format!("{}: {error}", place.display()))?.file_name();
            let Some(entry) = entry.to_str() else { continue };
            if entry.len() >= start.len() + end.len() && entry.starts_with(start) && entry.ends_with(end) {
                found.push(if folder.is_empty() { entry.to_owned() } else { format!("{folder}/{entry}") });
            }
        }
        if found.len() > FILES_MAX {
            return Err(format!("{} holds more than {FILES_MAX} files of that name", place.display()));
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::RuleFiles as _;

    #[test]
    fn files_are_read_and_listed_from_the_folder_of_the_policy() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rules")).unwrap();
        for name in ["b.conf", "a.conf", "words.data"] {
            fs::write(folder.path().join("rules").join(name), name).unwrap();
        }
        let files = RuleFiles::beside(&folder.path().join("gambeson.toml"));
        assert_eq!(files.list("rules/*.conf").unwrap(), ["rules/a.conf", "rules/b.conf"]);
        assert_eq!(files.list("rules/none.conf").unwrap(), ["rules/none.conf"]);
        assert_eq!(files.read("rules/a.conf").unwrap(), b"a.conf");
        assert!(files.read("rules/none.conf").is_err());
        assert!(files.list("*/a.conf").is_err() && files.list("gone/*.conf").is_err());
    }

    #[test]
    fn a_closed_folder_shows_nothing_else() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        fs::write(folder.path().join("a.conf"), "a").unwrap();
        std::os::unix::fs::symlink(other.path(), folder.path().join("link.conf")).unwrap();
        let files = RuleFiles::within(folder.path());
        let own = folder.path().join("a.conf");
        assert_eq!(files.read("a.conf").unwrap(), b"a");
        assert_eq!(files.read(own.to_str().unwrap()).unwrap(), b"a");
        for outside in [other.path().to_str().unwrap(), "link.conf", "../../../etc/passwd"] {
            assert!(files.read(outside).is_err(), "{outside}");
            assert!(RuleFiles::beside(&own).read(outside).is_ok() || outside.starts_with(".."), "{outside}");
        }
    }
}
