//! From a folder of rules to a rule set. The files are the host's: this crate opens none.

use super::{Crs, exclude::Exclude, policy::Folder};
use crate::policy::Problems;
use gambeson_seclang::{Files, LoadError, PRELUDE, RuleSet};
use std::{fmt::Write as _, path::Path, sync::Arc};

/// Problems that are told of one rule set, at most.
const PROBLEMS_MAX: usize = 10;

const KEY: &str = "intrusion.crs.path";

impl Crs {
    /// Loads the rules of the folder that the policy names, if it names one that is wanted.
    pub(crate) fn load(&mut self, files: &dyn Files, problems: &mut Problems) {
        let Some(folder) = self.folder.as_ref().filter(|_| self.mode != crate::policy::Mode::Off) else { return };
        match self.rules_of(folder, files) {
            Ok((rules, idle)) => {
                for exclude in idle.iter().take(PROBLEMS_MAX) {
                    let what = format!("`{exclude}` excepts nothing: there is no such rule in {}", folder.path.display());
                    problems.warning(
                        "intrusion.crs.exclude",
                        folder.exclude.clone(),
                        what,
                        "mend the number or the tag, or remove it",
                    );
                }
                for left_out in rules.left_out().iter().take(PROBLEMS_MAX) {
                    let help =
                        left_out.fault.help().unwrap_or_else(|| "what it defends against, our own detectors still do".to_owned());
                    problems.warning(KEY, folder.span.clone(), format!("a rule is left out: {}", first_line(left_out)), help);
                }
                self.rules = Some(Arc::new(rules));
            }
            Err(Fault::Folder(why)) => {
                let help = "name a folder with `rules/` and `crs-setup.conf` in it; `gambeson rules list` lists those installed";
                problems.error(KEY, folder.span.clone(), why, help);
            }
            Err(Fault::Rules(faults)) => tell(&faults, folder, problems),
        }
    }

    /// The rules, and the exceptions that are of none of them.
    fn rules_of(&self, folder: &Folder, files: &dyn Files) -> Result<(RuleSet, Vec<String>), Fault> {
        let path = &folder.path;
        let mut texts = vec![("(what the rules build on)".to_owned(), PRELUDE.to_owned()), setup(path, files)?];
        texts.push(("(the policy)".to_owned(), self.before()));
        for name in names(&path.join("rules"), files)? {
            let text = text(&name, files).map_err(Fault::Folder)?;
            texts.push((name, text));
        }
        let is_idle = |one: &&Exclude| !texts.iter().any(|(_, text)| one.is_of(text));
        let idle = self.exclude.iter().filter(is_idle).map(ToString::to_string).collect();
        texts.push(("(the policy's exceptions)".to_owned(), self.after()));
        let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        Ok((RuleSet::load(&texts, files).map_err(Fault::Rules)?, idle))
    }

    /// What the policy sets before the rules run.
    fn before(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _infallible = write!(
            out,
            "SecRequestBodyLimit {}\nSecRequestBodyLimitAction ProcessPartial\nSecResponseBodyLimit {}\n\
             SecResponseBodyLimitAction ProcessPartial\nSecResponseBodyMimeType application/json\n",
            self.body_bytes.max(1),
            self.answer_bytes.max(1)
        );
        for (number, (name, value)) in self.settings.iter().enumerate() {
            let id = 200_100 + number;
            let _infallible = writeln!(out, "SecAction \"id:{id},phase:1,pass,nolog,t:none,setvar:tx.{name}={value}\"");
        }
        self.exclude.iter().enumerate().for_each(|(number, one)| one.before(number, &mut out));
        out
    }

    fn after(&self) -> String {
        let mut out = String::new();
        self.exclude.iter().for_each(|one| one.after(&mut out));
        out
    }
}

/// Why there are no rules.
enum Fault {
    Folder(String),
    Rules(Vec<LoadError>),
}

/// The settings of the rule set: its own file, else the example that comes with it.
fn setup(folder: &Path, files: &dyn Files) -> Result<(String, String), Fault> {
    let own = folder.join("crs-setup.conf").display().to_string();
    let example = format!("{own}.example");
    let found = text(&own, files).map(|found| (own, found));
    found.or_else(|why| text(&example, files).map(|found| (example, found)).map_err(|_| Fault::Folder(why)))
}

/// The rule files, sorted by name.
fn names(folder: &Path, files: &dyn Files) -> Result<Vec<String>, Fault> {
    let names = files.list(&folder.join("*.conf").display().to_string()).map_err(Fault::Folder)?;
    if names.is_empty() { Err(Fault::Folder(format!("there is no `*.conf` in {}", folder.display()))) } else { Ok(names) }
}

fn text(name: &str, files: &dyn Files) -> Result<String, String> {
    let bytes = files.read(name).map_err(|why| format!("{name}: {why}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn tell(faults: &[LoadError], folder: &Folder, problems: &mut Problems) {
    for fault in faults.iter().take(PROBLEMS_MAX) {
        let help = fault.fault.help().unwrap_or_else(|| "mend the rule, or take it out of the folder".to_owned());
        problems.error(KEY, folder.span.clone(), first_line(fault), help);
    }
    if let Some(more) = faults.len().checked_sub(PROBLEMS_MAX).filter(|more| *more > 0) {
        let help = "mend these first";
        problems.error(KEY, folder.span.clone(), format!("the rules hold {more} more faults"), help);
    }
}

/// Place, rule and fault; the help stands for itself.
fn first_line(fault: &LoadError) -> String {
    fault.to_string().lines().next().unwrap_or_default().to_owned()
}
