//! Reads the lists beside the crate.

use gambeson_detect::{Budget, Findings, Where, attacks::unpictured, judge};
use std::{fs, path::Path};

/// One input of a list.
pub(crate) struct Entry {
    pub(crate) file: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) place: Where,
}

impl Entry {
    /// Judges it where it stands.
    pub(crate) fn judge(&self) -> Findings {
        judge(&self.bytes, self.place, &mut Budget::new(10_000_000))
    }

    /// For messages.
    pub(crate) fn show(&self) -> String {
        format!("{}: {}", self.file, self.bytes.escape_ascii().to_string().chars().take(200).collect::<String>())
    }
}

/// All inputs of the lists in a folder.
pub(crate) fn entries(folder: &str) -> Vec<Entry> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|path| file(path)).collect()
}

/// One entry per line, or per block between lines of four dashes. Pictures of control characters stand for them.
fn file(path: &Path) -> Vec<Entry> {
    let text = fs::read_to_string(path).unwrap();
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    let parts: Vec<&str> = if file.contains("blocks") { text.split("\n----\n").collect() } else { text.lines().collect() };
    let entry = |part: &str| {
        let bytes = unpictured(part);
        Entry { file: file.clone(), bytes, place: place(&file) }
    };
    parts.into_iter().map(|part| part.trim_end_matches('\n')).filter(|part| !part.is_empty()).map(entry).collect()
}

/// Some lists stand in a place of their own.
fn place(file: &str) -> Where {
    match file {
        f if f.starts_with("request-paths") => Where::Path,
        f if f.starts_with("agents") => Where::Agent,
        f if f.starts_with("headers") => Where::Header,
        f if f.starts_with("names.") => Where::Name,
        f if f.contains("markdown") => Where::Markdown,
        _ => Where::Value,
    }
}
