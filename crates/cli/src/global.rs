//! What every command knows: which policy, which state directory, which form of output.

use crate::{Failure, Result, report};
use gambeson_core::policy::Policy;
use gambeson_store::audit::printable_json;
use serde::Serialize;
use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The policy's file name, looked for upward from the working folder.
pub(crate) const POLICY_FILE: &str = "gambeson.toml";

/// The state directory's name, beside the policy.
const STATE_DIR: &str = ".gambeson";

/// Policies are written by people: a file beyond this size is a mistake.
const POLICY_BYTES_MAX: u64 = 4 << 20;

/// Options of every command.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// The policy file [default: gambeson.toml, looked for here and in the folders above]
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
    /// The folder for keys, certificates and logs [default: .gambeson beside the policy]
    #[arg(long, global = true, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub state: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
}

/// A policy and where it came from.
#[derive(Debug)]
pub struct Loaded {
    /// The file, as an absolute path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// What it says.
    pub policy: Policy,
}

impl Global {
    /// The policy file: the one named, or the nearest `gambeson.toml` upward from the working folder.
    ///
    /// # Errors
    /// When there is none.
    pub fn policy_path(&self) -> Result<PathBuf> {
        if let Some(path) = &self.policy {
            return std::path::absolute(path).map_err(|error| Failure::at(path, error));
        }
        let here = std::env::current_dir()?;
        nearest(&here).ok_or_else(|| {
            Failure::new(format!("no {POLICY_FILE} in {} or above", here.display()))
                .help("`gambeson init` writes one for the app in this folder; `--policy FILE` names another")
        })
    }

    /// The state directory: the one named, or `.gambeson` beside the policy.
    ///
    /// # Errors
    /// When neither it nor a policy is named or found.
    pub fn state_dir(&self) -> Result<PathBuf> {
        match &self.state {
            Some(path) => std::path::absolute(path).map_err(|error| Failure::at(path, error)),
            None => Ok(self.policy_path()?.with_file_name(STATE_DIR)),
        }
    }

    /// Reads the policy. Its warnings are told on the standard error stream.
    ///
    /// # Errors
    /// When there is none, or it holds errors: then every one of them was told.
    pub fn load(&self) -> Result<Loaded> {
        let path = self.policy_path()?;
        let text = read_policy(&path)?;
        match Policy::parse(&text) {
            Ok(policy) => {
                report::tell(&path, &text, &policy.warnings, self.json)?;
                Ok(Loaded { path, text, policy })
            }
            Err(problems) => {
                report::tell(&path, &text, &problems, self.json)?;
                Err(Failure::new(format!("{} is not a valid policy", path.display()))
                    .help("mend what is listed above; `gambeson explain KEY` tells what a key takes"))
            }
        }
    }

    /// Prints text, or with `--json` the value behind it. The text is made only when it is wanted.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn print<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{}", printable_json(&serde_json::to_string_pretty(value)?))?;
        } else {
            out.write_all(text(value).as_bytes())?;
        }
        Ok(out.flush()?)
    }
}

/// Prints bytes that have one form only.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

fn nearest(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|folder| folder.join(POLICY_FILE)).find(|path| path.is_file())
}

/// Reads a policy file's text.
pub(crate) fn read_policy(path: &Path) -> Result<String> {
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > POLICY_BYTES_MAX {
        return Err(
            Failure::new(format!("{} is larger than {POLICY_BYTES_MAX} bytes", path.display())).help("is this the policy file?")
        );
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::at(path, error);
    if error.kind() == io::ErrorKind::NotFound {
        return failure.help("`gambeson init` writes a policy; an empty file is a valid one");
    }
    failure
}
