//! The policy file: found, read, and its problems shown with their lines.

use crate::PolicyError;
use gambeson_core::{
    engine::Engine,
    policy::{Policy, Problem, Problems, Severity},
};
use gambeson_store::rule_files::RuleFiles;
use pyo3::prelude::*;
use std::{
    fmt::Write as _,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Policies are written by people: a file beyond this size is a mistake.
const POLICY_BYTES_MAX: u64 = 4 << 20;

/// The file of that name; a bare name is looked for in the working folder and the folders above, as the command does.
pub(crate) fn find(policy: &Path) -> PyResult<PathBuf> {
    let bare = policy.components().count() == 1 && !policy.is_file();
    let here = std::env::current_dir()?;
    let found = here.ancestors().map(|folder| folder.join(policy)).find(|path| bare && path.is_file());
    Ok(found.unwrap_or_else(|| here.join(policy)))
}

/// The engine of a policy file.
pub(crate) fn load(path: &Path) -> PyResult<Engine> {
    let text = read(path).map_err(|error| {
        PolicyError::new_err(format!(
            "{}: {error}\n`gambeson init` writes a policy; an empty file is a valid one",
            path.display()
        ))
    })?;
    let policy = Policy::parse(&text).and_then(|policy| policy.load_rules(&RuleFiles::beside(path)));
    let policy = policy.map_err(|problems| PolicyError::new_err(render(path, &text, &problems)))?;
    Ok(Engine::new(Arc::new(policy.in_process())))
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(POLICY_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > POLICY_BYTES_MAX {
        return Err(std::io::Error::other(format!("larger than {POLICY_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// Every problem with its place, the line, a mark under the value and the fix.
pub(crate) fn render(path: &Path, text: &str, problems: &Problems) -> String {
    problems.0.iter().map(|problem| one(path, text, problem)).collect::<Vec<_>>().join("\n")
}

fn one(path: &Path, text: &str, problem: &Problem) -> String {
    let kind = if problem.severity == Severity::Error { "error" } else { "warning" };
    let what = format!("{kind}: {}: {}", problem.key, problem.message);
    let help = format!("  help: {}", problem.help);
    let Some(span) = &problem.span else { return format!("{}: {what}\n{help}\n", path.display()) };
    let before = text.get(..span.start).unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    let from = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text.get(from..).unwrap_or_default().lines().next().unwrap_or_default();
    let column = before.get(from..).unwrap_or_default().chars().count();
    let marked = text.get(span.clone()).unwrap_or_default().lines().next().unwrap_or_default().chars().count();
    let mut shown = String::new();
    let gutter = " ".repeat(number.to_string().len());
    // Writing to a string cannot fail.
    let _infallible = write!(
        shown,
        "{}:{number}:{}: {what}\n  {number} | {line}\n  {gutter} | {}{}\n{help}\n",
        path.display(),
        column + 1,
        " ".repeat(column),
        "^".repeat(marked.max(1)),
    );
    shown
}
