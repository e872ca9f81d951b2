//! Problems of a policy, for people and for programs.

use crate::Result;
use gambeson_core::policy::{Problem, Problems, Severity};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use serde::Serialize;
use std::{
    io::{IsTerminal as _, Write as _},
    path::Path,
};

/// A problem as a program reads it. Lines and columns count from 1; a column counts characters.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    severity: &'static str,
    file: String,
    line: usize,
    column: usize,
    key: &'a str,
    message: &'a str,
    help: &'a str,
}

/// The problems as values.
pub(crate) fn entries<'a>(path: &Path, text: &str, problems: &'a Problems) -> Vec<Entry<'a>> {
    problems.0.iter().map(|problem| entry(path, text, problem)).collect()
}

fn entry<'a>(path: &Path, text: &str, problem: &'a Problem) -> Entry<'a> {
    let before = problem.span.as_ref().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Entry {
        severity: word(problem.severity),
        file: path.display().to_string(),
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        key: &problem.key,
        message: &problem.message,
        help: &problem.help,
    }
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The problems as text: each with file, line, a caret under the value, and what to do.
pub(crate) fn render(path: &Path, text: &str, problems: &Problems, fancy: bool) -> String {
    let theme = if fancy { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
    let mut out = String::new();
    for problem in &problems.0 {
        let source = NamedSource::new(path.display().to_string(), text.to_owned()).with_language("TOML");
        let report = Report::new(diagnostic(problem)).with_source_code(source);
        if handler.render_report(&mut out, report.as_ref()).is_ok() {
            out.push('\n');
        }
    }
    out
}

fn diagnostic(problem: &Problem) -> MietteDiagnostic {
    let severity = match problem.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let diagnostic = MietteDiagnostic::new(format!("{}: {}", problem.key, problem.message))
        .with_severity(severity)
        .with_help(problem.help.clone());
    match &problem.span {
        Some(span) => diagnostic.with_label(LabeledSpan::new_with_span(None, span.clone())),
        None => diagnostic,
    }
}

/// Tells problems on the standard error stream.
pub(crate) fn tell(path: &Path, text: &str, problems: &Problems, json: bool) -> Result<()> {
    if problems.0.is_empty() {
        return Ok(());
    }
    let mut err = std::io::stderr().lock();
    if json {
        serde_json::to_writer(&mut err, &serde_json::json!({ "problems": entries(path, text, problems) }))?;
        Ok(writeln!(err)?)
    } else {
        let fancy = is_fancy(err.is_terminal());
        Ok(err.write_all(render(path, text, problems, fancy).as_bytes())?)
    }
}

/// Colours and frames only where a person reads, and not against their wish (no-color.org).
pub(crate) fn is_fancy(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gambeson_core::policy::Policy;

    const WRONG: &str = "\
[app]
hosts = [\"https://shop.example\", \"*\"]
framwork = \"flask\"

[listen]
https = \"8443\"
trusted_proxies = [\"0.0.0.0/0\"]

[crsf]

[csrf]
mode = \"on\"

[[route]]
path = \"/notes/../admin\"
off = [\"csfr\"]
";

    #[test]
    fn every_problem_has_its_place_and_a_fix() {
        let problems = Policy::parse(WRONG).unwrap_err();
        insta::assert_snapshot!(render(Path::new("gambeson.toml"), WRONG, &problems, false));
    }

    #[test]
    fn a_terminal_gets_frames_and_colours_and_a_file_does_not() {
        let problems = Policy::parse(WRONG).unwrap_err();
        let shown = |fancy| render(Path::new("gambeson.toml"), WRONG, &problems, fancy);
        assert!(shown(true).contains('\u{1b}') && shown(true).contains('╭'));
        assert!(shown(false).is_ascii(), "{}", shown(false));
    }

    #[test]
    fn programs_get_lines_and_columns_of_characters() {
        let text = "[app]\nname = \"é\"\nhosts = [\"é\", \"*\"]\n";
        let problems = Policy::parse(text).unwrap_err();
        let entries = entries(Path::new("g.toml"), text, &problems);
        let places: Vec<_> = entries.iter().map(|entry| (entry.line, entry.column, entry.key)).collect();
        assert_eq!(places, [(3, 10, "app.hosts"), (3, 15, "app.hosts")]);
    }
}
