//! Runs the regression tests of a Core Rule Set: `cargo run --release --example ftw -- DIR [NAME...]`, where DIR holds `rules/`,
//! `crs-setup.conf.example` and `tests/`.

use gambeson_seclang::ftw::{self, Outcome};
use gambeson_seclang::{Files, PRELUDE, RuleSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The files of the host.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|e| e.to_string())
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("which folder? It holds rules/, crs-setup.conf.example and tests/");
        return ExitCode::from(2);
    };
    match run(Path::new(&folder), &arguments.collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn run(folder: &Path, wanted: &[String]) -> Result<bool, String> {
    let rules = load(folder)?;
    let (mut passed, mut failed, mut excepted) = (0_usize, 0_usize, 0_usize);
    for path in files(&folder.join("tests"), "yaml")? {
        let text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
        let tests = ftw::tests(&text).map_err(|why| format!("{}: {why}", path.display()))?;
        for test in tests.iter().filter(|test| wanted.is_empty() || wanted.contains(&test.name)) {
            match ftw::judge(&rules, test, &front) {
                Outcome::Passed => passed += 1,
                Outcome::Failed(why) => match ftw::exceptions().find(|(name, _)| *name == test.name) {
                    Some((name, reason)) => {
                        excepted += 1;
                        println!("EXCEPTED {name}: {reason}");
                    }
                    None => {
                        failed += 1;
                        println!("FAILED {}: {why}", test.name);
                    }
                },
            }
        }
    }
    println!("{passed} passed, {failed} failed, {excepted} excepted");
    Ok(failed == 0)
}

fn load(folder: &Path) -> Result<RuleSet, String> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    let setup = folder.join("crs-setup.conf.example");
    let mut texts = vec![("prelude".to_owned(), PRELUDE.to_owned()), (setup.display().to_string(), read(&setup)?)];
    texts.push(("settings".to_owned(), ftw::SETTINGS.to_owned()));
    for path in files(&folder.join("rules"), "conf")? {
        texts.push((path.display().to_string(), read(&path)?));
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    RuleSet::load(&texts, &Disk).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// What the gateway refuses before any rule: what its parser does not take, and a fragment in the target.
fn front(request: &[u8]) -> Option<u16> {
    let line = request.split(|b| *b == b'\n').next().unwrap_or_default();
    match gambeson_wire::parse_request(request, &mut gambeson_wire::Scan::default(), &gambeson_wire::Limits::default()) {
        Ok(Some(_)) if !line.contains(&b'#') => None,
        _ => Some(400),
    }
}

/// All files below a folder that end so, sorted.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
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
