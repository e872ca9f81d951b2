//! Values that the app runs. What they compute is harmless, and nobody could have written it down beforehand.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

use crate::app::{Ask, fill};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::probe::{Failed, Twin, Verdict};

/// What is computed as proof, where the app computes nothing by itself.
const FACTORS: (u64, u64) = (61_057, 42_853);

fn product() -> String {
    (FACTORS.0 * FACTORS.1).to_string()
}

pub(super) fn template(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let path = &described(&context.app.template, "template")?.path;
    let expression = format!("{{{{{}*{}}}}}", FACTORS.0, FACTORS.1);
    let page = context.visit(&fill(path, "text", &expression), &Jar::default())?;
    Ok(if page.contains(&product()) {
        Verdict::succeeded(format!("the page shows what {expression} is: {}", product()))
    } else {
        Verdict::refused(&page, "the expression was not computed")
    })
}

/// A visitor follows a broken link with braces and an apostrophe in it.
pub(super) fn missing_page(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let path = &described(&context.app.template, "template")?.path;
    let mark = encode::mark();
    let page = context.visit(&fill(path, "text", &format!("{{id}} O'Brien's {mark}")), &Jar::default())?;
    Ok(Twin::of(page.contains(&mark), &page, "a page that shows what it was asked for"))
}

/// A pickle of protocol 0 that calls `eval`: a list with one text, as an app expects it.
fn calling() -> String {
    URL_SAFE.encode(format!("cbuiltins\neval\n(S'[str({}*{})]'\ntR.", FACTORS.0, FACTORS.1))
}

pub(super) fn pickle(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let pickle = described(&context.app.pickle, "pickle")?;
    let mut jar = Jar::default();
    jar.keep(context.visit(&fill(&pickle.path, "text", "first"), &jar)?.all("set-cookie"));
    // Its name may have been given a prefix.
    let name = jar.iter().find(|cookie| cookie.name.ends_with(&pickle.cookie)).map(|cookie| cookie.name.clone());
    let name = name.ok_or_else(|| Failed(format!("the app sets no cookie {}", pickle.cookie)))?;
    jar.keep([format!("{name}={}; Secure; Path=/", calling()).as_str()].into_iter());
    let page = context.visit(&fill(&pickle.path, "text", "second"), &jar)?;
    Ok(if page.contains(&product()) {
        Verdict::succeeded(format!("code in the cookie {name} was run: the page shows {}", product()))
    } else {
        Verdict::refused(&page, "the code was not run")
    })
}

/// The app remembers what a visitor did before.
pub(super) fn remembered(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let pickle = described(&context.app.pickle, "pickle")?;
    let (mark, mut jar) = (encode::mark(), Jar::default());
    jar.keep(context.visit(&fill(&pickle.path, "text", &mark), &jar)?.all("set-cookie"));
    let page = context.visit(&fill(&pickle.path, "text", "second"), &jar)?;
    Ok(Twin::of(page.contains(&mark), &page, "what the app remembers in a cookie"))
}

/// Asks with each of these in turn until one is a proof; else the last answer.
fn asked(context: &mut Context<'_>, path: &str, tries: &[String], proof: &str) -> Result<Verdict, Failed> {
    let mut verdict = Verdict::stopped("nothing was tried");
    for text in tries {
        let page = context.visit(&fill(path, "text", text), &Jar::default())?;
        if page.contains(proof) {
            return Ok(Verdict::succeeded(format!("the page shows what {text} gives: {proof}")));
        }
        verdict = Verdict::refused(&page, format!("none of {} spellings was run", tries.len()));
    }
    Ok(verdict)
}

/// Whether the page shows for an ordinary value what it should.
fn answered(context: &mut Context<'_>, ask: &Ask, what: &str) -> Result<Twin, Failed> {
    let page = context.visit(&fill(&ask.path, "text", &ask.value), &Jar::default())?;
    Ok(Twin::of(page.contains(&ask.shows), &page, what))
}

/// Behind a value in no quotes, in double and in single ones, and as a substitution.
pub(super) fn shell(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let command = described(&context.app.command, "command")?;
    let sum = format!("echo $(({}*{}))", FACTORS.0, FACTORS.1);
    let value = &command.value;
    let tries = [
        format!("{value}; {sum}"),
        format!("{value}\"; {sum}; echo \""),
        format!("{value}'; {sum}; echo '"),
        format!("$({sum})"),
    ];
    asked(context, &command.path, &tries, &product())
}

/// A visitor asks for what has an apostrophe and an ampersand in its name.
pub(super) fn ordinary_command(context: &mut Context<'_>) -> Result<Twin, Failed> {
    answered(context, described(&context.app.command, "command")?, "a page that asks the shell")
}

/// A file that every machine of this kind has, and how it begins; no app shows it on purpose.
pub(super) const FILE: (&str, &str) = ("/etc/passwd", "root:");

/// With the builtins that Python has by itself, and by a walk to them where an app took them away.
pub(super) fn python(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let python = described(&context.app.python, "python")?;
    let open = |by: &str| format!("{by}('{}').read()", FILE.0);
    let walk = "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]\
                .__init__.__globals__['__builtins__']['open']";
    asked(context, &python.path, &[open("open"), open("__import__('io').open"), open(walk)], FILE.1)
}

/// A visitor has something computed.
pub(super) fn ordinary_sum(context: &mut Context<'_>) -> Result<Twin, Failed> {
    answered(context, described(&context.app.python, "python")?, "a sum")
}
