//! Requests that two readers take for two things (CWE-436): what a filter saw is not what the app then has.

use crate::app::{Write, fill, fill_fields};
use crate::browser::{From, How};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Failed, Twin, Verdict};

/// Sends these texts as one JSON object in which every name stands once for each; the answer, and the page where they are read.
fn post(context: &mut Context<'_>, json: &Write, texts: &[&str], jar: &Jar) -> Result<(Response, Response), Failed> {
    let members: Vec<_> = texts.iter().flat_map(|text| fill_fields(&json.fields, &[("text", text)])).collect();
    let answer = context.browse(Request::json(&json.path, &members), jar, &From::Own, How::Fetch)?;
    Ok((answer, context.visit(&json.read, jar)?))
}

/// RFC 8259 leaves open which of two members of one name counts; Python takes the last.
pub(super) fn two_values(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let json = described(&context.app.json, "json")?;
    let (jar, first, second) = (context.victim_session()?, encode::mark(), encode::mark());
    let (answer, page) = post(context, json, &[&first, &second], &jar)?;
    Ok(if page.contains(&second) && !page.contains(&first) {
        Verdict::succeeded(format!("who reads the first value sees {first}; the app took {second}"))
    } else {
        Verdict::refused(&answer, "the app did not take one of two values")
    })
}

/// A program of the app's own sends a text with quotes and braces.
pub(super) fn own_json(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let json = described(&context.app.json, "json")?;
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let text = format!("O'Brien says: {{\"a\": 1, \"a\": 2}} is \\ odd; DROP me a line, {mark}");
    let (answer, page) = post(context, json, &[&text], &jar)?;
    Ok(Twin::of(page.contains(&mark), &answer, "an ordinary JSON document"))
}

/// RFC 7578 does not want `filename*`, and who reads it anyway lets it count more.
pub(super) fn two_names(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let upload = described(&context.app.upload, "upload")?;
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let named = format!("filename=\"{mark}.png\"; filename*=utf-8''{mark}.html");
    let request = Request::file(&upload.path, &upload.field, &named, "image/png", mark.as_bytes());
    let answer = context.browse(request, &jar, &From::Own, How::Navigate)?;
    let page = context.visit(&fill(&upload.read, "file", &format!("{mark}.html")), &jar)?;
    Ok(if page.status == 200 && page.contains(&mark) {
        Verdict::succeeded(format!("who reads the first name sees {mark}.png; the app keeps {mark}.html"))
    } else {
        Verdict::refused(&answer, "the app has no file of the second name")
    })
}
