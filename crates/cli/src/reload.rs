//! `gambeson reload`: put the changed policy in force.

use crate::{Failure, Global, Outcome, Result};
use gambeson_gateway::service::{ControlError, reload};
use gambeson_store::state_dir::StateDir;

/// Put the changed policy and certificates in force, without a gap; a bad policy leaves the old one in force
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Asks the serving process to read its policy again.
///
/// # Errors
/// When no process serves.
#[allow(clippy::print_stderr, reason = "what is wrong with the policy is told here")]
pub(crate) fn run(_: &Args, global: &Global) -> Result {
    let state = StateDir::open(&global.state_dir()?).map_err(|error| Failure::new(error.to_string()))?;
    match reload(&state) {
        Ok(waiting) => {
            let text = match waiting.is_empty() {
                true => "the policy is in force\n".to_owned(),
                false => format!("the policy is in force, but for what waits for a restart: {}\n", waiting.join(", ")),
            };
            global.print(&serde_json::json!({ "reloaded": true, "waits_for_restart": waiting }), |_| text)?;
            Ok(Outcome::Fine)
        }
        Err(ControlError::Refused(why)) => {
            eprintln!("gambeson: refused, the old policy stays in force:\n{why}");
            Ok(Outcome::Findings)
        }
        Err(error) => Err(Failure::new(error.to_string())),
    }
}
