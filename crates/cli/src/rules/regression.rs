//! The regression tests of a rule set, as its authors keep them (FTW).

use super::failure;
use crate::{Failure, Global, Outcome, Result};
use gambeson_seclang::{
    PRELUDE, RuleSet,
    ftw::{self, Test},
};
use gambeson_store::rule_files::RuleFiles;
use serde::Serialize;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// How deep the folders of tests lie, and how many files they hold, at most.
const DEPTH_MAX: usize = 8;
const FILES_MAX: usize = 20_000;

/// What came of the tests.
#[derive(Debug, Default, Serialize)]
struct Report {
    rules: usize,
    passed: usize,
    failed: Vec<Named>,
    excepted: Vec<Named>,
}

/// A test that did not pass.
#[derive(Debug, Serialize)]
pub(super) struct Named {
    pub(super) test: String,
    pub(super) why: String,
}

pub(super) fn run(folder: &Path, only: &[String], global: &Global) -> Result {
    let tests = tests(folder, only)?;
    let rules = load(folder, ftw::SETTINGS)?;
    let mut report = Report { rules: rules.len(), ..Report::default() };
    tests.iter().for_each(|test| report.add(&rules, test));
    global.print(&report, Report::text)?;
    Ok(Outcome::findings_if(!report.failed.is_empty()))
}

/// The tests that lie in the source of a rule set, those of one file after those of another.
pub(super) fn tests(folder: &Path, only: &[String]) -> Result<Vec<Test>> {
    let mut all = Vec::new();
    for path in test_files(folder)? {
        let text = fs::read_to_string(&path).map_err(|error| Failure::at(&path, error))?;
        let tests = ftw::tests(&text).map_err(|why| Failure::at(&path, why))?;
        let wanted = |test: &Test| only.is_empty() || only.iter().any(|start| is_named(&test.name, start));
        all.extend(tests.into_iter().filter(wanted));
    }
    if all.is_empty() {
        let help = "the tests of a rule set lie in its source, under tests/; minimal releases come without";
        return Err(Failure::at(folder, "there are no tests").help(help));
    }
    Ok(all)
}

/// `942100` names all tests of the rule, `942100-3` one.
fn is_named(test: &str, start: &str) -> bool {
    test.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl Report {
    fn add(&mut self, rules: &RuleSet, test: &Test) {
        let ftw::Outcome::Failed(why) = ftw::judge(rules, test, &front) else {
            self.passed += 1;
            return;
        };
        match ftw::exceptions().find(|(name, _)| *name == test.name) {
            Some((_, reason)) => self.excepted.push(Named { test: test.name.clone(), why: reason.to_owned() }),
            None => self.failed.push(Named { test: test.name.clone(), why }),
        }
    }

    fn text(&self) -> String {
        let mut text = listed("excepted", &self.excepted);
        text.push_str(&listed("failed", &self.failed));
        let (failed, excepted) = (self.failed.len(), self.excepted.len());
        let _infallible = writeln!(text, "{} rules; {} passed, {failed} failed, {excepted} excepted", self.rules, self.passed);
        text
    }
}

/// A line for each test, with why it is told.
pub(super) fn listed(word: &str, tests: &[Named]) -> String {
    let mut text = String::new();
    for Named { test, why } in tests {
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "{word} {test}: {why}");
    }
    text
}

/// The setup file that comes with the rules: their tests are written for what it says, not for what was made of it.
pub(super) fn setup(folder: &Path) -> Result<PathBuf> {
    let setup = [folder.join("crs-setup.conf.example"), folder.join("crs-setup.conf")];
    setup.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        Failure::at(folder, "there is no crs-setup.conf.example").help("name the folder that holds rules/, tests/ and this file")
    })
}

/// The rules with these settings behind those of their setup file.
pub(super) fn load(folder: &Path, settings: &str) -> Result<RuleSet> {
    let named = |path: &Path| -> Result<(String, String)> {
        Ok((path.display().to_string(), fs::read_to_string(path).map_err(|error| Failure::at(path, error))?))
    };
    let mut texts = vec![("(what the rules build on)".to_owned(), PRELUDE.to_owned()), named(&setup(folder)?)?];
    texts.push(("(settings of the tests)".to_owned(), settings.to_owned()));
    let mut rules = found(&folder.join("rules"), &["conf"], DEPTH_MAX)?;
    rules.sort();
    for path in rules {
        texts.push(named(&path)?);
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    RuleSet::load(&texts, &RuleFiles::beside(Path::new(""))).map_err(|faults| {
        let lines = faults.iter().map(|fault| format!("\n  {fault}"));
        failure(format!("these rules do not load:{}", lines.collect::<String>()))
    })
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let inner = folder.join("tests/regression/tests");
    let place = if inner.is_dir() { inner } else { folder.join("tests") };
    if !place.is_dir() {
        return Err(Failure::at(folder, "there is no tests/ in it").help("the tests of a rule set lie in its source"));
    }
    let mut files = found(&place, &["yaml", "yml"], 0)?;
    files.sort();
    Ok(files)
}

/// The files with these endings in a folder and those below it.
fn found(folder: &Path, endings: &[&str], depth: usize) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| Failure::at(folder, error))? {
        let path = entry.map_err(|error| Failure::at(folder, error))?.path();
        if path.is_dir() && depth < DEPTH_MAX {
            files.extend(found(&path, endings, depth + 1)?);
        } else if path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| endings.contains(&ending)) {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(Failure::at(folder, format!("there are more than {FILES_MAX} files")));
        }
    }
    Ok(files)
}

/// What the gateway refuses before any rule: what its parser does not take, and a fragment in the target.
fn front(request: &[u8]) -> Option<u16> {
    let line = request.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match gambeson_wire::parse_request(request, &mut gambeson_wire::Scan::default(), &gambeson_wire::Limits::default()) {
        Ok(Some(_)) if !line.contains(&b'#') => None,
        _ => Some(400),
    }
}
