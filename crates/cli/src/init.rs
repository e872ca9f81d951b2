//! `gambeson init`

mod files;
mod look;
mod python;
mod write;

use crate::{Failure, Global, Outcome, Result, global::POLICY_FILE};
use serde::Serialize;
use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Write a short policy for the app in this folder
///
/// Looks at the app's files to recognise its framework, how it is started and where it listens. Nothing is run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app's folder [default: this one]
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
    /// Replace a policy that is there
    #[arg(long)]
    force: bool,
}

/// What was done.
#[derive(Debug, Serialize)]
struct Written {
    file: String,
    #[serde(flatten)]
    found: look::Found,
    next: Vec<String>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result {
    let folder = args.folder.clone().unwrap_or_else(|| PathBuf::from("."));
    let folder = folder.canonicalize().map_err(|error| Failure::at(&folder, error))?;
    let path = match &global.policy {
        Some(path) => path.clone(),
        None => folder.join(POLICY_FILE),
    };
    let found = look::look(&folder);
    save(&path, &write::policy(&found), args.force)?;
    let next = write::next_steps(&found);
    let written = Written { file: path.display().to_string(), found, next };
    global.print(&written, |written| {
        let found = written.found.evidence.iter().map(|line| format!("  {line}\n")).collect::<String>();
        let next = written.next.iter().map(|line| format!("  {line}\n")).collect::<String>();
        format!("{} written.\n{found}Next:\n{next}", written.file)
    })?;
    Ok(Outcome::Fine)
}

fn save(path: &Path, text: &str, force: bool) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(force).create_new(!force);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(format!("{} is there already", path.display())).help("`--force` replaces it; `gambeson check` checks it")
        }
        _ => Failure::at(path, error),
    })?;
    file.write_all(text.as_bytes()).map_err(|error| Failure::at(path, error))
}

#[cfg(test)]
mod tests;
