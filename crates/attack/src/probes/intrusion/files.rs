//! Files that nobody should reach, and files put where they should not be.

use super::code::FILE;
use crate::app::fill;
use crate::browser::{Csp, From, How};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Failed, Twin, Verdict};

pub(super) fn path_traversal(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let file = described(&context.app.file, "file")?;
    let jar = context.victim_session()?;
    let answer = context.visit(&fill(&file.path, "file", &file.file), &jar)?;
    Ok(if answer.contains(&file.contains) {
        Verdict::succeeded(format!("{} was read: {} bytes with {:?}", file.file, answer.body.len(), file.contains))
    } else {
        Verdict::refused(&answer, "the file did not come")
    })
}

/// A name from the root on: joined to a folder, Python takes it for itself.
pub(super) fn system_file(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let path = &described(&context.app.file, "file")?.path;
    let (jar, (file, sign)) = (context.victim_session()?, FILE);
    let answer = context.visit(&fill(path, "file", file), &jar)?;
    Ok(if answer.text().starts_with(sign) {
        Verdict::succeeded(format!("{file} was read: {} bytes that begin with {sign:?}", answer.body.len()))
    } else {
        Verdict::refused(&answer, "the file did not come")
    })
}

/// The name goes up and comes back, so that the file can be read where it ends: an app that obeyed it obeys any.
pub(super) fn upload_traversal(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let upload = described(&context.app.upload, "upload")?;
    let Some(escape) = &upload.escape else {
        return Err(Failed("the description of the app has no `escape` in [upload]".into()));
    };
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let (file, content) = (format!("{mark}.txt"), format!("{mark} was here"));
    let name = escape.replace("{file}", &file);
    let request = Request::upload(&upload.path, &upload.field, &name, "text/plain", content.as_bytes());
    let answer = context.browse(request, &jar, &From::Own, How::Navigate)?;
    let read = context.visit(&fill(&upload.read, "file", &file), &jar)?;
    Ok(if read.contains(&content) {
        Verdict::succeeded(format!("the file came to where its name {name} leads"))
    } else {
        Verdict::refused(&answer, "the file is not where its name leads")
    })
}

/// A user uploads a picture under the name that a camera, an office and a family gave it.
pub(super) fn own_picture(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let upload = described(&context.app.upload, "upload")?;
    let (jar, picture) = (context.victim_session()?, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe../../etc/passwd");
    let file = format!("O'Brien & Söhne, 100% (1)..final {}.png", encode::mark());
    let request = Request::upload(&upload.path, &upload.field, &file, "image/png", picture);
    context.browse(request, &jar, &From::Own, How::Navigate)?;
    let answer = context.visit(&fill(&upload.read, "file", &file), &jar)?;
    Ok(Twin::of(answer.body == picture, &answer, "an uploaded picture"))
}

/// What scanners ask every site for, and what stands in it.
const LYING_ABOUT: [(&str, &[&str]); 8] = [
    ("/.env", &["PASSWORD=", "SECRET_KEY=", "API_KEY=", "TOKEN="]),
    ("/.git/HEAD", &["ref: refs/"]),
    ("/.git/config", &["[core]"]),
    ("/backup.sql", &["CREATE TABLE"]),
    ("/dump.sql", &["CREATE TABLE"]),
    ("/db.sqlite3", &["SQLite format 3"]),
    ("/.aws/credentials", &["aws_secret_access_key"]),
    ("/settings.py", &["SECRET_KEY"]),
];

pub(super) fn secret_files(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let mut refusal = None;
    for (path, signs) in LYING_ABOUT {
        let answer = context.visit(path, &Jar::default())?;
        if let Some(sign) = signs.iter().find(|sign| answer.status == 200 && answer.contains(sign)) {
            // Not the line itself: it is a secret.
            return Ok(Verdict::succeeded(format!("{path} is served, and {sign:?} is in it")));
        }
        refusal = refusal.or(answer.reference().is_some().then_some(answer));
    }
    let evidence = format!("none of {} such files came", LYING_ABOUT.len());
    Ok(refusal.map_or_else(|| Verdict::stopped(evidence.clone()), |answer| Verdict::refused(&answer, &evidence)))
}

/// What search engines and browsers ask every site for is the app's to answer, be it that there is none.
pub(super) fn public_files(context: &mut Context<'_>) -> Result<Twin, Failed> {
    for path in ["/robots.txt", "/.well-known/security.txt", "/favicon.ico"] {
        let answer = context.visit(path, &Jar::default())?;
        if !matches!(answer.status, 200 | 404) || answer.reference().is_some() {
            return Ok(Twin::of(false, &answer, path));
        }
    }
    Ok(Twin::Passed)
}

/// `script-src 'self'` trusts whatever the app itself serves as a script, an upload included.
pub(super) fn uploaded_script(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let upload = described(&context.app.upload, "upload")?;
    let (jar, mark) = (context.victim_session()?, encode::mark());
    let file = format!("{mark}.js");
    let request = Request::upload(&upload.path, &upload.field, &file, "text/javascript", format!("{mark}()").as_bytes());
    context.browse(request, &jar, &From::Own, How::Navigate)?;
    let path = fill(&upload.read, "file", &file);
    let script = context.fetch(&path, &jar)?;
    let is_script = is_script(&script) && script.contains(&mark);
    let (runs, page) = loaded(context, &path, &jar)?;
    Ok(if is_script && runs {
        Verdict::succeeded(
            "the page loads the uploaded script from the app itself, and its Content-Security-Policy has no objection",
        )
    } else {
        Verdict::refused(&page, "the uploaded script does not run in the page")
    })
}

/// Whether a browser runs this as a script.
pub(super) fn is_script(answer: &Response) -> bool {
    answer.header("content-type").is_some_and(|kind| kind.contains("javascript"))
}

/// Writes a tag that loads a script of the app's own; whether a browser would run that, and the page.
pub(super) fn loaded(context: &mut Context<'_>, path: &str, jar: &Jar) -> Result<(bool, Response), Failed> {
    let (tag, own) = (format!("<script src=\"{path}\">"), context.origin());
    context.write(&format!("{tag}</script>"), jar)?;
    let page = context.read(jar)?;
    Ok((page.contains(&tag) && Csp::of(&page).runs_script_from(&format!("{own}{path}"), &own), page))
}
