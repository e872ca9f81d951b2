//! `gambeson ca`: the certificate authority of this machine.

use crate::{Failure, Global, Outcome, Result};
use gambeson_gateway::tls::ca::{Authority, Outcome as Stored, Step, Stores};
use gambeson_store::state_dir::StateDir;
use std::time::{SystemTime, UNIX_EPOCH};

/// The development certificate authority: made on the first run, for this machine alone
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Subcommand)]
enum Action {
    /// Make this machine and its browsers trust it
    Trust,
    /// Take that back
    Untrust,
    /// Print its certificate (PEM)
    Export,
}

/// Trusts, untrusts or prints the authority.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn run(args: &Args, global: &Global) -> Result {
    let hosts = global.load()?.policy.app.hosts;
    let state = StateDir::open(&global.state_dir()?).map_err(|error| Failure::new(error.to_string()))?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let authority = Authority::open(state.path(), &hosts, now).map_err(|error| Failure::new(error.to_string()))?;
    let home = std::env::home_dir();
    let stores = Stores::find(home.as_deref());
    let steps = match args.action {
        Action::Export => {
            crate::global::print_bytes(authority.root.pem.as_bytes())?;
            return Ok(Outcome::Fine);
        }
        Action::Trust => authority.trust(&stores),
        Action::Untrust => authority.untrust(&stores),
    };
    let lines: Vec<String> = steps.iter().map(line).collect();
    global.print(&lines, |lines| lines.iter().map(|line| format!("{line}\n")).collect())?;
    Ok(Outcome::findings_if(steps.iter().any(|step| matches!(step.outcome, Stored::ToDo { .. } | Stored::Failed { .. }))))
}

fn line(step: &Step) -> String {
    let store = &step.store;
    match &step.outcome {
        Stored::Done => format!("{store}: done"),
        Stored::Already => format!("{store}: was so already"),
        Stored::ToDo { why, command } => format!("{store}: left to you ({why}): {command}"),
        Stored::Failed { why, command } => format!("{store}: `{command}` failed: {why}"),
    }
}
