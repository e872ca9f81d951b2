//! Prints what the detectors catch and miss: of the attacks in `attacks/`, of the ordinary inputs in `benign/`, and of any other
//! list of payloads, one per line, named in `GAMBESON_PAYLOADS` (a file or a folder).
//!
//! `cargo run -p gambeson-detect --example score`

use gambeson_detect::{BLOCK_FROM, Budget, Where, judge};
use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let verbose = std::env::args().any(|a| a == "--verbose");
    for (folder, wanted) in [("attacks", true), ("benign", false)] {
        for (name, entries) in read(&root.join(folder))? {
            print(&format!("{folder}/{name}"), &entries, wanted, verbose);
        }
    }
    if let Ok(other) = std::env::var("GAMBESON_PAYLOADS") {
        for (name, entries) in read(Path::new(&other))? {
            print(&name, &entries, true, verbose);
        }
    }
    Ok(())
}

/// The files of a folder, or one file, and their entries.
fn read(path: &Path) -> io::Result<Vec<(String, Vec<Vec<u8>>)>> {
    let mut files = match path.is_dir() {
        true => fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?,
        false => vec![path.to_owned()],
    };
    files.sort();
    let entries = |path: &Path| -> io::Result<(String, Vec<Vec<u8>>)> {
        let text = fs::read_to_string(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name.clone(), split(&text, name.contains("blocks"))))
    };
    files.iter().map(|path| entries(path)).collect()
}

/// One entry per line, or per block between lines of four dashes. Pictures of control characters stand for them.
fn split(text: &str, blocks: bool) -> Vec<Vec<u8>> {
    let picture = |s: &str| {
        s.replace('␤', "\n").replace('␍', "\r").replace('␀', "\0").replace('␋', "\u{b}").replace('␛', "\u{1b}").into_bytes()
    };
    let parts: Vec<&str> = if blocks { text.split("\n----\n").collect() } else { text.lines().collect() };
    parts.into_iter().map(|part| part.trim_end_matches('\n')).filter(|part| !part.is_empty()).map(picture).collect()
}

fn print(name: &str, entries: &[Vec<u8>], attacks: bool, verbose: bool) {
    let mut stopped = 0;
    for entry in entries {
        let findings = judge(entry, place(name), &mut Budget::new(10_000_000));
        let stops = findings.score() >= BLOCK_FROM;
        stopped += usize::from(stops);
        if stops != attacks || verbose {
            let rule = findings.worst().map_or("-", |f| f.rule.name);
            println!(
                "  {:>2} {rule:<22} {}",
                findings.score(),
                entry.escape_ascii().to_string().chars().take(160).collect::<String>()
            );
        }
    }
    println!("{name}: {stopped} of {} at or above {BLOCK_FROM}", entries.len());
}

/// Some lists stand in a place of their own.
fn place(name: &str) -> Where {
    match name {
        n if n.contains("request-paths") => Where::Path,
        n if n.ends_with("agents.txt") => Where::Agent,
        n if n.ends_with("headers.txt") => Where::Header,
        n if n.ends_with("/names.txt") => Where::Name,
        n if n.contains("markdown") => Where::Markdown,
        _ => Where::Value,
    }
}
