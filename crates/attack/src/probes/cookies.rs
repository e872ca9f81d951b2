//! Attacks on cookies: reading them by script or off the wire, having them sent, setting them from elsewhere.

use super::own_login;
use crate::context::Context;
use crate::cookies::{Cookie, Jar, SameSite, Trip};
use crate::probe::{Effect, Failed, Probe, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "cookies/script-readable",
        title: "read cookies by script",
        effect: Effect::Passive,
        cwe: 1004,
        asvs: "V3.3.4",
        attack: script_readable,
        twin: own_login,
    },
    Probe {
        id: "cookies/sent-in-plaintext",
        title: "read cookies off a plain HTTP request",
        effect: Effect::Passive,
        cwe: 614,
        asvs: "V3.3.1",
        attack: sent_in_plaintext,
        twin: own_login,
    },
    Probe {
        id: "cookies/sent-cross-site",
        title: "have cookies sent with a foreign site's form",
        effect: Effect::Passive,
        cwe: 1275,
        asvs: "V3.3.2",
        attack: sent_cross_site,
        twin: own_login,
    },
    Probe {
        id: "cookies/tossing",
        title: "plant the attacker's session from a sibling host",
        effect: Effect::Active,
        cwe: 384,
        asvs: "V3.3.3",
        attack: tossing,
        twin: own_login,
    },
];

/// The cookies a visitor has after login, or after the first page of an app without a description.
fn set_by(context: &mut Context<'_>) -> Result<Vec<Cookie>, Failed> {
    let mut jar = Jar::default();
    if context.app.login.is_some() {
        jar = context.victim_session()?;
    } else {
        jar.keep(context.front()?.all("set-cookie"));
    }
    let cookies: Vec<Cookie> = jar.iter().cloned().collect();
    if cookies.is_empty() { Err(Failed("the app sets no cookie".into())) } else { Ok(cookies) }
}

/// Succeeded, naming the cookies that are `weak`; the session first, when the description names it.
fn weak(context: &mut Context<'_>, weak: impl Fn(&Cookie) -> bool, what: &str, else_: &str) -> Result<Verdict, Failed> {
    let cookies = set_by(context)?;
    let names: Vec<&str> = cookies.iter().filter(|cookie| weak(cookie)).map(|cookie| cookie.name.as_str()).collect();
    Ok(if names.is_empty() {
        Verdict::stopped(format!("{else_}: {}", cookies.iter().map(|cookie| cookie.name.as_str()).collect::<Vec<_>>().join(", ")))
    } else {
        Verdict::succeeded(format!("{what}: {}", names.join(", ")))
    })
}

fn script_readable(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    weak(context, |cookie| !cookie.http_only, "document.cookie has", "HttpOnly")
}

fn sent_in_plaintext(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    weak(context, |cookie| !cookie.secure, "a browser sends over plain HTTP", "Secure")
}

fn sent_cross_site(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let weak_site = |cookie: &Cookie| matches!(cookie.same_site, SameSite::None | SameSite::Unset);
    weak(context, weak_site, "some browsers send with a foreign form", "SameSite")
}

/// A sibling host, or anybody on the wire, can set a cookie for the whole domain, but none named `__Host-…`. So the attacker plants
/// the value of their own session under the name without the prefix; if the app takes it, the visitor works in the attacker's account.
fn tossing(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let attacker = context.attacker()?;
    let own = context.session(&attacker)?;
    let planted: Vec<String> = own
        .iter()
        .map(|cookie| format!("{}={}; Domain=example; Path=/", cookie.name.trim_start_matches("__Host-"), cookie.value))
        .collect();
    let mut jar = Jar::default();
    jar.keep(planted.iter().map(String::as_str));
    if context.proves(&jar, &attacker.secret)? {
        let names = planted.iter().filter_map(|line| line.split('=').next()).collect::<Vec<_>>().join(", ");
        return Ok(Verdict::succeeded(format!(
            "a planted {names} makes the visitor {}: their page shows {}",
            attacker.name, attacker.secret
        )));
    }
    let bound = own.iter().filter(|cookie| cookie.host_bound()).map(|cookie| cookie.name.as_str()).collect::<Vec<_>>().join(", ");
    let sent = jar.header(Trip::SameSite).map(|header| header.len()).unwrap_or_default();
    Ok(Verdict::stopped(format!(
        "the app does not take the {sent} planted bytes; host-bound: {}",
        if bound.is_empty() { "none" } else { &bound }
    )))
}
