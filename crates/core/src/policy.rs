//! The policy: what an app allows, read from one TOML file by every part of Gambeson.
//!
//! An empty policy is the strict, working default. The section as written and the compiled form are two types: a
//! [`Policy`] exists only if every value in it was understood.

pub mod alert;
mod app;
mod checks;
mod host;
mod in_process;
mod mode;
mod pattern;
mod preset;
mod problem;
mod reader;
mod recording;
mod route;
mod spec;
mod suggest;
mod value;

pub use alert::Alerting;
pub(crate) use app::Network;
pub use app::{App, Framework, Listen, SessionCookies, Timeouts, Upstream, UpstreamAddress};
pub use gambeson_seclang::Files as RuleFiles;
pub use in_process::{Gap, IN_PROCESS_GAPS, IN_PROCESS_RULES};
pub use mode::{LayerName, Mode, Modes};
pub use pattern::Pattern;
pub use preset::{PRESETS, preset};
pub use problem::{Problem, Problems, Severity};
pub use reader::Reader;
pub use recording::{Recorded, Recording};
pub use route::{Route, RouteId, Routes};
pub use spec::{Key, Kind, MODE, Section};
pub(crate) use suggest::help as suggestion;
pub use suggest::nearest;
pub use value::{FromText, FromValue, Size, Wrong, duration};

use crate::layers::{self, Settings};
use toml::de::DeTable;

/// Every section a policy may have, in the order of the guide.
pub const SECTIONS: &[&Section] = &[
    &app::APP,
    &app::LISTEN,
    &app::UPSTREAM,
    &layers::transport::SECTION,
    &layers::protocol::SECTION,
    &layers::response::SECTION,
    &layers::rate_limit::SECTION,
    &layers::cors::SECTION,
    &layers::csrf::SECTION,
    &layers::intrusion::SECTION,
    &layers::disclosure::SECTION,
    &layers::cookies::SECTION,
    &layers::headers::SECTION,
    &layers::audit_log::SECTION,
    &alert::ALERT,
    &recording::RECORD,
    &route::ROUTE,
];

/// A policy that was understood whole.
#[derive(Debug)]
pub struct Policy {
    /// The app behind.
    pub app: App,
    /// Where the gateway listens.
    pub listen: Listen,
    /// How the gateway reaches the app.
    pub upstream: Upstream,
    /// Who is told of what.
    pub alert: Alerting,
    /// What is recorded for `gambeson replay`.
    pub record: Recording,
    /// What each layer does.
    pub layers: Settings,
    /// The mode of each layer where no route says otherwise.
    pub modes: Modes,
    /// Exceptions and rules for parts of the app.
    pub routes: Routes,
    /// What the author should look at, though the policy holds.
    pub warnings: Problems,
}

impl Policy {
    /// Reads a policy file's text.
    ///
    /// # Errors
    /// All problems at once, if any is an error.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let (table, faults) = DeTable::parse_recoverable(text);
        for fault in faults {
            let help = "see toml.io for the file's syntax; `gambeson explain KEY` shows how a key is written";
            problems.error("policy", fault.span(), fault.message(), help);
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let policy = Self::compile(table.get_ref(), &mut problems);
        problems.sort();
        if problems.has_errors() {
            return Err(problems);
        }
        Ok(Self { warnings: problems, ..policy })
    }

    fn compile(table: &DeTable<'_>, problems: &mut Problems) -> Self {
        refuse_unknown_sections(table, problems);
        let preset = preset::asked(table);
        let preset = preset.get_ref();
        let app = App::compile(&mut open(&app::APP, table, Some(preset), problems));
        let listen = Listen::compile(&mut open(&app::LISTEN, table, Some(preset), problems));
        let upstream = Upstream::compile(&mut open(&app::UPSTREAM, table, Some(preset), problems), &app);
        let alert = Alerting::compile(&mut open(&alert::ALERT, table, Some(preset), problems));
        let record = Recording::compile(&mut open(&recording::RECORD, table, Some(preset), problems));
        let mut modes = Modes::default();
        let mut layers = Settings::compile(&app, &listen, &mut |section, compile| {
            let mut reader = open(section, table, Some(preset), problems);
            if let Some(layer) = LayerName::from_name(section.name) {
                modes.set(layer, reader.get("mode"));
            }
            compile(&mut reader);
        });
        let mut routes: Vec<(usize, Route)> = Vec::new();
        let mut count = 0;
        // The file's routes before the preset's: where both name a path, the first holds.
        for written in [table.get(route::ROUTE.name), preset.get(route::ROUTE.name)].into_iter().flatten() {
            reader::each(&route::ROUTE, route::ROUTE.name, written, problems, &mut |reader| {
                routes.extend(Route::compile(reader, modes, &mut layers.headers).map(|route| (count, route)));
                count += 1;
            });
        }
        checks::check(table, &app, &listen, modes, problems);
        // A preset's routes yield to the file's: they are no second choice of the author's.
        let of_file = table.get(route::ROUTE.name).and_then(|value| value.get_ref().as_array()).map_or(0, |list| list.len());
        let own: Vec<_> = routes.iter().filter(|(i, _)| *i < of_file).collect();
        checks::routes(table, &own, modes, problems);
        let routes = Routes::new(routes.into_iter().map(|(_, route)| route).collect());
        Self { app, listen, upstream, alert, record, layers, modes, routes, warnings: Problems::default() }
    }

    /// Loads the rule sets that the policy names, from files the host hands out: paths are as written, relative ones count from
    /// the policy's folder. Slow, and to be called once after parsing: a policy without its rules judges nothing by them.
    ///
    /// # Errors
    /// All problems of a rule set at once, under the key that names it.
    pub fn load_rules(mut self, files: &dyn RuleFiles) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        self.layers.intrusion.crs.load(files, &mut problems);
        if problems.has_errors() {
            return Err(problems);
        }
        self.warnings.0.extend(problems.0);
        Ok(self)
    }

    /// The same policy with one layer switched to a mode everywhere, routes included: how a control is taken away to
    /// show what stands without it.
    #[must_use]
    pub fn with_mode(mut self, layer: LayerName, mode: Mode) -> Self {
        self.modes.set(layer, mode);
        self.routes.set_mode(layer, mode);
        self
    }
}

fn open<'a>(
    section: &'static Section,
    table: &'a DeTable<'a>,
    preset: Option<&'a DeTable<'a>>,
    problems: &'a mut Problems,
) -> Reader<'a> {
    let preset = preset.and_then(|preset| preset.get(section.name)).and_then(|value| value.get_ref().as_table());
    Reader::new(section, section.name.to_owned(), table.get(section.name), preset, problems)
}

fn refuse_unknown_sections(table: &DeTable<'_>, problems: &mut Problems) {
    for name in table.keys() {
        if !SECTIONS.iter().any(|section| section.name == name.get_ref()) {
            let help = unknown_section_help(name.get_ref());
            problems.error(name.get_ref(), Some(name.span()), "unknown section", help);
        }
    }
}

fn unknown_section_help(name: &str) -> String {
    let known = || SECTIONS.iter().map(|section| section.name);
    match suggest::nearest(name, known()).is_none().then(|| section_with(name)).flatten() {
        Some(section) => format!("`{name}` belongs in `[{}]`", section.name),
        None => suggest::help(name, known(), "a policy"),
    }
}

/// The first section with a key of that name.
fn section_with(key: &str) -> Option<&'static Section> {
    SECTIONS.iter().copied().find(|section| key != MODE.name && section.key(key).is_some())
}

#[cfg(test)]
mod tests;
