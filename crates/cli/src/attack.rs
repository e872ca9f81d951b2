//! `gambeson attack`

pub(crate) mod evidence;
mod parts;
pub(crate) mod peel;
pub(crate) mod process;

use crate::{Failure, Global, Outcome, Result};
use clap::ValueEnum;
use evidence::Log;
use gambeson_attack::{
    App, Comparison, Effect, Evidence, Finding, LAYERS, Options, Peeled, Probe, Progress, Report, Target, Trust, probes,
    run as attack,
};
use std::{
    io::{self, IsTerminal as _, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
};

/// Attack a running app and say what gets through
///
/// Every attack is judged by data read back, never by a status code alone, and has a legitimate twin that must pass. A target that
/// is not this machine is refused unless --authorized-by names who allowed it.
///
/// Exit code 0 when no attack that a layer claims got through and every twin passed, 1 otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where the app is, such as https://127.0.0.1:8443
    #[arg(value_name = "URL", required_unless_present = "peel", conflicts_with = "peel")]
    target: Option<String>,
    /// Attack the app without its gateway too, at this address, and show both side by side
    #[arg(long, value_name = "URL", conflicts_with = "peel")]
    bare: Option<String>,
    /// Where the same app answers over plain HTTP, usually to redirect
    #[arg(long, value_name = "URL")]
    plain: Option<String>,
    /// Connect to this address, whatever the name in the URLs resolves to
    #[arg(long, value_name = "ADDRESS")]
    connect_to: Option<IpAddr>,
    /// What is known of the app: which page does what, and test accounts (TOML)
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    app: Option<PathBuf>,
    /// The greatest effect allowed; attacks beyond it are skipped, and said to be
    #[arg(long, value_enum, default_value = "active")]
    effect: Upto,
    /// Only attacks whose id begins with this (repeatable)
    #[arg(long, value_name = "ID", value_parser = beginning)]
    only: Vec<String>,
    /// Certificate authority of the target (PEM) [default: the development authority in the state directory]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    ca: Option<PathBuf>,
    /// Believe any certificate
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// Who allowed an attack on another machine; recorded in the report
    #[arg(long, value_name = "NAME")]
    authorized_by: Option<String>,
    /// Write the report as SARIF 2.1.0 to this file as well
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, conflicts_with = "peel")]
    sarif: Option<PathBuf>,
    /// Switch layers off one at a time and say how many stop each attack; starts gateway and app itself
    #[arg(long, requires = "command")]
    peel: bool,
    /// With --peel: the command that starts the app with fresh data, {port} standing for its port
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// A word that no attack begins with would let a run succeed that has tried nothing.
fn beginning(text: &str) -> std::result::Result<String, String> {
    if probes().any(|probe| probe.id.starts_with(text)) {
        return Ok(text.to_owned());
    }
    Err(format!("no attack's id begins so; write one such as csrf/login, or a layer: {}", LAYERS.join(", ")))
}

const EXAMPLES: &str = "Examples:
  gambeson attack https://127.0.0.1:8443
  gambeson attack https://127.0.0.1:8443 --app attack.toml --bare http://127.0.0.1:5000 --effect intrusive
  gambeson attack --peel --app attack.toml -- gunicorn app:app --bind 127.0.0.1:{port}";

/// [`Effect`] as an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Upto {
    /// Read what any visitor reads
    Passive,
    /// Send hostile requests, change data of the accounts named for it
    Active,
    /// Load the target: many requests, held connections
    Intrusive,
}

impl From<Upto> for Effect {
    fn from(upto: Upto) -> Self {
        match upto {
            Upto::Passive => Self::Passive,
            Upto::Active => Self::Active,
            Upto::Intrusive => Self::Intrusive,
        }
    }
}

impl From<gambeson_attack::Error> for Failure {
    fn from(error: gambeson_attack::Error) -> Self {
        Self::new(error.to_string())
    }
}

pub(crate) fn run(args: &Args, global: &Global) -> Result {
    if args.peel {
        let peeled = peel::run(&args.options(Trust::Anybody)?, &args.command, global)?;
        global.print(&peeled, Peeled::table)?;
        return Ok(Outcome::findings_if(peeled.rows.iter().any(|row| !row.stopped && row.is_claimed())));
    }
    let state = global.state_dir().ok().filter(|state| state.is_dir());
    let options = args.options(args.trust(state.as_deref())?)?;
    let log = state.as_deref().map(Log::open).transpose()?;
    let evidence = log.as_ref().map(|log| log as &dyn Evidence);
    let target = args.target(args.target.as_deref().unwrap_or_default(), args.plain.as_deref())?;
    let colour = io::stdout().is_terminal();
    let Some(bare) = &args.bare else {
        let report = attack(&target, &options, evidence, &mut Line::default())?;
        args.write_sarif(&report)?;
        global.print(&report, |report| report.table(colour))?;
        return Ok(Outcome::findings_if(!report.holds()));
    };
    let bare = attack(&args.target(bare, None)?, &options, None, &mut Line::default())?;
    let compared = Comparison::new(bare, attack(&target, &options, evidence, &mut Line::default())?);
    args.write_sarif(&compared.guarded)?;
    global.print(&compared, |compared| compared.table(colour))?;
    Ok(Outcome::findings_if(!compared.guarded.holds()))
}

impl Args {
    fn target(&self, url: &str, plain: Option<&str>) -> Result<Target> {
        let who = self.authorized_by.as_deref();
        Ok(match self.connect_to {
            Some(address) => Target::at(address, url, plain, who)?,
            None => Target::new(url, plain, who)?,
        })
    }

    fn options(&self, trust: Trust) -> Result<Options> {
        Ok(Options {
            app: self.app.as_deref().map(read_app).transpose()?.unwrap_or_default(),
            effect: self.effect.into(),
            only: self.only.clone(),
            trust,
            ..Options::default()
        })
    }

    fn trust(&self, state: Option<&Path>) -> Result<Trust> {
        if self.insecure {
            return Ok(Trust::Anybody);
        }
        let own = state.map(process::authority).filter(|file| file.is_file());
        match self.ca.as_ref().or(own.as_ref()) {
            Some(file) => Ok(Trust::Authorities(std::fs::read(file).map_err(|error| Failure::at(file, error))?)),
            None => Ok(Trust::Nobody),
        }
    }

    fn write_sarif(&self, report: &Report) -> Result<()> {
        match &self.sarif {
            Some(file) => std::fs::write(file, report.sarif()).map_err(|error| Failure::at(file, error)),
            None => Ok(()),
        }
    }
}

/// Reads the description of an app.
pub(crate) fn read_app(file: &Path) -> Result<App> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::at(file, error))?;
    App::parse(&text).map_err(|error| Failure::at(file, error))
}

/// One line on the terminal that says what goes on, and leaves no trace.
#[derive(Debug, Default)]
pub(crate) struct Line {
    before: String,
}

impl Line {
    /// Begins each line with `before`.
    pub(crate) fn of(before: impl Into<String>) -> Self {
        Self { before: before.into() }
    }
}

impl Progress for Line {
    fn begin(&mut self, probe: &Probe, index: usize, total: usize) {
        let mut err = io::stderr().lock();
        if err.is_terminal() {
            let _gone = write!(err, "\r\x1b[K{}{}/{total} {}", self.before, index + 1, probe.id).and_then(|()| err.flush());
        }
    }

    fn end(&mut self, _: &Finding) {
        let mut err = io::stderr().lock();
        if err.is_terminal() {
            let _gone = write!(err, "\r\x1b[K").and_then(|()| err.flush());
        }
    }
}
