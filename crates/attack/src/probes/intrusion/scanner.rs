//! Requests by which nobody visits: those of tools that look for what they could attack.

use crate::context::Context;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Failed, Twin, Verdict};

/// A request as a program sends it: no cookies, nothing of what browsers tell.
fn by(context: &mut Context<'_>, agent: &str, path: &str) -> Result<Response, Failed> {
    let request = Request::get(path).header("User-Agent", agent).header("Accept", "*/*");
    Ok(context.client.send(&request)?)
}

/// Words and a search for them. They have a space, so that a page that merely tells which address was asked for has not got them.
fn words(context: &Context<'_>) -> Result<(String, String), Failed> {
    let words = format!("tea with {}", encode::mark());
    let path = context.search_path(&words)?;
    Ok((words, path))
}

/// What a scanner asks for first, whatever runs there.
const FIRST: [&str; 6] =
    ["/phpmyadmin/index.php", "/wp-login.php", "/cgi-bin/luci", "/server-status", "/actuator/env", "/manager/html"];

/// A scanner that names itself looks around, then reads a page.
pub(super) fn scan(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let (words, path) = words(context)?;
    for known in FIRST {
        by(context, "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:map_codes)", known)?;
    }
    let page = by(context, "sqlmap/1.9.4#stable (https://sqlmap.org)", &path)?;
    Ok(if page.contains(&words) {
        Verdict::succeeded(format!("after {} known holes a scanner still reads {path}", FIRST.len()))
    } else {
        Verdict::refused(&page, "the scanner reads no page")
    })
}

/// Programs that are no browsers read pages, too: a monitor, a script, a search engine.
pub(super) fn honest_programs(context: &mut Context<'_>) -> Result<Twin, Failed> {
    for agent in
        ["curl/8.14.1", "python-requests/2.32.5", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"]
    {
        let (words, path) = words(context)?;
        let page = by(context, agent, &path)?;
        if !page.contains(&words) {
            return Ok(Twin::of(false, &page, agent));
        }
    }
    Ok(Twin::Passed)
}
