//! The command line: one file for each command, each with its `Args` and `run(args, &Global) -> Outcome`.
//!
//! A new command is its file, a variant of [`Command`] and a line in [`Command::run`]. Help, man pages and completions
//! come from the same definitions.

mod attack;
mod bans;
mod ca;
mod check;
mod completions;
mod csp;
mod demo;
mod explain;
mod global;
mod init;
mod log;
mod man;
mod outcome;
mod reference;
mod reload;
mod replay;
mod report;
mod rules;
mod run;
mod schema;
mod serve;

pub use global::{Global, Loaded};
pub use outcome::{Failure, Outcome, Result};

use clap::{CommandFactory as _, Parser, Subcommand};
use std::{ffi::OsString, process::ExitCode};

/// Layered armour for Python web apps: one policy file, enforced in front of the app and proved by attack.
#[derive(Debug, Parser)]
#[command(name = "gambeson", version, propagate_version = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 fine, 1 findings or refusals, 2 usage or error.";

/// Every command.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Serve(serve::Args),
    Run(run::Args),
    Reload(reload::Args),
    Bans(bans::Args),
    Ca(ca::Args),
    Attack(attack::Args),
    Check(check::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    Csp(csp::Args),
    Log(log::Args),
    Rules(rules::Args),
    Replay(replay::Args),
    Demo(demo::Args),
    Man(man::Args),
}

impl Command {
    fn run(self, global: &Global) -> Result {
        match self {
            Self::Init(args) => init::run(&args, global),
            Self::Serve(args) => serve::run(&args, global),
            Self::Run(args) => run::run(&args, global),
            Self::Reload(args) => reload::run(&args, global),
            Self::Bans(args) => bans::run(&args, global),
            Self::Ca(args) => ca::run(&args, global),
            Self::Attack(args) => attack::run(&args, global),
            Self::Check(args) => check::run(&args, global),
            Self::Explain(args) => explain::run(&args, global),
            Self::Schema(args) => schema::run(&args, global),
            Self::Completions(args) => completions::run(&args, global),
            Self::Csp(args) => csp::run(&args, global),
            Self::Log(args) => log::run(&args, global),
            Self::Rules(args) => rules::run(&args, global),
            Self::Replay(args) => replay::run(&args, global),
            Self::Demo(args) => demo::run(&args, global),
            Self::Man(args) => man::run(&args, global),
        }
    }
}

/// Runs the command line and says how it ended. Usage mistakes are told by the parser (exit code 2).
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    outcome::exit_code(cli.command.run(&cli.global), cli.global.json)
}

/// The whole command line as defined, for completions and man pages.
fn definition() -> clap::Command {
    Cli::command()
}
