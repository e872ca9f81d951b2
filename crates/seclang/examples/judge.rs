//! Tells which rules match requests, for comparing with another engine: `judge DIR SETTINGS`, where DIR holds `rules/` and
//! `crs-setup.conf.example`, and SETTINGS is SecLang in a file. A line of the input is a whole request in hexadecimal digits; a line of the
//! output has the numbers of the rules that match and log.

mod common;

use gambeson_seclang::{Transaction, ftw};
use std::io::{BufRead as _, Write as _};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(settings)) = (arguments.next(), arguments.next()) else {
        return Err("judge DIR SETTINGS".into());
    };
    let rules = common::load(Path::new(&folder), &std::fs::read_to_string(settings)?)?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request = bytes(line?.trim()).ok_or("a line that is not hexadecimal")?;
        let mut ids: Vec<u64> =
            ftw::exchange(Transaction::new(&rules), &request).verdict.matches.iter().map(|found| found.rule).collect();
        ids.sort_unstable();
        ids.dedup();
        writeln!(out, "{}", ids.iter().map(u64::to_string).collect::<Vec<_>>().join(" "))?;
        out.flush()?;
    }
    Ok(())
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(digit).collect()
}
