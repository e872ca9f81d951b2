//! `gambeson log`

mod text;

use crate::{Failure, Global, Outcome, Result};
use gambeson_store::{
    audit::{Entry, LogReader, printable_json, verify},
    state_dir::StateDir,
};
use std::{
    io::{self, IsTerminal as _, Write as _},
    thread,
    time::Duration,
};
use text::Paint;

/// How often a followed log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Read the audit log: what was refused or changed, why, and what would allow it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the last entries, one a line
    Tail {
        /// How many
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
        lines: u32,
        /// Go on as entries are added, until interrupted
        #[arg(short, long)]
        follow: bool,
    },
    /// Explain one exchange: layer, rule, value, where it was, and the narrowest lines of policy that would allow it
    Show {
        /// The reference id: on the refusal page and in the answer's x-gambeson-ref
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Check that no line was changed, removed, inserted or reordered
    ///
    /// Exit code 1 when one was: each is named with its file and line.
    Verify,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result {
    let state = existing(global)?;
    match &args.what {
        What::Tail { lines, follow } => tail(&state, global, *lines, *follow),
        What::Show { id } => show(&state, global, &id.trim().to_ascii_lowercase()),
        What::Verify => verified(&state, global),
    }
}

/// The state directory, when there is a log in it: reading must not make one.
pub(crate) fn existing(global: &Global) -> Result<StateDir> {
    let path = global.state_dir()?;
    if !path.join("audit").is_dir() {
        return Err(Failure::new(format!("no audit log in {}", path.display()))
            .help("`gambeson serve` writes it; `--state DIR` names another state directory"));
    }
    StateDir::open(&path).map_err(|error| Failure::new(error.to_string()))
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

fn paint() -> Paint {
    Paint::when(io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
}

fn tail(state: &StateDir, global: &Global, lines: u32, follow: bool) -> Result {
    let (mut entries, mut rest) = LogReader::open(state).and_then(|log| log.tail(lines as usize)).map_err(failure)?;
    loop {
        print_lines(&entries, global)?;
        if !follow {
            return Ok(Outcome::Fine);
        }
        if entries.is_empty() {
            thread::sleep(LOOK_EVERY);
        }
        entries = rest.step().map_err(failure)?;
    }
}

/// One line for each entry; with `--json` one object a line, so that a stream can be read as it comes.
fn print_lines(entries: &[Entry], global: &Global) -> Result<()> {
    let mut out = io::stdout().lock();
    for entry in entries {
        if global.json {
            writeln!(out, "{}", printable_json(&serde_json::to_string(entry)?))?;
        } else {
            writeln!(out, "{}", text::line(entry, paint()))?;
        }
    }
    Ok(out.flush()?)
}

fn show(state: &StateDir, global: &Global, id: &str) -> Result {
    let found = LogReader::open(state).and_then(|log| log.find(id)).map_err(failure)?;
    let Some(entry) = found.last() else {
        return Err(Failure::new(format!("no exchange {id} in the audit log"))
            .help("`gambeson log tail` lists the last ones; the oldest files are removed in time"));
    };
    global.print(entry, |entry| text::whole(entry, paint()))?;
    Ok(Outcome::Fine)
}

fn verified(state: &StateDir, global: &Global) -> Result {
    let found = verify(state).map_err(failure)?;
    global.print(&found, |found| text::verification(found, paint()))?;
    Ok(Outcome::findings_if(!found.problems.is_empty()))
}
