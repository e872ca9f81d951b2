//! Attacks by a page that makes the visitor's browser act. The browser sends what a current one would: cookies by their
//! `SameSite`, Fetch Metadata, `Origin`.

use std::time::Duration;

use super::{own_form, own_login};
use crate::browser::{self, From, How};
use crate::context::{Context, described};
use crate::cookies::{Jar, Trip};
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "csrf/cross-site-form",
        title: "post in the visitor's name from a foreign site",
        effect: Effect::Active,
        cwe: 352,
        asvs: "V3.5.1",
        attack: cross_site_form,
        twin: own_form,
    },
    Probe {
        id: "csrf/sibling-form",
        title: "post in the visitor's name from another port of the same host",
        effect: Effect::Active,
        cwe: 352,
        asvs: "V3.5.1",
        attack: sibling_form,
        twin: own_form,
    },
    Probe {
        id: "csrf/hidden-origin-form",
        title: "post from a sibling page that hides its origin",
        effect: Effect::Active,
        cwe: 352,
        asvs: "V3.5.1",
        attack: hidden_origin_form,
        twin: own_form,
    },
    Probe {
        id: "csrf/old-browser-form",
        title: "post through a browser without Fetch Metadata",
        effect: Effect::Active,
        cwe: 352,
        asvs: "V3.5.1",
        attack: old_browser_form,
        twin: own_form_of_old_browser,
    },
    Probe {
        id: "csrf/login",
        title: "log the visitor into the attacker's account",
        effect: Effect::Active,
        cwe: 352,
        asvs: "V3.5.1",
        attack: login,
        twin: own_login,
    },
    Probe {
        id: "csrf/websocket",
        title: "open a WebSocket with the visitor's cookie from another port",
        effect: Effect::Active,
        cwe: 1385,
        asvs: "V4.4.2",
        attack: websocket,
        twin: own_websocket,
    },
];

/// Whether what a foreign page sent is on the app's page afterwards.
fn forged(context: &mut Context<'_>, jar: &Jar, mark: &str, answer: &Response, who: &str) -> Result<Verdict, Failed> {
    Ok(if context.read(jar)?.contains(mark) {
        Verdict::succeeded(format!("{who} wrote \"{mark}\" in the visitor's name: it is on the page"))
    } else {
        Verdict::refused(answer, "what the foreign page sent is not on the page")
    })
}

fn forge_from(context: &mut Context<'_>, from: &From, who: &str) -> Result<Verdict, Failed> {
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let form = context.text_form(&mark)?;
    let answer = context.browse(form, &jar, from, How::Navigate)?;
    forged(context, &jar, &mark, &answer, who)
}

fn cross_site_form(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    forge_from(context, &From::foreign(), "a foreign site")
}

fn sibling_form(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let from = From::sibling(&context.origin());
    forge_from(context, &from, "a page of another port")
}

/// With `Referrer-Policy: no-referrer` a form's `Origin` is `null` (Fetch, section 3.2), while `SameSite` cookies still go along.
fn hidden_origin_form(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    forge_from(context, &From::Sibling("null".into()), "a sibling page without an origin")
}

/// A form as a browser before Fetch Metadata sends it: only `Origin` tells where it comes from.
fn old_form(context: &mut Context<'_>, text: &str, jar: &Jar, origin: &str, trip: Trip) -> Result<Response, Failed> {
    let mut form = context
        .text_form(text)?
        .header("User-Agent", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/15.6 Safari/605")
        .header("Origin", origin);
    if let Some(cookies) = jar.header(trip) {
        form = form.header("Cookie", &cookies);
    }
    Ok(context.client.send(&form)?)
}

fn old_browser_form(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let answer = old_form(context, &mark, &jar, "https://evil.example", Trip::ForeignForm)?;
    forged(context, &jar, &mark, &answer, "a foreign site")
}

fn own_form_of_old_browser(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let origin = context.origin().to_string();
    let answer = old_form(context, &mark, &jar, &origin, Trip::SameSite)?;
    Ok(Twin::of(context.read(&jar)?.contains(&mark), &answer, "the app's own form in an old browser"))
}

/// The visitor then writes into the attacker's account. No cookie of the visitor is needed, so `SameSite` does not help.
fn login(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let attacker = context.attacker()?;
    let form = context.login_form(&attacker.name, &attacker.password)?;
    let answer = context.browse(form, &Jar::default(), &From::foreign(), How::Navigate)?;
    let mut jar = Jar::default();
    jar.keep(answer.all("set-cookie"));
    Ok(if context.proves(&jar, &attacker.secret)? {
        Verdict::succeeded(format!("the visitor is now logged in as {}: their page shows {}", attacker.name, attacker.secret))
    } else {
        Verdict::refused(&answer, "the visitor got no session")
    })
}

/// Opens the WebSocket as a page of `from` would; the handshake's answer and everything that came.
fn open_socket(context: &mut Context<'_>, from: &From) -> Result<Vec<u8>, Failed> {
    let path = described(&context.app.socket, "socket")?.path.clone();
    let (jar, secret, origin) = (context.victim_session()?, context.victim()?.secret, context.origin());
    let request = browser::dress(Request::get(&path), &origin, from, How::WebSocket)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "Z2FtYmVzb24gYXR0YWNrIQ==")
        .header("Cookie", &jar.header(Trip::SameSite).unwrap_or_default());
    let mut wire = context.client.open()?.patience(Duration::from_secs(3));
    wire.say(&request.bytes(&origin.authority()));
    // A server's frames are not masked (RFC 6455, section 5.1), so text is found as it is.
    Ok(wire.listen(|bytes| crate::http::find(bytes, secret.as_bytes()).is_some()))
}

fn websocket(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let (from, secret) = (From::sibling(&context.origin()), context.victim()?.secret);
    let came = open_socket(context, &from)?;
    if crate::http::find(&came, secret.as_bytes()).is_some() {
        return Ok(Verdict::succeeded(format!("a page of another port opened the WebSocket and read {secret}")));
    }
    Ok(match crate::http::read(&came, true, 1 << 20) {
        Ok(crate::http::Progress::Complete(answer, _)) => {
            Verdict::refused(&answer, "the WebSocket told the foreign page nothing")
        }
        _ => Verdict::stopped("the WebSocket told the foreign page nothing"),
    })
}

fn own_websocket(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let secret = context.victim()?.secret;
    let came = open_socket(context, &From::Own)?;
    Ok(if crate::http::find(&came, secret.as_bytes()).is_some() {
        Twin::Passed
    } else {
        Twin::Failed { why: "the app's own page could not open its WebSocket".into() }
    })
}
