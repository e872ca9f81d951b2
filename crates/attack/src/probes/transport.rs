//! Attacks on the way to the app: reading along, talking down, pretending another name.

use std::time::Duration;

use super::front_page;
use crate::browser::{self, From, How};
use crate::context::Context;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "transport/plaintext",
        title: "read the login page off the wire",
        effect: Effect::Passive,
        cwe: 319,
        asvs: "V12.2.1",
        attack: plaintext,
        twin: front_page,
    },
    Probe {
        id: "transport/downgrade",
        title: "keep a returning visitor on plain HTTP",
        effect: Effect::Passive,
        cwe: 523,
        asvs: "V3.4.1",
        attack: downgrade,
        twin: front_page,
    },
    Probe {
        id: "transport/old-tls",
        title: "negotiate TLS 1.1",
        effect: Effect::Passive,
        cwe: 327,
        asvs: "V12.1.1",
        attack: old_tls,
        twin: front_page,
    },
    Probe {
        id: "transport/foreign-host",
        title: "have links made for a foreign host name",
        effect: Effect::Active,
        cwe: 644,
        asvs: "V4.1.3",
        attack: foreign_host,
        twin: own_host,
    },
];

/// Six months: what SSL Labs asks of Strict-Transport-Security.
const REMEMBERED_SECS: u64 = 15_552_000;

fn plaintext(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let path = context.app.login.as_ref().map_or("/", |login| login.path.as_str());
    let plain = context.client.target.plain.clone().unwrap_or_else(|| context.origin());
    let request = browser::dress(Request::get(path), &plain, &From::Visitor, How::Navigate);
    let page = match context.client.send_plain(&request) {
        Ok(page) => page,
        Err(error) => return Ok(Verdict::stopped(format!("no page over plain HTTP: {error}"))),
    };
    if (200..300).contains(&page.status) && !page.body.is_empty() {
        let what = if page.contains("type=\"password\"") { "the form that asks for the password" } else { "a page" };
        return Ok(Verdict::succeeded(format!(
            "{what} came over plain HTTP, {} bytes that anybody on the way can read",
            page.body.len()
        )));
    }
    let evidence = match page.location() {
        Some(location) => format!("only a redirect to {location}"),
        None => "no page over plain HTTP".into(),
    };
    Ok(Verdict::refused(&page, evidence))
}

fn downgrade(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    if !context.origin().https {
        return Ok(Verdict::succeeded("the site is served over plain HTTP: there is nothing a browser could insist on"));
    }
    if !browser::can_remember_https(&context.origin().host) {
        return Err(Failed(
            "a browser binds only public names to HTTPS: give the app's name, and its address with --connect-to".into(),
        ));
    }
    let page = context.front()?;
    Ok(if browser::remembers_https(&page, REMEMBERED_SECS) {
        Verdict::stopped("a browser insists on HTTPS after the first visit (Strict-Transport-Security)")
    } else {
        Verdict::succeeded("no lasting Strict-Transport-Security: a browser follows the next http:// link")
    })
}

fn old_tls(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    if !context.origin().https {
        return Err(Failed("the target speaks no TLS".into()));
    }
    let mut wire = context.client.open_tcp()?.patience(Duration::from_secs(3));
    wire.say(&client_hello_1_1());
    let answer = wire.listen(|bytes| bytes.len() >= 7);
    Ok(match (answer.first(), answer.get(5), answer.get(6)) {
        (Some(22), Some(2), _) => Verdict::succeeded("the server answered a TLS 1.1 greeting with its own"),
        (Some(21), _, Some(alert)) => Verdict::stopped(format!("TLS alert {alert}")),
        _ => Verdict::stopped("the server closed without a word"),
    })
}

/// A ClientHello that offers nothing newer than TLS 1.1 (RFC 4346, section 7.4.1.2).
fn client_hello_1_1() -> Vec<u8> {
    const CIPHERS: [u8; 14] = [0xc0, 0x13, 0xc0, 0x14, 0xc0, 0x09, 0xc0, 0x0a, 0x00, 0x2f, 0x00, 0x35, 0x00, 0xff];
    // supported_groups: X25519, P-256; ec_point_formats: uncompressed.
    const EXTENSIONS: [u8; 16] = [0, 10, 0, 6, 0, 4, 0, 29, 0, 23, 0, 11, 0, 2, 1, 0];
    let mut hello = vec![3, 2];
    hello.extend_from_slice(&[0x47; 32]);
    hello.extend_from_slice(&[0, 0, CIPHERS.len() as u8]);
    hello.extend_from_slice(&CIPHERS);
    hello.extend_from_slice(&[1, 0, 0, EXTENSIONS.len() as u8]);
    hello.extend_from_slice(&EXTENSIONS);
    let length = hello.len() as u8;
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat()
}

fn with_host(context: &mut Context<'_>, host: &str) -> Result<Response, Failed> {
    let path = context.app.login.as_ref().map_or("/", |login| login.path.as_str());
    let request = browser::dress(Request::get(path).header("Host", host), &context.origin(), &From::Visitor, How::Navigate);
    Ok(context.client.send(&request)?)
}

fn foreign_host(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let host = format!("{}.example", encode::mark());
    let page = with_host(context, &host)?;
    let taken = page.contains(&host) || page.location().is_some_and(|location| location.contains(&host));
    Ok(if taken {
        Verdict::succeeded(format!("the page has links to {host}: a cache or a mail with a reset link would carry them"))
    } else {
        Verdict::refused(&page, "the foreign name is not in the answer")
    })
}

fn own_host(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let page = with_host(context, &context.origin().authority())?;
    Ok(Twin::of((200..300).contains(&page.status), &page, "a page under the app's own name"))
}
