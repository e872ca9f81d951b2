//! The files of an app that tell something, read within bounds.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

/// Folders that are not the app's own code.
const FOREIGN: [&str; 12] = [
    "node_modules",
    "venv",
    "env",
    "site-packages",
    "__pycache__",
    "migrations",
    "tests",
    "test",
    "docs",
    "build",
    "dist",
    "static",
];
const FILES_MAX: usize = 300;
const FOLDERS_MAX: usize = 300;
const FILE_BYTES_MAX: u64 = 256 * 1024;
const DEPTH_MAX: usize = 4;

/// A file of the app.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// From the app's folder, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// The app's own code and the files that say how it is installed and started; nearer ones first.
pub(super) fn files(folder: &Path) -> Vec<File> {
    let (mut found, mut folders) = (Vec::new(), vec![(folder.to_path_buf(), 0)]);
    let mut visited = 0;
    while let Some((next, depth)) =
        (visited < FOLDERS_MAX && visited < folders.len()).then(|| folders.get(visited).cloned()).flatten()
    {
        visited += 1;
        for path in entries(&next) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && !path.is_symlink() {
                if depth < DEPTH_MAX && is_own(name) {
                    folders.push((path, depth + 1));
                }
            } else if tells(name, depth) && found.len() < FILES_MAX {
                found.extend(read(folder, &path));
            }
        }
    }
    found
}

/// Folders of templates, by the names that frameworks look for.
pub(super) fn templates(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut waiting, mut visited) = (Vec::new(), vec![(folder.to_path_buf(), 0)], 0);
    while let Some((next, depth)) = waiting.pop().filter(|_| visited < FOLDERS_MAX) {
        visited += 1;
        for path in entries(&next).into_iter().filter(|path| path.is_dir() && !path.is_symlink()) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name == "templates" || name == "views" {
                found.push(path);
            } else if depth < DEPTH_MAX && is_own(name) {
                waiting.push((path, depth + 1));
            }
        }
    }
    found.sort();
    found
}

fn is_own(folder: &str) -> bool {
    !folder.starts_with('.') && !FOREIGN.contains(&folder)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn tells(name: &str, depth: usize) -> bool {
    let about_the_app = ["pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "Procfile"];
    let python = name.ends_with(".py") && !name.starts_with("test_") && name != "conftest.py";
    python || depth == 0 && (about_the_app.contains(&name) || name.starts_with("requirements") && name.ends_with(".txt"))
}

fn read(folder: &Path, path: &Path) -> Option<File> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let path = path.strip_prefix(folder).ok()?.to_str()?.replace('\\', "/");
    Some(File { path, text: String::from_utf8_lossy(&bytes).into_owned() })
}
