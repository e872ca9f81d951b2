//! Attacks by number: guessing and flooding.

use super::own_login;
use crate::browser::{From, How};
use crate::context::Context;
use crate::cookies::Jar;
use crate::encode;
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "rate_limit/password-guessing",
        title: "guess a password from a list",
        effect: Effect::Intrusive,
        cwe: 307,
        asvs: "V6.3.1",
        attack: password_guessing,
        twin: own_login,
    },
    Probe {
        id: "rate_limit/flood",
        title: "ask for the costliest page without end",
        effect: Effect::Intrusive,
        cwe: 770,
        asvs: "V2.4.1",
        attack: flood,
        twin: a_page_with_its_parts,
    },
];

/// The place of the right password in the attacker's list.
const GUESSES: usize = 40;

fn password_guessing(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let victim = context.victim()?;
    let mut jar = Jar::default();
    let mut last = None;
    for guess in 0..GUESSES {
        let password = if guess + 1 == GUESSES { victim.password.clone() } else { format!("guess-{guess}") };
        let form = context.login_form(&victim.name, &password)?;
        let answer = context.browse(form, &jar, &From::Own, How::Navigate)?;
        jar.keep(answer.all("set-cookie"));
        let refused = answer.status == 429;
        last = Some(answer);
        if refused {
            break;
        }
    }
    let Some(answer) = last else {
        return Err(Failed("no guess was made".into()));
    };
    Ok(if context.proves(&jar, &victim.secret)? {
        Verdict::succeeded(format!("guess {GUESSES} opened {}'s account: it shows {}", victim.name, victim.secret))
    } else {
        Verdict::refused(&answer, format!("the guesser did not get as far as guess {GUESSES}"))
    })
}

/// Requests within a few seconds from one address; a person with a page of many parts stays far below.
const FLOOD: usize = 1000;

fn flood(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    for answered in 0..FLOOD {
        let mark = encode::mark();
        let page = context.visit(&context.search_path(&mark)?, &Jar::default())?;
        if !page.contains(&mark) {
            return Ok(Verdict::refused(&page, format!("{answered} of {FLOOD} searches were answered, then no more")));
        }
    }
    Ok(Verdict::succeeded(format!("the app worked through all {FLOOD} searches of one address")))
}

/// Thirty requests at once, as a page with many pictures makes them.
fn a_page_with_its_parts(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let mut page = context.front()?;
    for _ in 0..30 {
        page = context.front()?;
        if !(200..300).contains(&page.status) {
            break;
        }
    }
    Ok(Twin::of((200..300).contains(&page.status), &page, "a page with thirty parts"))
}
