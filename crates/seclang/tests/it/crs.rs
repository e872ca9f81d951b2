//! Finds and loads a Core Rule Set.

use gambeson_seclang::ftw::{self, Test};
use gambeson_seclang::{Files, PRELUDE, RuleSet};
use std::path::{Path, PathBuf};

/// The files of this machine.
pub(crate) struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|e| e.to_string())
    }
}

/// The folder, if there is one; else says that a test was skipped.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("GAMBESON_CRS").map(PathBuf::from);
    let found = named.or_else(|| Some(PathBuf::from("/usr/share/modsecurity-crs")).filter(|path| path.is_dir()));
    if found.is_none() {
        eprintln!("SKIPPED: no Core Rule Set; set GAMBESON_CRS to a folder that holds rules/ and crs-setup.conf.example");
    }
    found
}

/// The rules, with these settings between setup and rules.
pub(crate) fn load(folder: &Path, settings: &str) -> RuleSet {
    let mut texts = vec![("prelude".to_owned(), PRELUDE.to_owned())];
    let setup = ["crs-setup.conf.example", "crs-setup.conf"].map(|name| folder.join(name));
    let setup =
        setup.into_iter().find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("/etc/modsecurity/crs/crs-setup.conf"));
    texts.push((setup.display().to_string(), std::fs::read_to_string(&setup).unwrap()));
    texts.push(("settings".to_owned(), settings.to_owned()));
    for path in files(&folder.join("rules"), "conf") {
        texts.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    RuleSet::load(&texts, &Disk)
        .unwrap_or_else(|faults| panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// The tests that came with the rules; none if none came.
pub(crate) fn tests(folder: &Path) -> Vec<Test> {
    let tests = folder.join("tests");
    if !tests.is_dir() {
        eprintln!("SKIPPED: {} has no tests/", folder.display());
        return Vec::new();
    }
    files(&tests, "yaml").iter().flat_map(|path| ftw::tests(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// All files below a folder that end so, sorted.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}
