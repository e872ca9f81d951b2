//! Reports as people read them in a terminal.

use std::fmt::Write;

use crate::peel::Peeled;
use crate::probe::{Twin, Verdict};
use crate::report::{Comparison, Finding, Report};

/// Colours, or none where the output is no terminal.
fn paint(text: &str, width: usize, verdict: &Verdict, colour: bool) -> String {
    let padded = format!("{text:<width$}");
    let code = match verdict {
        Verdict::Stopped { .. } => "32",
        Verdict::Succeeded { .. } => "1;31",
        Verdict::PreconditionFailed { .. } | Verdict::Vacuous { .. } | Verdict::Skipped { .. } => "33",
    };
    if colour { format!("\x1b[{code}m{padded}\x1b[0m") } else { padded }
}

fn twin_word(twin: &Twin) -> &'static str {
    match twin {
        Twin::Passed => "passed",
        Twin::Failed { .. } => "HINDERED",
        Twin::Unknown { .. } => "-",
    }
}

fn heading(out: &mut String, finding: &Finding, last: &mut Option<Option<&'static str>>) {
    if *last != Some(finding.layer) {
        *last = Some(finding.layer);
        let _ = writeln!(out, "\n{}", finding.layer.unwrap_or("no layer for this yet"));
    }
}

impl Report {
    /// A table: attack, verdict, twin and evidence.
    pub fn table(&self, colour: bool) -> String {
        let mut out = format!("{} · {} connections\n", self.target, self.requests);
        if let Some(name) = &self.authorized_by {
            let _ = writeln!(out, "authorized by {name}");
        }
        let mut last = None;
        for finding in &self.findings {
            heading(&mut out, finding, &mut last);
            let word = paint(finding.verdict.word(), 13, &finding.verdict, colour);
            let _ = writeln!(
                out,
                "  {:<32} {word} twin {:<9} {}{}",
                finding.id,
                twin_word(&finding.twin),
                finding.verdict.evidence(),
                reference(&finding.verdict)
            );
            if let Twin::Failed { why } = &finding.twin {
                let _ = writeln!(out, "  {:<32} twin: {why}", "");
            }
        }
        let _ = write!(out, "\n{}", summary(self));
        out
    }
}

fn reference(verdict: &Verdict) -> String {
    verdict.reference().map(|id| format!(" [{id}]")).unwrap_or_default()
}

fn summary(report: &Report) -> String {
    let count = |is: fn(&Finding) -> bool| report.findings.iter().filter(|finding| is(finding)).count();
    let stopped = count(|finding| finding.verdict.is_stopped());
    let open = count(|finding| !finding.is_claimed() && finding.verdict.is_success());
    let through = report.failures().count();
    let hindered = report.hindered().count();
    format!(
        "{stopped} stopped, {through} got through, {open} open that no layer claims yet, {} not tried, {hindered} twins hindered\n",
        report.unproved().count()
    )
}

impl Comparison {
    /// A table with a column for the bare and one for the guarded app.
    pub fn table(&self, colour: bool) -> String {
        let mut out = format!("bare {} · guarded {}\n", self.bare.target, self.guarded.target);
        let _ =
            writeln!(out, "\n  {:<32} {:<13} {:<13} {:<9} reference, or how it was stopped", "attack", "bare", "guarded", "twin");
        let mut last = None;
        for finding in &self.guarded.findings {
            heading(&mut out, finding, &mut last);
            let bare = self.bare.findings.iter().find(|own| own.id == finding.id);
            let bare = bare.map_or_else(|| format!("{:<13}", "-"), |own| paint(own.verdict.word(), 13, &own.verdict, colour));
            let word = paint(finding.verdict.word(), 13, &finding.verdict, colour);
            let _ =
                writeln!(out, "  {:<32} {bare} {word} {:<9} {}", finding.id, twin_word(&finding.twin), shown(&finding.verdict));
            if let Twin::Failed { why } = &finding.twin {
                let _ = writeln!(out, "  {:<32} twin: {why}", "");
            }
        }
        let (before, after) = self.counts();
        let _ = write!(
            out,
            "\nof the attacks that a layer claims, {before} reached the bare app and {after} the guarded one\n{}",
            summary(&self.guarded)
        );
        out
    }
}

/// The reference id where there is one, as that is what leads to the record; else the evidence.
fn shown(verdict: &Verdict) -> String {
    verdict.reference().map_or_else(|| verdict.evidence().to_owned(), str::to_owned)
}

impl Peeled {
    /// The matrix of attacks and layers.
    pub fn table(&self) -> String {
        let width = |layer: &&'static str| layer.len().max(3);
        let mut out = format!("{:<32} depth ", "attack");
        for layer in &self.layers {
            let _ = write!(out, " {layer}");
        }
        out.push('\n');
        for row in &self.rows {
            let depth = if row.vacuous || row.built_in { "-".to_owned() } else { row.depth().to_string() };
            let _ = write!(out, "{:<32} {depth:>5} ", row.id);
            for layer in &self.layers {
                let _ = write!(out, " {:^width$}", row.sign(layer), width = width(layer));
            }
            let _ = writeln!(out, "{}", row.note());
        }
        out.push_str("\n■ stops it alone   ▣ stops it alone, and without it the attack gets through   □ needed, but not enough alone   × stops it and its twin: not counted   · no part in it\n");
        out
    }
}
