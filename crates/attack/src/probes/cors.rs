//! Attacks by a page that reads what is not meant for it (Fetch, CORS protocol).

use crate::app::Api;
use crate::browser::{self, From, How};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "cors/sibling-read",
        title: "read private data from a sibling origin, with the visitor's cookie",
        effect: Effect::Passive,
        cwe: 942,
        asvs: "V3.4.2",
        attack: sibling_read,
        twin: own_script,
    },
    Probe {
        id: "cors/foreign-read",
        title: "read data through the visitor's place in the network",
        effect: Effect::Passive,
        cwe: 942,
        asvs: "V3.4.2",
        attack: foreign_read,
        twin: own_script,
    },
    Probe {
        id: "cors/null-origin",
        title: "read data from a sandboxed frame",
        effect: Effect::Passive,
        cwe: 942,
        asvs: "V3.4.2",
        attack: null_origin,
        twin: own_script,
    },
    Probe {
        id: "cors/lookalike-origin",
        title: "read data from an origin that only looks like the app's",
        effect: Effect::Passive,
        cwe: 942,
        asvs: "V3.4.2",
        attack: lookalike_origin,
        twin: own_script,
    },
    Probe {
        id: "cors/preflighted-delete",
        title: "delete something from a sibling origin by script",
        effect: Effect::Active,
        cwe: 942,
        asvs: "V3.5.2",
        attack: preflighted_delete,
        twin: own_delete,
    },
];

fn api<'a>(context: &Context<'a>) -> Result<&'a Api, Failed> {
    described(&context.app.api, "api")
}

/// A script on `from` fetches `path`; what it would be able to read.
fn read(context: &mut Context<'_>, path: &str, jar: &Jar, from: &From) -> Result<(Response, bool), Failed> {
    let answer = context.browse(Request::get(path), jar, from, How::Fetch)?;
    let origin = from.origin(&context.origin()).unwrap_or_default();
    let readable = browser::may_read(&answer, &origin, jar.iter().next().is_some());
    Ok((answer, readable))
}

/// The verdict on reading `path`, which everybody may see in a browser tab but only the app's own pages by script.
fn read_public(context: &mut Context<'_>, from: &From) -> Result<Verdict, Failed> {
    let path = api(context)?.public.clone();
    let (answer, readable) = read(context, &path, &Jar::default(), from)?;
    let origin = from.origin(&context.origin()).unwrap_or_default();
    Ok(if readable && !answer.body.is_empty() && (200..300).contains(&answer.status) {
        Verdict::succeeded(format!("{origin} may read {} bytes of {path}", answer.body.len()))
    } else {
        Verdict::refused(&answer, format!("a browser keeps the answer from {origin}"))
    })
}

fn sibling_read(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let (path, victim) = (api(context)?.private.clone(), context.victim()?);
    let (jar, from) = (context.victim_session()?, From::sibling(&context.origin()));
    let (answer, readable) = read(context, &path, &jar, &from)?;
    Ok(if readable && answer.contains(&victim.secret) {
        Verdict::succeeded(format!("a page of another port reads {}", victim.secret))
    } else {
        Verdict::refused(&answer, "a browser keeps the private data from a page of another port")
    })
}

fn foreign_read(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    read_public(context, &From::foreign())
}

fn null_origin(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    read_public(context, &From::Foreign("null".into()))
}

fn lookalike_origin(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let own = context.origin();
    let (host, authority) = (own.host.clone(), own.authority());
    let mut last = Verdict::stopped("no look-alike was tried");
    for origin in [
        format!("https://{authority}.evil.example"),
        format!("https://evil{host}"),
        format!("https://{host}.evil.example"),
        format!("https://{host}@evil.example"),
        format!("{own}.evil.example"),
        format!("{own}_.evil.example"),
        own.to_string().to_ascii_uppercase(),
    ] {
        last = read_public(context, &From::Foreign(origin))?;
        if last.is_success() {
            break;
        }
    }
    Ok(last)
}

/// Writes something for the attack to delete: its mark, and the path that deletes it.
fn written(context: &mut Context<'_>, jar: &Jar) -> Result<(String, Request), Failed> {
    let mark = encode::mark();
    context.write(&mark, jar)?;
    let page = context.read(jar)?;
    let request =
        context.deletion(&page, &mark).ok_or_else(|| Failed("what was written for the attack is not on the page".into()))?;
    Ok((mark, request))
}

fn preflighted_delete(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    described(&context.app.delete, "delete")?;
    let (jar, from) = (context.victim_session()?, From::sibling(&context.origin()));
    let (mark, request) = written(context, &jar)?;
    let question = Request::new("OPTIONS", &request.target).header("Access-Control-Request-Method", request.method);
    let preflight = context.browse(question, &Jar::default(), &from, How::Fetch)?;
    let origin = from.origin(&context.origin()).unwrap_or_default();
    if !browser::preflight_allows(&preflight, &origin, request.method) {
        return Ok(Verdict::refused(&preflight, "the preflight forbids it, so a browser never sends it"));
    }
    let answer = context.browse(request, &jar, &from, How::Fetch)?;
    let gone = !context.read(&jar)?.contains(&mark);
    Ok(if gone {
        Verdict::succeeded("a page of another port deleted it: it is gone from the page")
    } else {
        Verdict::refused(&answer, "it is still on the page")
    })
}

/// The app's own script reads the data.
fn own_script(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let path = api(context)?.public.clone();
    let answer = context.fetch(&path, &Jar::default())?;
    Ok(Twin::of((200..300).contains(&answer.status) && !answer.body.is_empty(), &answer, "the app's own script"))
}

/// The app's own script deletes something.
fn own_delete(context: &mut Context<'_>) -> Result<Twin, Failed> {
    described(&context.app.delete, "delete")?;
    let jar = context.victim_session()?;
    let (mark, request) = written(context, &jar)?;
    let answer = context.browse(request, &jar, &From::Own, How::Fetch)?;
    Ok(Twin::of(!context.read(&jar)?.contains(&mark), &answer, "the app's own script deletes"))
}
