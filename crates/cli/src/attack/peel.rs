//! `gambeson attack --peel`: gateways with layers off, each before an app with fresh data.

use super::{
    Line,
    evidence::Log,
    parts::Parts,
    process::{Gateway, Ports, Process, Scratch, free_port, start_app},
};
use crate::{Global, Result, global::read_policy};
use gambeson_attack::{Evidence, Guarded, Options, Peeled, Peeler, Stage, Target, peel};
use std::{io::Write as _, path::PathBuf};

pub(crate) fn run(options: &Options, command: &[String], global: &Global) -> Result<Peeled> {
    let path = global.policy_path()?;
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let mut starter = Starter { parts: Parts::of(&read_policy(&path)?, &folder)?, command: command.to_vec(), folder };
    Ok(peel(&mut starter, options, &mut Line::of("  "))?)
}

/// Starts app and gateway anew for every stage.
pub(crate) struct Starter {
    /// The policy.
    pub(crate) parts: Parts,
    /// What starts the app.
    pub(crate) command: Vec<String>,
    /// Where it is started.
    pub(crate) folder: PathBuf,
}

impl Peeler for Starter {
    fn layers(&self) -> Vec<&'static str> {
        self.parts.names()
    }

    fn with_layers_off(&mut self, off: &[&str]) -> std::result::Result<Box<dyn Guarded>, String> {
        Pair::start(self, off).map(|pair| Box::new(pair) as Box<dyn Guarded>).map_err(|failure| failure.to_string())
    }

    fn bare(&mut self) -> std::result::Result<Box<dyn Guarded>, String> {
        Alone::start(self).map(|alone| Box::new(alone) as Box<dyn Guarded>).map_err(|failure| failure.to_string())
    }

    fn stage(&mut self, stage: &Stage) {
        let _told = writeln!(std::io::stderr(), "{stage}");
    }
}

/// A gateway and the app behind it. Fields are dropped in order: the gateway ends first, the files go last.
struct Pair {
    _gateway: Gateway,
    _app: Process,
    target: Target,
    log: Log,
    _scratch: Scratch,
}

impl Pair {
    fn start(starter: &Starter, off: &[&str]) -> Result<Self> {
        let scratch = Scratch::new()?;
        let app = start_app(&starter.command, &starter.folder, free_port(0)?, &scratch.path().join("app.log"))?;
        let (policy, off) = starter.parts.without(off);
        let gateway = Gateway::start(&policy, app.port, Ports::any()?, &off, &scratch.path().join("state"), scratch.path())?;
        let target = gateway.target()?;
        let log = Log::open(&gateway.state)?;
        Ok(Self { _gateway: gateway, _app: app, target, log, _scratch: scratch })
    }
}

impl Guarded for Pair {
    fn target(&self) -> &Target {
        &self.target
    }

    fn evidence(&self) -> Option<&dyn Evidence> {
        Some(&self.log)
    }
}

/// The app without a gateway.
struct Alone {
    _app: Process,
    target: Target,
    _scratch: Scratch,
}

impl Alone {
    fn start(starter: &Starter) -> Result<Self> {
        let scratch = Scratch::new()?;
        let app = start_app(&starter.command, &starter.folder, free_port(0)?, &scratch.path().join("app.log"))?;
        let target = Target::new(&format!("http://127.0.0.1:{}", app.port), None, None)?;
        Ok(Self { _app: app, target, _scratch: scratch })
    }
}

impl Guarded for Alone {
    fn target(&self) -> &Target {
        &self.target
    }

    fn evidence(&self) -> Option<&dyn Evidence> {
        None
    }
}
