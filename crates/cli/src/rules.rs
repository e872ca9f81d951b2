//! `gambeson rules`: rule sets such as the OWASP Core Rule Set, for `[intrusion.crs]`.

mod archive;
mod install;
mod regression;
mod source;
mod through;

use crate::{Failure, Global, Outcome, Result};
use gambeson_core::policy::Policy;
use gambeson_store::{rule_files::RuleFiles, state_dir::StateDir};
use install::Installed;
use source::Source;
use std::path::{Path, PathBuf};

/// Install, list, update and test rule sets, such as the OWASP Core Rule Set
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Install a rule set from a folder or a release archive
    Add(From),
    /// Replace an installed rule set by a newer one, once that has loaded; the one before is kept beside it
    Update(From),
    /// List what is installed
    List,
    /// Run the regression tests that come with a rule set: in process, or through a gateway
    ///
    /// Exit code 1 when one fails that is not excepted by name.
    Test {
        /// A folder with rules/, crs-setup.conf.example and tests/
        #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
        folder: PathBuf,
        /// Only tests whose name begins so, such as 942100 or 942100-3 (repeatable)
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// Send each test's bytes to a gateway that is started for it, and read from its audit log which rules matched
        #[arg(long)]
        through_gateway: bool,
        /// Show that blocking blocks: send what one critical rule of paranoia level 1 finds to a gateway that refuses it, and to one
        /// without the rules
        #[arg(long, conflicts_with = "through_gateway")]
        blocking: bool,
    },
}

/// Where a rule set comes from, and what it is called here.
#[derive(Debug, clap::Args)]
struct From {
    /// A folder with rules/ and crs-setup.conf.example, or a release as .tar.gz
    #[arg(value_name = "DIR|ARCHIVE", value_hint = clap::ValueHint::AnyPath)]
    source: PathBuf,
    /// The SHA-256 of the archive as its publisher states it; another one is refused
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// A file to take as crs-setup.conf, where the source has none
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    setup: Option<PathBuf>,
    /// What it is called here
    #[arg(long, value_name = "NAME", default_value = "crs", value_parser = name)]
    name: String,
}

fn name(text: &str) -> std::result::Result<String, String> {
    let plain =
        !text.is_empty() && text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if plain { Ok(text.to_owned()) } else { Err("a name is made of lower-case letters, digits and `-`".to_owned()) }
}

pub(crate) fn run(args: &Args, global: &Global) -> Result {
    match &args.what {
        What::Add(from) => put(from, global, false),
        What::Update(from) => put(from, global, true),
        What::List => list(global),
        What::Test { folder, only, blocking: true, .. } => through::blocking(folder, only, global),
        What::Test { folder, only, through_gateway: true, .. } => through::detecting(folder, only, global),
        What::Test { folder, only, .. } => regression::run(folder, only, global),
    }
}

fn put(from: &From, global: &Global, replaces: bool) -> Result {
    let source = Source::read(&from.source, from.sha256.as_deref(), from.setup.as_deref())?;
    let state = StateDir::open(&global.state_dir()?).map_err(failure)?;
    let rules = state.subdir("rules").map_err(failure)?;
    let installed = install::put(&rules, &from.name, &source, replaces)?;
    global.print(&installed, |installed| {
        let checked = match (&source.sha256, &from.sha256) {
            (Some(sha256), None) => format!("  its SHA-256 was not checked (`--sha256 HEX`): {sha256}\n"),
            (Some(_), Some(_)) => "  its SHA-256 is the one stated\n".to_owned(),
            _ => String::new(),
        };
        let shown = shown(&installed.path, global);
        let on = format!("  to switch it on:\n\n    [intrusion.crs]\n    path = \"{shown}\"\n");
        let next = if replaces { "  `gambeson reload` puts it in force\n".to_owned() } else { on };
        format!("{}{checked}{next}", line(installed))
    })?;
    Ok(Outcome::Fine)
}

/// A path as a policy would write it: from its own folder, if it lies there.
fn shown(path: &Path, global: &Global) -> String {
    let policy = global.policy_path().ok();
    let folder = policy.as_deref().and_then(Path::parent);
    folder.and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path).display().to_string()
}

fn line(installed: &Installed) -> String {
    format!("{}: {}, {} files in {}\n", installed.name, installed.version, installed.files, installed.path.display())
}

fn list(global: &Global) -> Result {
    let folder = global.state_dir()?.join("rules");
    let all = install::list(&folder)?;
    global.print(&all, |all| match all.is_empty() {
        true => "no rule sets; `gambeson rules add DIR` installs one\n".to_owned(),
        false => all.iter().map(line).collect(),
    })?;
    Ok(Outcome::Fine)
}

/// Whether the rules of a folder load as a policy would load them, from nothing but that folder; else what is wrong.
fn loads(folder: &Path) -> Result<()> {
    let path = toml::Value::from(folder.display().to_string());
    let policy = Policy::parse(&format!("[intrusion.crs]\npath = {path}")).map_err(failure)?;
    policy.load_rules(&RuleFiles::within(folder)).map(drop).map_err(|problems| {
        let lines = problems.0.iter().map(|problem| format!("\n  {}\n    help: {}", problem.message, problem.help));
        Failure::new(format!("these rules do not load:{}", lines.collect::<String>()))
    })
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
