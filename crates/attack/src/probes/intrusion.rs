//! Attacks on what the app does with the values it is sent.

use super::{ordinary_search, own_login};
use crate::app::{User, fill};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::probe::{Effect, Failed, Probe, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "intrusion/sql-login",
        title: "log in by SQL instead of a password",
        effect: Effect::Active,
        cwe: 89,
        asvs: "V1.2.4",
        attack: sql_login,
        twin: own_login,
    },
    Probe {
        id: "intrusion/sql-union",
        title: "read another table through the search",
        effect: Effect::Active,
        cwe: 89,
        asvs: "V1.2.4",
        attack: sql_union,
        twin: ordinary_search,
    },
    Probe {
        id: "intrusion/path-traversal",
        title: "download a file outside of its folder",
        effect: Effect::Active,
        cwe: 22,
        asvs: "V5.3.2",
        attack: path_traversal,
        twin: own_login,
    },
];

fn sql_login(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let sql = described(&context.app.sql, "sql")?;
    let intruder = User { name: sql.name.clone(), password: "x".into(), secret: sql.secret.clone() };
    let (answer, jar) = context.log_in(&intruder)?;
    Ok(if context.proves(&jar, &sql.secret)? {
        Verdict::succeeded(format!("logged in as {:?} without a password: the page shows {}", sql.name, sql.secret))
    } else {
        Verdict::refused(&answer, "no account was opened")
    })
}

fn sql_union(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let sql = described(&context.app.sql, "sql")?;
    let page = context.visit(&context.search_path(&sql.search)?, &Jar::default())?;
    // The words of the search are shown again, so what they contain proves nothing.
    let shown = page.text().replace(&sql.search, "");
    Ok(if shown.contains(&sql.contains) {
        Verdict::succeeded(format!("the search shows {} from another table", sql.contains))
    } else {
        Verdict::refused(&page, "no other table is shown")
    })
}

fn path_traversal(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let file = described(&context.app.file, "file")?;
    let jar = context.victim_session()?;
    let answer = context.visit(&fill(&file.path, "file", &file.file), &jar)?;
    Ok(if answer.contains(&file.contains) {
        Verdict::succeeded(format!("{} was read: {} bytes with {:?}", file.file, answer.body.len(), file.contains))
    } else {
        Verdict::refused(&answer, "the file did not come")
    })
}
