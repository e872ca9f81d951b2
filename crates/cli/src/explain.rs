//! `gambeson explain`

use crate::{Failure, Global, Outcome, Result};
use gambeson_core::{
    layers::{self, Rule},
    policy::{IN_PROCESS_RULES, Key, Kind, LayerName, PRESETS, SECTIONS, Section, nearest, preset},
};
use serde::Serialize;
use std::fmt::Write as _;

/// Explain a layer, a key of the policy, or a rule: what it is, why, its default and the reason
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  gambeson explain csrf\n  gambeson explain csrf.trusted_origins\n  gambeson explain protocol/header-alias"
)]
pub(crate) struct Args {
    /// A section, such as csrf; a key, such as csrf.mode; or a rule, such as csrf/cross-site [default: what there is]
    name: Option<String>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result {
    let entries = match &args.name {
        None => SECTIONS.iter().map(|section| Entry::overview(section)).collect(),
        Some(name) => find(name.trim_matches(['[', ']', '`']))?,
    };
    global.print(&entries, |entries| entries.iter().map(Entry::text).collect::<Vec<_>>().join("\n"))?;
    Ok(Outcome::Fine)
}

/// Something that can be explained.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub(crate) enum Entry {
    Section { name: String, about: &'static str, why: &'static str, keys: Vec<Entry>, rules: Vec<Entry> },
    Key(KeyEntry),
    Rule { name: String, about: &'static str, why: &'static str },
}

/// A key.
#[derive(Debug, Serialize)]
pub(crate) struct KeyEntry {
    pub(crate) name: String,
    pub(crate) takes: String,
    pub(crate) default: Option<String>,
    pub(crate) about: &'static str,
    pub(crate) why: &'static str,
    /// What a framework's preset says instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) presets: Vec<(&'static str, String)>,
}

/// Every rule of a layer: those of the engine, and those of its hosts, which read the request and speak with the app.
pub(crate) fn rules(layer: LayerName) -> Vec<Rule> {
    let mut rules = layers::rules(layer).to_vec();
    if layer == LayerName::Protocol {
        let why =
            "A message that can be read in two ways is read in two ways: smuggling, splitting, desynchronisation (CWE-444).";
        let faults = gambeson_wire::Fault::ALL.iter().map(|fault| Rule { name: fault.rule(), about: fault.why(), why });
        for rule in gambeson_gateway::RULES.iter().chain(IN_PROCESS_RULES).copied().chain(faults) {
            if rules.iter().all(|known| known.name != rule.name) {
                rules.push(rule);
            }
        }
    }
    rules
}

pub(crate) fn key_entry(path: &str, section: &str, key: &Key) -> KeyEntry {
    let presets = PRESETS.iter().filter_map(|(framework, _)| Some((*framework, preset(framework, section, key.name)?)));
    KeyEntry {
        name: format!("{path}.{}", key.name),
        takes: key.kind.to_string(),
        default: (!key.default.is_empty()).then(|| key.default_line()),
        about: key.about,
        why: key.why,
        presets: presets.collect(),
    }
}

/// A section or an inner table, with the dotted name it has in a policy.
fn tables() -> Vec<(String, &'static Section)> {
    fn add(path: String, section: &'static Section, all: &mut Vec<(String, &'static Section)>) {
        for key in section.keys {
            if let Kind::Table(inner) | Kind::Tables(inner) = key.kind {
                add(format!("{path}.{}", key.name), inner, all);
            }
        }
        all.push((path, section));
    }
    let mut all = Vec::new();
    SECTIONS.iter().for_each(|section| add(section.name.to_owned(), section, &mut all));
    all
}

/// What a name stands for: exactly, or as the last part of a longer one.
fn find(name: &str) -> Result<Vec<Entry>> {
    let tables = tables();
    let rules = LayerName::ALL
        .iter()
        .flat_map(|layer| rules(*layer).into_iter().map(move |rule| (format!("{layer}/{}", rule.name), rule)));
    let rules: Vec<(String, Rule)> = rules.collect();
    let keys = || tables.iter().flat_map(|(path, section)| section.keys.iter().map(move |key| (path, *section, key)));
    if let Some((path, section)) = tables.iter().find(|(path, _)| path.rsplit('.').next() == Some(name) || path == name) {
        return Ok(vec![Entry::section(path, section)]);
    }
    let wanted = |full: &str, short: &str| full == name || short == name;
    let mut found: Vec<Entry> = keys()
        .filter(|(path, _, key)| wanted(&format!("{path}.{}", key.name), key.name))
        .map(|(path, section, key)| Entry::Key(key_entry(path, section.name, key)))
        .collect();
    found.extend(rules.iter().filter(|(full, rule)| wanted(full, rule.name)).map(|(full, rule)| Entry::rule(full, *rule)));
    if !found.is_empty() {
        return Ok(found);
    }
    let names = tables.iter().map(|(path, _)| path.clone()).chain(keys().map(|(path, _, key)| format!("{path}.{}", key.name)));
    let names: Vec<String> = names.chain(rules.into_iter().map(|(full, _)| full)).collect();
    let short = || names.iter().filter_map(|full| full.rsplit(['.', '/']).next());
    let near = nearest(name, names.iter().map(String::as_str)).or_else(|| nearest(name, short()));
    let help = near.map_or("`gambeson explain` lists what there is".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(Failure::new(format!("there is no section, key or rule `{name}`")).help(help))
}

impl Entry {
    fn overview(section: &'static Section) -> Self {
        Self::Section {
            name: section.name.to_owned(),
            about: section.about,
            why: section.why,
            keys: Vec::new(),
            rules: Vec::new(),
        }
    }

    fn section(path: &str, section: &'static Section) -> Self {
        let layer = LayerName::from_name(path);
        let rules = layer.map_or(Vec::new(), |layer| {
            rules(layer).into_iter().map(|rule| Self::rule(&format!("{layer}/{}", rule.name), rule)).collect()
        });
        let keys = section.keys.iter().map(|key| Self::Key(key_entry(path, section.name, key)));
        Self::Section { name: path.to_owned(), about: section.about, why: section.why, keys: keys.collect(), rules }
    }

    fn rule(full: &str, rule: Rule) -> Self {
        Self::Rule { name: full.to_owned(), about: rule.about, why: rule.why }
    }

    fn text(&self) -> String {
        match self {
            Self::Section { name, about, why, keys, rules } => {
                let mut text = format!("[{name}]\n{}{}", wrapped(about, 2), wrapped(&format!("Why: {why}"), 2));
                for (title, entries) in [("Keys", keys), ("Rules", rules)].iter().filter(|(_, entries)| !entries.is_empty()) {
                    let _ = write!(text, "\n{title}\n");
                    text.extend(entries.iter().map(Self::line));
                }
                text
            }
            Self::Key(key) => key.text(),
            Self::Rule { name, about, why } => format!("{name}\n{}{}", wrapped(about, 2), wrapped(&format!("Why: {why}"), 2)),
        }
    }

    /// In a list: its name and what it is.
    fn line(&self) -> String {
        match self {
            Self::Key(key) => {
                let name = key.name.rsplit('.').next().unwrap_or_default();
                let default = key.default.as_ref().map_or(String::new(), |default| format!(" = {default}"));
                format!("{}{}", wrapped(&format!("{name}{default}"), 2), wrapped(key.about, 4))
            }
            Self::Rule { name, about, .. } | Self::Section { name, about, .. } => format!("  {name}\n{}", wrapped(about, 4)),
        }
    }
}

impl KeyEntry {
    fn text(&self) -> String {
        let mut text = format!("{}\n{}", self.name, wrapped(self.about, 2));
        text.push_str(&wrapped(&format!("Takes:   {}", self.takes), 2));
        text.push_str(&wrapped(&format!("Default: {}", self.default.as_deref().unwrap_or("unset")), 2));
        for (framework, value) in &self.presets {
            text.push_str(&wrapped(&format!("With framework = \"{framework}\": {value}"), 2));
        }
        text.push_str(&wrapped(&format!("Why:     {}", self.why), 2));
        text
    }
}

/// Lines of a paragraph; a terminal of 80 columns shows them whole.
fn wrapped(text: &str, indent: usize) -> String {
    const WIDTH: usize = 78;
    let (mut out, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        if column == 0 || column + 1 + length > WIDTH {
            out.push_str(if column == 0 { "" } else { "\n" });
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(name: &str) -> Vec<String> {
        let name_of = |entry: &Entry| match entry {
            Entry::Section { name, .. } | Entry::Rule { name, .. } => name.clone(),
            Entry::Key(key) => key.name.clone(),
        };
        find(name).unwrap().iter().map(name_of).collect()
    }

    #[test]
    fn sections_keys_and_rules_are_found_by_full_and_short_name() {
        assert_eq!(names("csrf"), ["csrf"]);
        assert_eq!(names("transport.acme"), ["transport.acme"]);
        assert_eq!(names("acme"), ["transport.acme"]);
        assert_eq!(names("transport.acme.agree"), ["transport.acme.agree"]);
        assert_eq!(names("trusted_origins"), ["csrf.trusted_origins"]);
        assert_eq!(names("protocol/header-alias"), ["protocol/header-alias"]);
        assert_eq!(names("header-alias"), ["protocol/header-alias"]);
        assert_eq!(names("bare-lf"), ["protocol/bare-lf"]);
        assert_eq!(names("app-timeout"), ["protocol/app-timeout"]);
        assert!(names("mode").len() > LayerName::ALL.len());
    }

    #[test]
    fn every_rule_of_the_host_in_the_app_is_explained() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/src");
        let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        let code = files.collect::<String>();
        let found: Vec<&str> = code.split("Denial::new(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(found.len() >= 2);
        for rule in found {
            assert_eq!(names(rule), [format!("protocol/{rule}")]);
        }
    }

    #[test]
    fn what_does_not_exist_gets_a_hint() {
        let failure = |name: &str| find(name).unwrap_err().to_string();
        assert!(failure("crsf").contains("did you mean `csrf`?"));
        assert!(failure("trusted_origin").contains("trusted_origins`?"));
        assert!(failure("zzzzzzzzzzzz").contains("`gambeson explain` lists"));
    }

    #[test]
    fn every_rule_has_one_meaning() {
        for &layer in LayerName::ALL {
            let all = rules(layer);
            for (i, rule) in all.iter().enumerate() {
                let kebab = rule.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
                assert!(kebab && rule.about.ends_with('.') && rule.why.ends_with('.'), "{layer}/{}", rule.name);
                assert!(all.iter().take(i).all(|earlier| earlier.name != rule.name), "{layer}/{} twice", rule.name);
            }
        }
    }

    #[test]
    fn a_preset_is_shown_with_its_key() {
        let Entry::Key(key) = find("app.upstream").unwrap().remove(0) else { panic!("not a key") };
        assert!(key.text().contains("With framework = \"django\": \"http://127.0.0.1:8000\""), "{}", key.text());
    }

    #[test]
    fn paragraphs_are_wrapped() {
        let text = wrapped(&"word ".repeat(40), 4);
        assert!(text.lines().all(|line| line.starts_with("    ") && line.len() <= 78), "{text}");
    }
}
