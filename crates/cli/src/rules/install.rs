//! Rule sets in the state directory: `rules/NAME`, and `rules/NAME.before` after an update.

use super::source::{Source, is_rule_file};
use crate::{Failure, Result};
use gambeson_store::state_dir::StateDir;
use serde::Serialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// An installed rule set.
#[derive(Debug, Serialize)]
pub(super) struct Installed {
    pub(super) name: String,
    /// As the rule set says it itself.
    pub(super) version: String,
    pub(super) path: PathBuf,
    /// How many rule files it has.
    pub(super) files: usize,
}

const SETUP: &str = "crs-setup.conf";

/// Installs a rule set. What does not load is not installed, and replaces nothing.
pub(super) fn put(rules: &StateDir, name: &str, source: &Source, replaces: bool) -> Result<Installed> {
    let (place, before, new) = (rules.file(name), rules.file(&format!("{name}.before")), rules.file(&format!("{name}.new")));
    match (place.is_dir(), replaces) {
        (true, false) => {
            let why = format!("there is a rule set `{name}` already");
            return Err(Failure::new(why).help("`gambeson rules update` replaces it; `--name NAME` installs another beside it"));
        }
        (false, true) => {
            return Err(Failure::new(format!("there is no rule set `{name}`")).help("`gambeson rules add` installs it"));
        }
        _ => {}
    }
    remove(&new)?;
    let prepared = write(&new, source).and_then(|()| keep_setup(&place, &new, source)).and_then(|()| super::loads(&new));
    if let Err(failure) = prepared {
        remove(&new)?;
        return Err(failure);
    }
    if replaces {
        remove(&before)?;
        fs::rename(&place, &before).map_err(|error| Failure::at(&place, error))?;
    }
    if let Err(error) = fs::rename(&new, &place) {
        if replaces {
            fs::rename(&before, &place).map_err(|error| Failure::at(&before, error))?;
        }
        return Err(Failure::at(&place, error));
    }
    installed(&place).ok_or_else(|| Failure::at(&place, "it is gone"))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::at(folder, error)),
        _ => Ok(()),
    }
}

fn write(folder: &Path, source: &Source) -> Result<()> {
    for (name, bytes) in &source.files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| Failure::at(parent, error))?;
        fs::write(&path, bytes).map_err(|error| Failure::at(&path, error))?;
    }
    Ok(())
}

/// The operator's own settings survive an update.
fn keep_setup(old: &Path, new: &Path, source: &Source) -> Result<()> {
    let own = old.join(SETUP);
    if !source.files.contains_key(SETUP) && own.is_file() {
        fs::copy(&own, new.join(SETUP)).map_err(|error| Failure::at(&own, error))?;
    }
    Ok(())
}

/// What is installed, by name.
pub(super) fn list(folder: &Path) -> Result<Vec<Installed>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Failure::at(folder, error))?,
    };
    let mut all: Vec<Installed> = entries.filter_map(|entry| installed(&entry.ok()?.path())).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn installed(path: &Path) -> Option<Installed> {
    let name = path.file_name()?.to_str()?.to_owned();
    let mut rules: Vec<PathBuf> = fs::read_dir(path.join("rules")).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    rules.retain(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| is_rule_file(&format!("rules/{name}")))
    });
    rules.sort();
    let setup = [path.join(SETUP), path.join("crs-setup.conf.example")];
    let version = rules.iter().chain(&setup).find_map(|path| version(&fs::read_to_string(path).ok()?));
    Some(Installed {
        name,
        version: version.unwrap_or_else(|| "no version".to_owned()),
        path: path.to_owned(),
        files: rules.len(),
    })
}

/// `SecComponentSignature "OWASP_CRS/4.28.0"`.
fn version(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("SecComponentSignature"))?;
    line.split('"').nth(1).map(|said| gambeson_core::record::shown(said.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(rule: &str) -> Source {
        let files = [("crs-setup.conf.example", "# nothing"), ("rules/a.conf", rule)];
        Source { files: files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).into(), sha256: None }
    }

    fn rule(value: &str) -> String {
        format!("SecComponentSignature \"own/{value}\"\nSecRule ARGS \"@streq {value}\" \"id:1,phase:2,deny\"\n")
    }

    #[test]
    fn an_update_replaces_what_it_can_load_and_keeps_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let rules = StateDir::open(&folder.path().join("state")).unwrap();
        let put = |rule: &str, replaces| put(&rules, "crs", &source(rule), replaces);
        assert!(put(&rule("1"), true).unwrap_err().to_string().contains("rules add"));
        assert_eq!(put(&rule("1"), false).unwrap().version, "own/1");
        assert!(put(&rule("2"), false).unwrap_err().to_string().contains("rules update"));
        fs::write(rules.file("crs").join(SETUP), "# mine").unwrap();
        let broken = put("SecRule ARG \"@streq a\" \"id:1\"", true).unwrap_err().to_string();
        assert!(broken.contains("rules/a.conf:1:1") && broken.contains("did you mean `ARGS`?"), "{broken}");
        let names = |all: Vec<Installed>| all.into_iter().map(|one| (one.name, one.version)).collect::<Vec<_>>();
        assert_eq!(names(list(rules.path()).unwrap()), [("crs".to_owned(), "own/1".to_owned())]);
        assert_eq!(put(&rule("2"), true).unwrap().version, "own/2");
        assert_eq!(fs::read_to_string(rules.file("crs").join(SETUP)).unwrap(), "# mine");
        let both = [("crs", "own/2"), ("crs.before", "own/1")].map(|(name, version)| (name.to_owned(), version.to_owned()));
        assert_eq!(names(list(rules.path()).unwrap()), both);
    }
}
