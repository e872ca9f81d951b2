//! Prints the cases of Markdown files: `cases [--json] FILE…`.

use gambeson_testkit::Case;
use serde::Serialize;
use std::process::ExitCode;

/// A case and the file it is from.
#[derive(Serialize)]
struct Filed<'a> {
    file: &'a str,
    #[serde(flatten)]
    case: Case,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let files = arguments.iter().filter(|argument| *argument != "--json");
    match read(files.map(String::as_str)).and_then(|cases| print(&cases, json)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("cases: {fault}");
            ExitCode::from(2)
        }
    }
}

fn read<'a>(files: impl Iterator<Item = &'a str>) -> Result<Vec<Filed<'a>>, String> {
    let mut all = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|fault| format!("{file}: {fault}"))?;
        let cases = Case::parse_all(&text).map_err(|fault| format!("{file}: {fault}"))?;
        all.extend(cases.into_iter().map(|case| Filed { file, case }));
    }
    Ok(all)
}

fn print(cases: &[Filed<'_>], json: bool) -> Result<(), String> {
    if json {
        let text = serde_json::to_string_pretty(cases).map_err(|fault| fault.to_string())?;
        println!("{text}");
        return Ok(());
    }
    for Filed { file, case } in cases {
        println!("{file}:{}: {}", case.line, case.name);
    }
    Ok(())
}
