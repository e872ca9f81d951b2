//! Attacks on the memory of what happened: going unnoticed, changing the record, reading secrets in it.

use super::own_login;
use crate::browser::{From, How};
use crate::context::Context;
use crate::cookies::Jar;
use crate::encode;
use crate::evidence::Evidence;
use crate::http::Response;
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "audit_log/unnoticed",
        title: "attack without leaving a record",
        effect: Effect::Active,
        cwe: 778,
        asvs: "V16.3.3",
        attack: unnoticed,
        twin: own_login,
    },
    Probe {
        id: "audit_log/altered",
        title: "change the record afterwards",
        effect: Effect::Passive,
        cwe: 117,
        asvs: "V16.4.2",
        attack: altered,
        twin: whole,
    },
    Probe {
        id: "audit_log/secrets",
        title: "read passwords and sessions in the record",
        effect: Effect::Active,
        cwe: 532,
        asvs: "V16.2.5",
        attack: secrets,
        twin: own_login,
    },
];

fn log<'a>(context: &Context<'a>) -> Result<&'a dyn Evidence, Failed> {
    context.evidence.ok_or_else(|| Failed("no access to an audit log".into()))
}

/// A foreign page's login form, which asks to be refused.
fn foreign_form(context: &mut Context<'_>, password: &str) -> Result<Response, Failed> {
    let victim = context.victim()?;
    let form = context.login_form(&victim.name, password)?;
    context.browse(form, &Jar::default(), &From::foreign(), How::Navigate)
}

/// A refusal that has a reference, by whichever layer: of a foreign form, or of a head with a NUL in it.
fn refused(context: &mut Context<'_>) -> Result<Option<Response>, Failed> {
    let answer = foreign_form(context, "wrong")?;
    if answer.reference().is_some() {
        return Ok(Some(answer));
    }
    let mut wire = context.client.open()?;
    wire.say(format!("GET / HTTP/1.1\r\nHost: {}\r\nX-A: \0\r\n\r\n", context.origin().authority()).as_bytes());
    Ok(wire.answer(&mut Vec::new()).ok().filter(|answer| answer.reference().is_some()))
}

fn unnoticed(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let log = log(context)?;
    let answer =
        refused(context)?.ok_or_else(|| Failed("nothing was refused with a reference, so there is nothing to find".into()))?;
    let reference = answer.reference().unwrap_or_default();
    Ok(match log.record(reference).map_err(Failed)? {
        Some(_) => Verdict::refused(&answer, "the refusal is in the log under its reference"),
        None => Verdict::succeeded(format!("reference {reference} is not in the log")),
    })
}

fn altered(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let log = log(context)?;
    let records = log.verify().map_err(|why| Failed(format!("the log does not verify as it is: {why}")))?;
    if records == 0 {
        return Err(Failed("the log is empty".into()));
    }
    Ok(match log.verify_altered() {
        Ok(_) => Verdict::succeeded(format!("one byte of {records} records was changed, and the chain still verifies")),
        Err(why) => Verdict::stopped(format!("one byte of a copy was changed, and it was noticed: {why}")),
    })
}

fn secrets(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let log = log(context)?;
    let planted = encode::mark();
    foreign_form(context, &planted)?;
    let jar = context.victim_session()?;
    context.visit(&format!("/{}", encode::mark()), &jar)?;
    let mut hunted: Vec<String> = jar.iter().map(|cookie| cookie.value.clone()).filter(|value| value.len() >= 16).collect();
    hunted.push(planted);
    for secret in &hunted {
        if log.contains(secret.as_bytes()).map_err(Failed)? {
            return Ok(Verdict::succeeded("a planted password or the session cookie stands in the log"));
        }
    }
    Ok(Verdict::stopped(format!("none of {} planted secrets is in the log", hunted.len())))
}

/// The untouched log verifies.
fn whole(context: &mut Context<'_>) -> Result<Twin, Failed> {
    Ok(match log(context)?.verify() {
        Ok(_) => Twin::Passed,
        Err(why) => Twin::Failed { why },
    })
}
