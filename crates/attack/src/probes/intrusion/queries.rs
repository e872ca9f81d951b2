//! Values that the app writes into queries other than SQL.

use crate::app::{Documents, Injected, fill};
use crate::browser::{From, How};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::http::{Request, Response};
use crate::probe::{Failed, Twin, Verdict};

/// Asks with a string that closes the place where it is put.
fn injected(context: &mut Context<'_>, query: &Injected) -> Result<Verdict, Failed> {
    let page = context.visit(&fill(&query.path, "text", &query.text), &Jar::default())?;
    Ok(if page.contains(&query.contains) {
        Verdict::succeeded(format!("the page shows {:?}, which nobody who asks is to see", query.contains))
    } else {
        Verdict::refused(&page, "nothing more is shown than anybody may see")
    })
}

/// Asks as a visitor does.
fn asked(context: &mut Context<'_>, query: &Injected, what: &str) -> Result<Twin, Failed> {
    let page = context.visit(&fill(&query.path, "text", &query.value), &Jar::default())?;
    Ok(Twin::of(page.contains(&query.shows), &page, what))
}

pub(super) fn xpath(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    injected(context, described(&context.app.xpath, "xpath")?)
}

pub(super) fn ordinary_xpath(context: &mut Context<'_>) -> Result<Twin, Failed> {
    asked(context, described(&context.app.xpath, "xpath")?, "a look into an XML document")
}

pub(super) fn ldap(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    injected(context, described(&context.app.ldap, "ldap")?)
}

pub(super) fn ordinary_ldap(context: &mut Context<'_>) -> Result<Twin, Failed> {
    asked(context, described(&context.app.ldap, "ldap")?, "a look into a directory")
}

/// Sends a document whose one member is this, as a script of the app's own does.
fn post(context: &mut Context<'_>, documents: &Documents, value: &serde_json::Value) -> Result<Response, Failed> {
    let member = serde_json::json!({ documents.field.as_str(): value });
    let mut request = Request::new("POST", &documents.path).header("Content-Type", "application/json");
    request.body = member.to_string().into_bytes();
    context.browse(request, &Jar::default(), &From::Own, How::Fetch)
}

/// An operator in place of a value fits every document: each of these does, in one database or another.
pub(super) fn nosql(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let documents = described(&context.app.nosql, "nosql")?;
    let mut verdict = Verdict::stopped("nothing was tried");
    for operator in [r#"{"$ne": null}"#, r#"{"$gt": ""}"#, r#"{"$regex": ".*"}"#] {
        let value = serde_json::from_str(operator).unwrap_or_default();
        let answer = post(context, documents, &value)?;
        if answer.contains(&documents.contains) {
            return Ok(Verdict::succeeded(format!("{operator} in place of a value shows {:?}", documents.contains)));
        }
        verdict = Verdict::refused(&answer, "no operator was taken for a value");
    }
    Ok(verdict)
}

/// A visitor has a value with a dollar sign and an apostrophe in it.
pub(super) fn own_document(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let documents = described(&context.app.nosql, "nosql")?;
    let answer = post(context, documents, &documents.value.as_str().into())?;
    Ok(Twin::of(answer.contains(&documents.shows), &answer, "a document of one's own"))
}
