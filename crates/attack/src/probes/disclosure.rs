//! Attacks that only look: what an app says about itself when it fails.

use crate::context::Context;
use crate::cookies::Jar;
use crate::encode;
use crate::http::Response;
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "disclosure/traceback",
        title: "make the app fail and read its code",
        effect: Effect::Active,
        cwe: 209,
        asvs: "V16.5.1",
        attack: traceback,
        twin: prose_about_errors,
    },
    Probe {
        id: "disclosure/sql-error",
        title: "make the database fail and read its tables",
        effect: Effect::Active,
        cwe: 209,
        asvs: "V16.5.1",
        attack: sql_error,
        twin: search_with_an_apostrophe,
    },
    Probe {
        id: "disclosure/debugger",
        title: "find the debugger's console",
        effect: Effect::Passive,
        cwe: 489,
        asvs: "V13.4.2",
        attack: debugger,
        twin: not_found,
    },
];

/// What only the inside of an app says. Each is found in answers of Python, Werkzeug, Django, FastAPI or Bottle.
const INSIDES: [&str; 10] = [
    "Traceback (most recent call last)",
    "Werkzeug Debugger",
    "DEBUG = True",
    "sqlite3.OperationalError",
    "OperationalError:",
    "OperationalError(",
    "ProgrammingError:",
    "psycopg2.errors",
    "TemplateSyntaxError",
    "site-packages/",
];

/// What somebody may write *about* errors, as the twin does: no sign of a failing app.
const PROSE: &str = "What does Traceback (most recent call last) with sqlite3.OperationalError mean?";

/// The first sign of the app's inside in an answer.
pub(super) fn inside(answer: &Response) -> Option<&'static str> {
    let text = answer.text().replace(PROSE, "");
    INSIDES.into_iter().find(|sign| text.contains(sign))
}

fn traceback(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    // The session is what most failing pages need; without an account the attack goes as far as a stranger can.
    let jar = context.victim_session().unwrap_or_default();
    let mut paths = context.app.errors.clone();
    paths.extend(["/%00", "/%ff%fe", "/?a[]=1&a=%"].map(str::to_owned));
    let mut clean = None;
    for path in paths {
        let answer = context.visit(&path, &jar)?;
        if let Some(sign) = inside(&answer) {
            return Ok(Verdict::succeeded(format!("{path} shows \"{sign}\"")));
        }
        // The refusal of the page that the app fails on tells more than that of a malformed path.
        clean = clean.or(Some(answer));
    }
    let answer = clean.ok_or_else(|| Failed("no path to try".into()))?;
    Ok(Verdict::refused(&answer, "no failing page showed its inside"))
}

fn sql_error(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let answer = context.visit(&context.search_path("'\"(")?, &Jar::default())?;
    Ok(match inside(&answer) {
        Some(sign) => Verdict::succeeded(format!(
            "a search for a quote shows \"{sign}\"{}",
            if answer.contains("SELECT ") { " and the query" } else { "" }
        )),
        None => Verdict::refused(&answer, "the answer says nothing of a database"),
    })
}

fn debugger(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let mut last = None;
    for path in ["/console", "/?__debugger__=yes&cmd=resource&f=debugger.js", "/__debug__/"] {
        let answer = context.visit(path, &Jar::default())?;
        if answer.status < 400 && debugger_signs(path).any(|sign| answer.contains(sign)) {
            return Ok(Verdict::succeeded(format!("{path} is a debugger")));
        }
        last = Some(answer);
    }
    let answer = last.ok_or_else(|| Failed("no path to try".into()))?;
    Ok(Verdict::refused(&answer, "no debugger answered"))
}

/// What a debugger's page says, but for what a page that only repeats the address would say too.
fn debugger_signs(path: &str) -> impl Iterator<Item = &'static str> {
    ["EVALEX", "Interactive Console", "__debugger__", "djdt"].into_iter().filter(move |sign| !path.contains(sign))
}

/// Somebody writes *about* errors: the page must show it unchanged.
fn prose_about_errors(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let text = format!("{PROSE} {mark}");
    let answer = context.write(&text, &jar)?;
    let page = context.read(&jar)?;
    Ok(Twin::of(page.contains(&text), if page.status >= 400 { &page } else { &answer }, "a comment about errors"))
}

/// Two apostrophes, which even a naive app's SQL survives.
fn search_with_an_apostrophe(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let mark = encode::mark();
    let answer = context.visit(&context.search_path(&format!("O''Brien {mark}"))?, &Jar::default())?;
    Ok(Twin::of(answer.contains(&mark), &answer, "a search for O''Brien"))
}

/// A page that does not exist is still said not to exist.
fn not_found(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let answer = context.visit(&format!("/{}", encode::mark()), &Jar::default())?;
    Ok(Twin::of(answer.status == 404 && !answer.body.is_empty(), &answer, "a page that does not exist"))
}

#[cfg(test)]
mod tests {
    use super::debugger_signs;

    #[test]
    fn a_page_that_repeats_its_address_is_no_debugger() {
        let path = "/?__debugger__=yes&cmd=resource&f=debugger.js";
        assert!(!debugger_signs(path).any(|sign| path.contains(sign)));
        assert!(debugger_signs(path).any(|sign| "var EVALEX = true".contains(sign)));
    }
}
