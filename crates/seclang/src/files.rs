//! Files that rules name. The crate opens none itself: whoever loads rules hands them out.

/// Hands out the files that rules name (`@pmFromFile`, `@ipMatchFromFile`, `Include`).
pub trait Files {
    /// The content of the file at `path`.
    ///
    /// # Errors
    /// Why it cannot be had, for a person to read.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// The files that a path with `*` in it stands for, sorted. Without an override only a plain path stands for itself.
    ///
    /// # Errors
    /// Why they cannot be listed, for a person to read.
    fn list(&self, pattern: &str) -> Result<Vec<String>, String> {
        if pattern.contains(['*', '?', '[']) {
            return Err("this host lists no files: name each of them".into());
        }
        Ok(vec![pattern.to_owned()])
    }
}

/// No files at all: rules that name one do not load.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("no files are handed out here".into())
    }
}

/// Files whose relative paths start in a folder, as paths in a rule file start where that file is.
pub(crate) struct Beside<'a> {
    pub(crate) files: &'a dyn Files,
    pub(crate) folder: &'a str,
}

impl<'a> Beside<'a> {
    /// Beside the file with this name.
    pub(crate) fn of(files: &'a dyn Files, name: &'a str) -> Self {
        Beside { files, folder: name.rsplit_once('/').map_or("", |(folder, _)| folder) }
    }

    fn path(&self, path: &str) -> String {
        if path.starts_with('/') || self.folder.is_empty() { path.to_owned() } else { format!("{}/{path}", self.folder) }
    }
}

impl Files for Beside<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.files.read(&self.path(path))
    }

    fn list(&self, pattern: &str) -> Result<Vec<String>, String> {
        self.files.list(&self.path(pattern))
    }
}
