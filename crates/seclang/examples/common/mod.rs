//! Loads a Core Rule Set from a folder that holds `rules/` and `crs-setup.conf.example`.

use gambeson_seclang::{Files, PRELUDE, RuleSet};
use std::path::{Path, PathBuf};

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|e| e.to_string())
    }
}

/// The rules, with these settings between setup and rules.
pub(crate) fn load(folder: &Path, settings: &str) -> Result<RuleSet, String> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    let setup = folder.join("crs-setup.conf.example");
    let mut texts = vec![("prelude".to_owned(), PRELUDE.to_owned()), (setup.display().to_string(), read(&setup)?)];
    texts.push(("settings".to_owned(), settings.to_owned()));
    for path in files(&folder.join("rules"), "conf")? {
        texts.push((path.display().to_string(), read(&path)?));
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    RuleSet::load(&texts, &Disk).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// All files below a folder that end so, sorted.
pub(crate) fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// What this process holds of the machine's memory.
#[allow(dead_code, reason = "not every example asks")]
pub(crate) fn memory_kib() -> i64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}
