//! Values that the app runs. What they compute is harmless, and nobody could have written it down beforehand.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

use crate::app::fill;
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::probe::{Failed, Twin, Verdict};

/// What is computed as proof.
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
