//! `gambeson replay`

mod asked;
mod attacks;
mod judge;
mod places;
mod report;
mod traffic;

use crate::{Failure, Global, Outcome, Result, report as problems};
use gambeson_core::policy::Recording;
use gambeson_store::{rule_files::RuleFiles, traffic::files};
use judge::Side;
use report::Report;
use std::path::{Path, PathBuf};

/// Judge recorded requests by another policy or rule set: what would newly be stopped, and what would newly pass
///
/// Requests are recorded where the policy says so (`[record]`). Without --against each is compared with what was done then; with it, both
/// policies judge it, and known attacks are tried on every place that they treat in a way of their own. Nothing is sent anywhere.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 nothing changes, 1 something does, 2 usage or error.")]
pub(crate) struct Args {
    /// The policy to compare with [default: what was decided when the requests came]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    against: Option<PathBuf>,
    /// Files of recorded requests [default: all in the state directory]
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = clap::ValueHint::FilePath)]
    traffic: Vec<PathBuf>,
}

/// Replays.
///
/// # Errors
/// When a policy or a file cannot be read.
pub(crate) fn run(args: &Args, global: &Global) -> Result {
    let (new, new_text) = side(global, None)?;
    let old = args.against.as_deref().map(|path| side(global, Some(path))).transpose()?;
    let mut report = Report::default();
    for path in traffic_files(args, global)? {
        traffic::replay(&path, old.as_ref().map(|(old, _)| old), &new, &mut report)?;
    }
    if let Some((old, old_text)) = &old {
        report.attacks = Some(attacks::try_all(old, &new, &[old_text, &new_text]));
    }
    global.print(&report, Report::text)?;
    Ok(Outcome::findings_if(report.is_change()))
}

/// One policy with its rules, and its text.
fn side(global: &Global, path: Option<&Path>) -> Result<(Side, String)> {
    let policy = path.map(Path::to_owned).or_else(|| global.policy.clone());
    let loaded = Global { policy, state: None, json: global.json }.load()?;
    let mut policy = loaded.policy.load_rules(&RuleFiles::beside(&loaded.path)).map_err(|found| {
        let told = problems::tell(&loaded.path, &loaded.text, &found, global.json);
        told.err().unwrap_or_else(|| Failure::new(format!("the rules of {} do not load", loaded.path.display())))
    })?;
    policy.record = Recording::default();
    let side = Side::new(policy).map_err(|error| Failure::new(error.to_string()))?;
    Ok((side, loaded.text))
}

fn traffic_files(args: &Args, global: &Global) -> Result<Vec<PathBuf>> {
    if !args.traffic.is_empty() {
        return Ok(args.traffic.clone());
    }
    let state = global.state_dir()?;
    let found = files(&state).unwrap_or_default();
    if found.is_empty() && args.against.is_none() {
        return Err(Failure::new(format!("no requests are recorded in {}", state.display())).help(
            "`[record] requests = \"refused\"` (or \"all\") in the policy in force has the gateway record them; if it did, \
                   `--state DIR` names its folder, which is sought beside the policy",
        ));
    }
    Ok(found)
}
