//! Measured depth: the same attacks with layers switched off, so that defence in depth is a number.
//!
//! The **depth** of a defence against an attack is the number of layers that stop it alone, with every other layer off. A layer is a
//! **single point** when switching off only that one lets the attack through. Depth 2 means that one of two layers may fail. A layer
//! that stops the legitimate twin as well tells no attack from a visitor, and is not counted.

use serde::Serialize;

use crate::Error;
use crate::evidence::Evidence;
use crate::probe::LAYERS;
use crate::report::Report;
use crate::run::{Options, Progress, run};
use crate::target::Target;

/// A guarded app that runs until it is dropped.
pub trait Guarded {
    /// Where it is.
    fn target(&self) -> &Target;

    /// Its audit log.
    fn evidence(&self) -> Option<&dyn Evidence>;
}

/// Other people's rules within the layer `intrusion`. An engine of its own judges by them, so they are peeled as a layer of their own.
pub const RULE_SET: &str = "intrusion.crs";

/// Starts guarded apps with layers off.
pub trait Peeler {
    /// What can be switched off: the layers, and [`RULE_SET`] behind `intrusion` where there is one. Then `intrusion` means the rest.
    fn layers(&self) -> Vec<&'static str> {
        LAYERS.to_vec()
    }

    /// Starts a gateway without the layers `off`, in front of an app with fresh data.
    fn with_layers_off(&mut self, off: &[&str]) -> Result<Box<dyn Guarded>, String>;

    /// Starts the app alone, with fresh data: what fails there already no layer can take credit for.
    fn bare(&mut self) -> Result<Box<dyn Guarded>, String>;

    /// Told before each stage.
    fn stage(&mut self, _stage: &Stage) {}
}

/// One of the runs that together are a peel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Every layer on.
    All,
    /// Every layer off.
    None,
    /// No gateway at all.
    Bare,
    /// Every layer on but this one.
    Without(&'static str),
    /// Every layer off but this one.
    Only(&'static str),
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stage::All => f.write_str("all layers on"),
            Stage::None => f.write_str("all layers off"),
            Stage::Bare => f.write_str("the app alone"),
            Stage::Without(layer) => write!(f, "{layer} off"),
            Stage::Only(layer) => write!(f, "only {layer} on"),
        }
    }
}

impl Stage {
    fn off(self, layers: &[&'static str]) -> Vec<&'static str> {
        let is_off = |layer: &&'static str| match self {
            Stage::All => false,
            Stage::None | Stage::Bare => true,
            Stage::Without(own) => *layer == own,
            Stage::Only(own) => *layer != own,
        };
        layers.iter().copied().filter(is_off).collect()
    }
}

/// What one attack met.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The probe's id.
    pub id: &'static str,
    /// Whether it is stopped with all layers on.
    pub stopped: bool,
    /// Whether it fails on the app alone too: then nothing below means anything.
    pub vacuous: bool,
    /// Whether it reaches the app alone but no gateway, not even one with all layers off: how the gateway is built stops it.
    pub built_in: bool,
    /// Layers that stop it with all others off, and let its twin pass.
    pub alone: Vec<&'static str>,
    /// Layers that with all others off stop it and its twin.
    pub blunt: Vec<&'static str>,
    /// Layers without which it gets through.
    pub single_points: Vec<&'static str>,
}

impl Row {
    /// Whether a layer claims to stop the attack.
    pub fn is_claimed(&self) -> bool {
        LAYERS.iter().any(|layer| self.id.split('/').next() == Some(layer))
    }

    /// How many layers stop the attack independently.
    pub fn depth(&self) -> usize {
        self.alone.len()
    }

    /// Whether layers are what stops it.
    fn is_peeled(&self) -> bool {
        self.stopped && !self.vacuous && !self.built_in
    }

    pub(crate) fn sign(&self, layer: &str) -> char {
        if self.blunt.contains(&layer) {
            return '×';
        }
        match (self.alone.contains(&layer), self.single_points.contains(&layer)) {
            (true, true) => '▣',
            (true, false) => '■',
            (false, true) => '□',
            (false, false) => '·',
        }
    }

    pub(crate) fn note(&self) -> &'static str {
        match (self.vacuous, self.built_in, self.stopped) {
            (true, _, _) => "  vacuous: the app alone stops it, or it cannot be made there",
            (_, true, _) => "  built in: the gateway stops it with all layers off",
            (_, _, false) => "  NOT STOPPED",
            _ => "",
        }
    }
}

/// The matrix of attacks and layers.
#[derive(Debug, Clone, Serialize)]
pub struct Peeled {
    /// In their order.
    pub layers: Vec<&'static str>,
    /// One for each attack that could be made with all layers on.
    pub rows: Vec<Row>,
}

impl Peeled {
    /// As JSON, for programs.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// Runs the attacks with all layers on, all off, without a gateway, with each layer off, and with each alone.
pub fn peel(peeler: &mut dyn Peeler, options: &Options, progress: &mut dyn Progress) -> Result<Peeled, Error> {
    let wants_twins = options.twins;
    let mut options = Options { twins: false, ..options.clone() };
    let layers = peeler.layers();
    let mut at = |stage: Stage, options: &Options| -> Result<Report, Error> {
        peeler.stage(&stage);
        let started = if stage == Stage::Bare { peeler.bare() } else { peeler.with_layers_off(&stage.off(&layers)) };
        let guarded = started.map_err(Error::Start)?;
        run(guarded.target(), options, guarded.evidence(), progress)
    };
    let mut rows = first_rows(&at(Stage::All, &options)?);
    options.only = ids(&rows, |row| row.stopped);
    let off = at(Stage::None, &options)?;
    options.only = ids(&rows, |row| row.stopped).into_iter().filter(|id| stopped(&off, id)).collect();
    if !options.only.is_empty() {
        let bare = at(Stage::Bare, &options)?;
        for row in rows.iter_mut().filter(|row| options.wants(row.id)) {
            row.built_in = got_through(&bare, row.id);
            row.vacuous = !row.built_in;
        }
    }
    options.only = ids(&rows, Row::is_peeled);
    if !options.only.is_empty() {
        for layer in layers.iter().copied() {
            let without = at(Stage::Without(layer), &options)?;
            let only = at(Stage::Only(layer), &Options { twins: wants_twins, ..options.clone() })?;
            for row in rows.iter_mut().filter(|row| row.is_peeled()) {
                row.single_points.extend(got_through(&without, row.id).then_some(layer));
                if stopped(&only, row.id) {
                    let stops = if hindered(&only, row.id) { &mut row.blunt } else { &mut row.alone };
                    stops.push(layer);
                }
            }
        }
    }
    Ok(Peeled { layers, rows })
}

fn ids(rows: &[Row], wanted: fn(&Row) -> bool) -> Vec<String> {
    rows.iter().filter(|row| wanted(row)).map(|row| row.id.to_owned()).collect()
}

fn first_rows(report: &Report) -> Vec<Row> {
    let made = report.findings.iter().filter(|finding| finding.verdict.is_stopped() || finding.verdict.is_success());
    made.map(|finding| Row {
        id: finding.id,
        stopped: finding.verdict.is_stopped(),
        vacuous: false,
        built_in: false,
        alone: Vec::new(),
        blunt: Vec::new(),
        single_points: Vec::new(),
    })
    .collect()
}

fn stopped(report: &Report, id: &str) -> bool {
    report.findings.iter().any(|finding| finding.id == id && finding.verdict.is_stopped())
}

fn hindered(report: &Report, id: &str) -> bool {
    report.hindered().any(|finding| finding.id == id)
}

fn got_through(report: &Report, id: &str) -> bool {
    report.findings.iter().any(|finding| finding.id == id && finding.verdict.is_success())
}
