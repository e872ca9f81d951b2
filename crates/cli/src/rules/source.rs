//! Where a rule set comes from: the files of a folder or an archive, as far as rules need them.

use super::archive;
use crate::{Failure, Result};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read as _,
    path::Path,
};

/// A release archive beyond this size is none.
const ARCHIVE_BYTES_MAX: u64 = 64 << 20;
/// One file beyond this size is no rule, data or test file.
pub(super) const FILE_BYTES_MAX: u64 = 16 << 20;
/// All files together.
pub(super) const TOTAL_BYTES_MAX: u64 = 256 << 20;
/// How many files and folders a rule set has, at most.
pub(super) const ENTRIES_MAX: usize = 20_000;
/// How deep its folders lie.
const DEPTH_MAX: usize = 8;

const SETUP: &str = "crs-setup.conf";

/// The files of a rule set, by their path in it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Of an archive.
    pub(super) sha256: Option<String>,
}

impl Source {
    /// Reads a folder or an archive. A `setup` file stands in for the one of the source.
    pub(super) fn read(path: &Path, sha256: Option<&str>, setup: Option<&Path>) -> Result<Self> {
        if !path.exists() {
            let why = format!("there is no {}", path.display());
            return Err(Failure::new(why)
                .help("name the rule set's folder or release archive; `--name NAME` says what it is called here"));
        }
        let mut source = if path.is_dir() { Self::folder(path, sha256)? } else { Self::archive(path, sha256)? };
        if let Some(setup) = setup {
            source.files.insert(SETUP.to_owned(), bytes(setup, FILE_BYTES_MAX)?);
        }
        let has = |name: &str| source.files.contains_key(name);
        if !source.files.keys().any(|name| is_rule_file(name)) {
            let why = format!("{} holds no rules/*.conf", path.display());
            return Err(Failure::new(why).help("name the folder that holds rules/, or a release archive of the rule set"));
        }
        if !has(SETUP) && !has("crs-setup.conf.example") {
            let why = format!("{} holds neither {SETUP} nor {SETUP}.example", path.display());
            return Err(
                Failure::new(why).help(format!("name one with --setup FILE; Debian keeps it as /etc/modsecurity/crs/{SETUP}"))
            );
        }
        Ok(source)
    }

    fn folder(path: &Path, sha256: Option<&str>) -> Result<Self> {
        if sha256.is_some() {
            return Err(Failure::new("a folder has no SHA-256").help("name the archive it was unpacked from"));
        }
        let (mut files, mut total) = (BTreeMap::new(), 0);
        walk(path, "", 0, &mut files, &mut total)?;
        Ok(Self { files, sha256: None })
    }

    fn archive(path: &Path, stated: Option<&str>) -> Result<Self> {
        let packed = bytes(path, ARCHIVE_BYTES_MAX)?;
        let sha256 = hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &packed).as_ref());
        if let Some(stated) = stated.filter(|stated| !stated.trim().eq_ignore_ascii_case(&sha256)) {
            let why =
                format!("{} is not the file that was stated: its SHA-256 is {sha256}, not {}", path.display(), stated.trim());
            return Err(Failure::new(why).help("fetch it again, and take the checksum from its publisher"));
        }
        let files = archive::files(&packed).map_err(|why| Failure::at(path, why))?;
        Ok(Self { files, sha256: Some(sha256) })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a rule set needs this file: rules and their data, settings, tests, the licence.
pub(super) fn is_wanted(name: &str) -> bool {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let top = !name.contains('/');
    (top && (name.starts_with("crs-setup.conf") || name.starts_with("LICENSE")))
        || (name.starts_with("rules/") && ends(&[".conf", ".data"]))
        || (name.starts_with("tests/") && ends(&[".yaml", ".yml"]))
}

pub(super) fn is_rule_file(name: &str) -> bool {
    name.strip_prefix("rules/").is_some_and(|rest| !rest.contains('/') && rest.ends_with(".conf"))
}

fn walk(folder: &Path, prefix: &str, depth: usize, files: &mut BTreeMap<String, Vec<u8>>, total: &mut u64) -> Result<()> {
    if depth > DEPTH_MAX {
        return Err(Failure::at(folder, "folders lie too deep"));
    }
    for entry in fs::read_dir(folder).map_err(|error| Failure::at(folder, error))? {
        let path = entry.map_err(|error| Failure::at(folder, error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let name = format!("{prefix}{name}");
        if path.is_dir() && matches!(name.split('/').next(), Some("rules" | "tests")) {
            walk(&path, &format!("{name}/"), depth + 1, files, total)?;
        } else if path.is_file() && is_wanted(&name) {
            let found = bytes(&path, FILE_BYTES_MAX)?;
            *total += found.len() as u64;
            files.insert(name, found);
        }
        if files.len() > ENTRIES_MAX || *total > TOTAL_BYTES_MAX {
            return Err(Failure::at(folder, "this is larger than any rule set"));
        }
    }
    Ok(())
}

fn bytes(path: &Path, max: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| Failure::at(path, error))?;
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| Failure::at(path, error))?;
    if bytes.len() as u64 > max {
        return Err(Failure::at(path, format!("it is larger than {max} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_with_another_checksum_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.tar.gz");
        fs::write(&path, b"abc").unwrap();
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let stated = |sha256: &str| Source::read(&path, Some(sha256), None).unwrap_err().to_string();
        assert!(stated(&of_abc.replace('b', "c")).contains(of_abc));
        assert!(!stated(&of_abc.to_uppercase()).contains("SHA-256"), "the checksum holds; what is in it does not");
    }

    #[test]
    fn what_is_missing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let read = |setup: Option<&Path>| Source::read(folder.path(), None, setup).map(|source| source.files.len());
        assert!(read(None).unwrap_err().to_string().contains("rules/*.conf"));
        fs::create_dir(folder.path().join("rules")).unwrap();
        fs::write(folder.path().join("rules/a.conf"), "").unwrap();
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert!(read(None).unwrap_err().to_string().contains("--setup FILE"));
        assert_eq!(read(Some(&folder.path().join("notes.txt"))).unwrap(), 2);
    }
}
