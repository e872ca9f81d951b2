//! `gambeson check`

use crate::{Global, Outcome, Result, global::read_policy, report};
use gambeson_core::policy::{Policy, Problems};
use gambeson_store::rule_files::RuleFiles;
use serde::Serialize;
use std::io::IsTerminal as _;

/// Validate the policy: every problem at once, with its place and a fix
///
/// Exit code 0 when the policy holds (warnings are printed), 1 when it does not, 2 when it cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
}

#[derive(Serialize)]
struct Checked<'a> {
    file: String,
    valid: bool,
    problems: Vec<report::Entry<'a>>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result {
    let path = global.policy_path()?;
    let text = read_policy(&path)?;
    let loaded = Policy::parse(&text).and_then(|policy| policy.load_rules(&RuleFiles::beside(&path)));
    let (valid, problems) = match loaded {
        Ok(policy) => (!args.strict || policy.warnings.0.is_empty(), policy.warnings),
        Err(problems) => (false, problems),
    };
    let checked = Checked { file: path.display().to_string(), valid, problems: report::entries(&path, &text, &problems) };
    global.print(&checked, |checked| {
        let fancy = report::is_fancy(std::io::stdout().is_terminal());
        format!("{}{}: {}\n", report::render(&path, &text, &problems, fancy), checked.file, sum(valid, &problems))
    })?;
    Ok(Outcome::findings_if(!valid))
}

fn sum(valid: bool, problems: &Problems) -> String {
    let errors = problems.0.iter().filter(|problem| problem.severity == gambeson_core::policy::Severity::Error).count();
    let warnings = problems.0.len() - errors;
    match (valid, errors, warnings) {
        (true, _, 0) => "the policy holds".to_owned(),
        (true, _, warnings) => format!("the policy holds, {}", counted(warnings, "warning")),
        (false, errors, 0) => counted(errors, "error"),
        (false, errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
