//! Runs the regression tests of a Core Rule Set: `cargo run --release --example ftw -- DIR [NAME...]`, where DIR holds `rules/`,
//! `crs-setup.conf.example` and `tests/`.

mod common;

use gambeson_seclang::ftw::{self, Outcome};
use std::path::Path;
use std::process::ExitCode;

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
    let rules = common::load(folder, ftw::SETTINGS)?;
    let (mut passed, mut failed, mut excepted) = (0_usize, 0_usize, 0_usize);
    for path in common::files(&folder.join("tests"), "yaml")? {
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

/// What the gateway refuses before any rule: what its parser does not take, and a fragment in the target.
fn front(request: &[u8]) -> Option<u16> {
    let line = request.split(|b| *b == b'\n').next().unwrap_or_default();
    match gambeson_wire::parse_request(request, &mut gambeson_wire::Scan::default(), &gambeson_wire::Limits::default()) {
        Ok(Some(_)) if !line.contains(&b'#') => None,
        _ => Some(400),
    }
}
