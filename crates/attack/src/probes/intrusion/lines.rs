//! Values that the app writes into lines: where a value ends its line, the next one is the attacker's.

use crate::app::{fill, fill_fields};
use crate::browser::{From, How};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Failed, Twin, Verdict};

fn send(context: &mut Context<'_>, subject: &str, text: &str) -> Result<Response, Failed> {
    let mail = described(&context.app.mail, "mail")?;
    let form = Request::form(&mail.path, &fill_fields(&mail.fields, &[("subject", subject), ("text", text)]));
    context.browse(form, &Jar::default(), &From::Own, How::Navigate)
}

/// The subject of a mail with a recipient more in its second line.
pub(super) fn mail(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let recipient = format!("{}@evil.example", encode::mark());
    let answer = send(context, &format!("Hello\r\nBcc: {recipient}"), "Buy now!")?;
    // A subject that is shown again still has the name of the field before it.
    Ok(if answer.text().replace(&format!("Bcc: {recipient}"), "").contains(&recipient) {
        Verdict::succeeded(format!("the mail also goes to {recipient}, who stood in its subject"))
    } else {
        Verdict::refused(&answer, "the mail goes to nobody else")
    })
}

/// A visitor writes a letter: a subject with colons, lines like those of a head in its text.
pub(super) fn own_mail(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let shows = described(&context.app.mail, "mail")?.shows.clone();
    let text = "Dear all,\r\n\r\nWhen: on Tuesday\r\nWhere: at O'Brien's\r\nPS: Location: the usual one\r\n\r\nYours\r\nAnn";
    let answer = send(context, "Re: Tuesday: tea & 100% cake, subject: to change", text)?;
    Ok(Twin::of(answer.contains(&shows), &answer, "a letter"))
}

/// A path with a line of the attacker's own behind the one it is.
pub(super) fn log(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let log = described(&context.app.log, "log")?;
    let forged = format!("{} admin logged in from 198.51.100.7", encode::mark());
    let answer = context.visit(&fill(&log.path, "text", &format!("x\n{forged}")), &Jar::default())?;
    let list = context.visit(&log.read, &Jar::default())?;
    Ok(if list.text().lines().any(|line| line == forged) {
        Verdict::succeeded(format!("a line of the list says: {forged}"))
    } else {
        Verdict::refused(&answer, "no line of the list is the attacker's")
    })
}

/// A visitor follows a broken link, and it is in the list.
pub(super) fn broken_link(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let log = described(&context.app.log, "log")?;
    let mark = encode::mark();
    context.visit(&fill(&log.path, "text", &format!("O'Brien's tea, 100% {mark}")), &Jar::default())?;
    let list = context.visit(&log.read, &Jar::default())?;
    Ok(Twin::of(list.contains(&mark), &list, "a list of broken links"))
}
