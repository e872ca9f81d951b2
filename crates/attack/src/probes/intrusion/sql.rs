//! Values that the app writes into SQL.

use crate::app::User;
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::probe::{Failed, Twin, Verdict};

pub(super) fn login(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let sql = described(&context.app.sql, "sql")?;
    let intruder = User { name: sql.name.clone(), password: "x".into(), secret: sql.secret.clone() };
    let (answer, jar) = context.log_in(&intruder)?;
    Ok(if context.proves(&jar, &sql.secret)? {
        Verdict::succeeded(format!("logged in as {:?} without a password: the page shows {}", sql.name, sql.secret))
    } else {
        Verdict::refused(&answer, "no account was opened")
    })
}

pub(super) fn union(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let words = described(&context.app.sql, "sql")?.search.clone();
    other_table(context, &words, &words)
}

/// A query that fails with data of another table in its message.
pub(super) fn by_error(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let sql = described(&context.app.sql, "sql")?;
    let words = sql.error.as_ref().ok_or_else(|| Failed("the description of the app has no `error` in [sql]".into()))?;
    let page = context.visit(&context.search_path(words)?, &Jar::default())?;
    Ok(if page.contains(&sql.contains) {
        Verdict::succeeded(format!("the database's message has {} from another table in it", sql.contains))
    } else {
        Verdict::refused(&page, "the answer says nothing of another table")
    })
}

/// What a filter misses that decodes once and waits for a space between words of SQL; an app that decodes again has it all.
pub(super) fn encoded(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let words = described(&context.app.sql, "sql")?.search.replace(' ', "/**/");
    other_table(context, &encode::percent(&words), &words)
}

/// Searches for `sent`, which the app takes as `words`.
fn other_table(context: &mut Context<'_>, sent: &str, words: &str) -> Result<Verdict, Failed> {
    let sql = described(&context.app.sql, "sql")?;
    let page = context.visit(&context.search_path(sent)?, &Jar::default())?;
    // The words of the search are shown again, so what they contain proves nothing.
    let shown = page.text().replace(words, "");
    Ok(if shown.contains(&sql.contains) {
        Verdict::succeeded(format!("the search shows {} from another table", sql.contains))
    } else {
        Verdict::refused(&page, "no other table is shown")
    })
}

/// A search for words with percent signs in them.
pub(super) fn percent_search(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let mark = encode::mark();
    let answer = context.visit(&context.search_path(&format!("100% {mark}, 20%25 off -- union of both"))?, &Jar::default())?;
    Ok(Twin::of(answer.contains(&mark), &answer, "a search with percent signs"))
}
