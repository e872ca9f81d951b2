//! The attacks, one file per layer of the same name, and the twins that several of them share.

mod audit_log;
mod cookies;
mod cors;
mod csrf;
mod disclosure;
mod headers;
mod intrusion;
mod protocol;
mod rate_limit;
mod response;
mod transport;
mod unguarded;

use crate::context::Context;
use crate::cookies::Jar;
use crate::encode;
use crate::probe::{Failed, Probe, Twin};

/// Every probe, in the order of the layers. Those that load the target come last within their layer.
pub fn all() -> impl Iterator<Item = &'static Probe> {
    [
        transport::PROBES,
        protocol::PROBES,
        response::PROBES,
        rate_limit::PROBES,
        cors::PROBES,
        csrf::PROBES,
        intrusion::PROBES,
        disclosure::PROBES,
        cookies::PROBES,
        headers::PROBES,
        audit_log::PROBES,
        unguarded::PROBES,
    ]
    .into_iter()
    .flatten()
}

/// A visitor opens the front page.
fn front_page(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let page = context.front()?;
    Ok(Twin::of((200..300).contains(&page.status) && !page.body.is_empty(), &page, "the front page"))
}

/// A user writes something through the app's own form and sees it on the page.
fn own_form(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let answer = context.write(&mark, &jar)?;
    let page = context.read(&jar)?;
    Ok(Twin::of(page.contains(&mark), &answer, "a user's own form"))
}

/// A user logs in through the app's own form and sees their own data.
fn own_login(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let victim = context.victim()?;
    let (answer, jar) = context.log_in(&victim)?;
    Ok(Twin::of(context.proves(&jar, &victim.secret)?, &answer, "an ordinary login"))
}

/// A search for words with an apostrophe and markup characters shows them again.
fn ordinary_search(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let mark = encode::mark();
    let answer = context.visit(&context.search_path(&format!("select {mark} & union"))?, &Jar::default())?;
    Ok(Twin::of(answer.contains(&mark), &answer, "an ordinary search"))
}
