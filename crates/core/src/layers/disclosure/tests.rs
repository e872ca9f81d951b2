use super::*;
use crate::{
    engine::{Decision, Engine, Moment, Outgoing, Payload, ResponseStep, Step},
    exchange::{Connection, Entropy, Received, ResponseHead, Tls},
    policy::Policy,
};
use bytes::Bytes;
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use proptest::prelude::*;
use std::{io::Write, sync::Arc};

const TRACEBACK: &str = "Traceback (most recent call last):\n  File \"/srv/app/views.py\", line 41, in show\n    raise KeyError(name)\nKeyError: 'hunter2hunter2'\n";

/// What leaves when the app answers a GET like this.
fn answer(policy: &str, status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Outgoing {
    answer_to(policy, "/a", &[], status, headers, body)
}

fn map(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn answer_to(
    policy: &str,
    target: &'static str,
    sent: &[(&'static str, &str)],
    status: u16,
    fields: &[(&'static str, &str)],
    body: &[u8],
) -> Outgoing {
    let engine = Engine::new(Arc::new(Policy::parse(policy).unwrap()));
    let mut headers = map(sent);
    headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    let target = Bytes::from_static(target.as_bytes());
    let received = Received { method: Method::GET, target, authority: None, version: Version::HTTP_11, headers, has_body: false };
    let connection = Connection::new([127, 0, 0, 1].into(), Some(Arc::new(Tls::default())));
    let moment = Moment { now_ms: 0, entropy: Entropy([0; 24]) };
    let Step::Ask(pending) = engine.receive(received, connection, moment) else { panic!("answered at once") };
    let Decision::Forward(_, _, exchange) = pending.decide(&[]) else { panic!("not forwarded") };
    let head = ResponseHead { status: StatusCode::from_u16(status).unwrap(), headers: map(fields) };
    match exchange.response(head) {
        ResponseStep::Send(outgoing) => outgoing,
        ResponseStep::Hold(held) => {
            let seen = &body[..body.len().min(held.bytes_max())];
            let whole = seen.len() == body.len();
            held.body(seen, whole)
        }
    }
}

const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
const PLAIN: (&str, &str) = ("content-type", "text/plain");
const JSON: (&str, &str) = ("content-type", "application/json");

fn rule(outgoing: &Outgoing) -> Option<String> {
    let own = matches!(outgoing.payload, Payload::Own(_));
    let finding = outgoing.finish.findings().find(|finding| finding.layer == LayerName::Disclosure);
    own.then(|| finding.map_or_else(|| "?".to_owned(), |finding| finding.rule.to_string()))
}

#[test]
fn what_gives_the_app_away_is_replaced() {
    let cases: &[(&str, u16, (&str, &str), &str)] = &[
        ("python-traceback", 500, PLAIN, TRACEBACK),
        ("python-traceback", 404, HTML, "<pre>  File &quot;/srv/x.py&quot;, line 3, in f</pre>"),
        ("python-traceback", 500, HTML, "<pre>File &#34;/srv/x.py&#34;, line 3</pre>"),
        (
            "python-traceback",
            400,
            JSON,
            r#"{"trace": "Traceback (most recent call last):\n  File \"/srv/x.py\", line 3, in f\n"}"#,
        ),
        ("sql-error", 500, PLAIN, "Database error: near \"'\": syntax error"),
        ("sql-error", 400, JSON, r#"{"error": "near \"x\": syntax error"}"#),
        ("sql-error", 500, PLAIN, "no such table: users"),
        ("sql-error", 409, PLAIN, "UNIQUE constraint failed: user.email"),
        ("sql-error", 500, PLAIN, "psycopg.errors.SyntaxError: x"),
        ("sql-error", 500, PLAIN, "syntax error at or near \"'\"\nLINE 1: SELECT"),
        ("sql-error", 500, PLAIN, "(1064, \"You have an error in your SQL syntax; check the manual\")"),
        ("sql-error", 500, PLAIN, "ORA-00933: SQL command not properly ended"),
        ("sql-error", 500, PLAIN, "SQLSTATE[42000]: Syntax error"),
        ("stack-trace", 500, PLAIN, "Oops\n\tat com.example.App.run(App.java:12)"),
        ("stack-trace", 500, HTML, "<pre>at handle (/usr/src/app/index.js:10:15)</pre>"),
        ("stack-trace", 500, HTML, "<b>Warning</b>: include(x): failed in <b>/var/www/a.php</b> on line <b>3</b>"),
        ("stack-trace", 500, PLAIN, "goroutine 12 [running]:\nmain.main()"),
        ("stack-trace", 500, PLAIN, "thread 'main' panicked at src/main.rs:4:5"),
        ("source-path", 404, PLAIN, "cannot read /srv/app/templates/index.html:12"),
        ("source-path", 404, PLAIN, "[Errno 2] No such file or directory: '/srv/uploads/a.txt'"),
        ("secret", 500, PLAIN, "cannot connect to postgresql://app:swordfish@db/app"),
        ("secret", 403, PLAIN, "denied for AKIAIOSFODNN7EXAMPLE"),
        ("python-exception", 500, PLAIN, "KeyError: 'name'"),
        ("python-exception", 500, JSON, r#"{"detail": "jinja2.exceptions.UndefinedError: 'x' is undefined"}"#),
        ("debug-page", 500, HTML, "<title>Starlette Debugger</title>"),
        ("debug-page", 404, HTML, "<div id=\"summary\">\n  <h1>Page not found <span>(404)</span></h1>"),
    ];
    for (expected, status, kind, body) in cases {
        let outgoing = answer("", *status, &[*kind], body.as_bytes());
        assert_eq!(rule(&outgoing).as_deref(), Some(*expected), "{body}");
        assert_eq!(outgoing.head.status.as_u16(), *status, "the status is kept");
    }
}

#[test]
fn what_only_speaks_of_errors_passes() {
    let long_question = format!("<h1>Why does this fail?</h1><pre>{}</pre>", TRACEBACK.replace('"', "&quot;"));
    let cases: &[(u16, (&str, &str), &str)] = &[
        (200, HTML, &long_question),
        (200, HTML, "<p>The Werkzeug Debugger sets <code>CONSOLE_MODE</code></p>"),
        (200, PLAIN, TRACEBACK),
        (404, HTML, "<!doctype html><title>404 Not Found</title><p>The requested URL was not found on the server.</p>"),
        (
            422,
            JSON,
            r#"{"detail":[{"type":"int_parsing","loc":["path","x"],"msg":"Input should be a valid integer","input":"z"}]}"#,
        ),
        (400, JSON, r#"{"error":"ValueError: the date must lie in the future"}"#),
        (400, JSON, r#"{"email":["Enter a valid e-mail address."],"name":["O'Brien is taken."]}"#),
        (
            500,
            HTML,
            "<h1>Internal Server Error</h1><p>The server encountered an internal error and was unable to complete your request.</p>",
        ),
        (403, HTML, "<p>More information is available with DEBUG=True.</p>"),
        (404, HTML, "<p>No results for SELECT name FROM users WHERE id = 1 UNION SELECT 2</p>"),
        (404, HTML, "<p>File not found: report.pdf, line 3 of the list</p>"),
        (503, HTML, "<p>Down for maintenance. Error: try again at 12:30:00</p>"),
        (401, PLAIN, "Could not verify your access level for that URL."),
    ];
    for (status, kind, body) in cases {
        let outgoing = answer("", *status, &[*kind], body.as_bytes());
        assert_eq!(rule(&outgoing), None, "{status} {body}");
        assert!(matches!(outgoing.payload, Payload::App));
    }
}

#[test]
fn a_debugger_is_found_at_any_status() {
    let console = "<!doctype html><script>\n      var CONSOLE_MODE = true,\n          EVALEX = true,\n SECRET = \"x\";</script>";
    let length = console.len().to_string();
    let server = ("server", "Werkzeug/3.1.3 Python/3.13.5");
    let with = |policy, fields: &[_]| rule(&answer(policy, 200, fields, console.as_bytes()));
    assert_eq!(with("", &[HTML, server, ("content-length", &length)]).as_deref(), Some("debug-page"));
    assert_eq!(with("[disclosure]\nscan = \"pages\"", &[HTML, ("content-length", &length)]).as_deref(), Some("debug-page"));
    assert_eq!(with("", &[HTML, ("content-length", &length)]), None, "a page that succeeds is not held by default");
    assert_eq!(with("", &[HTML, server]), None, "without a length it may be a stream");
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(text).unwrap();
    out.finish().unwrap()
}

#[test]
fn codings_are_one_list_however_many_lines_hold_it() {
    let with = |codings: &[&str], body: &[u8]| {
        let lines = codings.iter().map(|coding| ("content-encoding", *coding));
        rule(&answer("", 500, &std::iter::once(PLAIN).chain(lines).collect::<Vec<_>>(), body))
    };
    let (once, found) = (gzip(TRACEBACK.as_bytes()), Some("python-traceback"));
    let twice = gzip(&once);
    for codings in [&["identity", "gzip"][..], &["GZIP", ""], &["identity, gzip"], &[" , X-Gzip,"]] {
        assert_eq!(with(codings, &once).as_deref(), found, "{codings:?}");
    }
    for codings in [&["gzip", "gzip"][..], &["gzip, gzip"], &["identity", "gzip,identity", "gzip"]] {
        assert_eq!(with(codings, &twice).as_deref(), found, "{codings:?}");
        assert_eq!(with(codings, &gzip(&gzip(b"sorry"))), None, "{codings:?}");
    }
    assert_eq!(with(&["identity", "br"], b"\x01\x02").as_deref(), Some("unreadable-error"));
    assert_eq!(with(&["br", "gzip"], &once).as_deref(), Some("unreadable-error"), "what is brotli beneath is not read");
    assert_eq!(with(&["gzip,gzip,gzip,gzip,gzip"], &once).as_deref(), Some("unreadable-error"));
}

#[test]
fn compressed_errors_are_looked_into() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(TRACEBACK.as_bytes()).unwrap();
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
    bare.write_all(TRACEBACK.as_bytes()).unwrap();
    let with = |status, coding, body: &[u8]| rule(&answer("", status, &[PLAIN, ("content-encoding", coding)], body));
    assert_eq!(with(500, "gzip", &gzip(TRACEBACK.as_bytes())).as_deref(), Some("python-traceback"));
    assert_eq!(with(500, "deflate", &zlib.finish().unwrap()).as_deref(), Some("python-traceback"));
    assert_eq!(with(500, "deflate", &bare.finish().unwrap()).as_deref(), Some("python-traceback"));
    assert_eq!(with(500, "gzip", &gzip(b"sorry")), None);
    assert_eq!(with(500, "br", b"\x01\x02").as_deref(), Some("unreadable-error"));
    assert_eq!(with(404, "br", b"\x01\x02"), None);
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert_eq!(with(500, "gzip", &bomb), None, "bounded, and nothing found in what was read");
}

#[test]
fn wide_text_and_failures_of_any_type_are_looked_into() {
    let wide = |text: &str, big: bool| -> Vec<u8> {
        let units = std::iter::once('\u{feff}').chain(text.chars()).map(|c| u16::try_from(u32::from(c)).unwrap());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let said = ("content-type", "text/html; charset=UTF-16");
    for kind in [said, PLAIN] {
        for big in [true, false] {
            assert_eq!(
                rule(&answer("", 500, &[kind], &wide(TRACEBACK, big))).as_deref(),
                Some("python-traceback"),
                "{kind:?} {big}"
            );
            assert_eq!(rule(&answer("", 500, &[kind], &wide("Sorry.", big))), None, "{kind:?} {big}");
        }
    }
    let original = answer("", 500, &[said], &wide(TRACEBACK, false)).finish.record(1).unwrap().original.unwrap();
    assert!(original.starts_with("Traceback"), "{original}");
    for kind in ["application/octet-stream", "application/pdf", "application/vnd.ms-excel", "multipart/mixed; boundary=b"] {
        let with = |status, body: &[u8]| rule(&answer("", status, &[("content-type", kind)], body));
        assert_eq!(with(500, TRACEBACK.as_bytes()).as_deref(), Some("python-traceback"), "{kind}");
        assert_eq!(with(500, b"%PDF-1.7 \x00\x01\xff"), None, "{kind}");
        assert_eq!(with(404, TRACEBACK.as_bytes()), None, "{kind}: what is asked for may be a file that is a log");
    }
}

#[test]
fn a_large_error_is_judged_by_its_first_part() {
    let policy = "[disclosure]\nhold = \"1KiB\"";
    let early = format!("{TRACEBACK}{}", " ".repeat(4096));
    let late = format!("{}{TRACEBACK}", " ".repeat(4096));
    assert!(rule(&answer(policy, 500, &[PLAIN], early.as_bytes())).is_some());
    assert!(rule(&answer(policy, 500, &[PLAIN], late.as_bytes())).is_none());
}

#[test]
fn streams_and_bodiless_answers_are_not_held() {
    for (status, kind) in
        [(500, ("content-type", "text/event-stream")), (304, HTML), (204, HTML), (500, ("content-type", "image/png"))]
    {
        assert_eq!(rule(&answer("", status, &[kind], TRACEBACK.as_bytes())), None);
    }
}

#[test]
fn the_client_chooses_html_or_json_and_the_app_s_fields_of_the_body_go() {
    let fields = [PLAIN, ("content-encoding", "identity"), ("etag", "\"a\""), ("set-cookie", "a=b")];
    let outgoing = answer_to("", "/a", &[("accept", "application/json")], 500, &fields, TRACEBACK.as_bytes());
    let Payload::Own(body) = &outgoing.payload else { panic!("not replaced") };
    assert!(serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|value| value["reference"].is_string()));
    let headers = &outgoing.head.headers;
    assert!(!headers.contains_key("etag") && !headers.contains_key("content-encoding") && headers.contains_key("set-cookie"));
}

#[test]
fn the_log_has_the_original_without_secrets() {
    let body =
        format!("<!doctype html><html><p>x</p><pre>{}\nsid=abcdefgh1234</pre>", TRACEBACK.replace("hunter2", "abcdefgh1234"));
    let sent = [("cookie", "sid=abcdefgh1234")];
    let outgoing = answer_to("", "/a", &sent, 500, &[HTML], body.as_bytes());
    let record = outgoing.finish.record(1).unwrap();
    let original = record.original.unwrap();
    assert!(original.starts_with("Traceback (most recent call last):\n  File \"/srv/app/views.py\", line 41"), "{original}");
    assert!(!original.contains("abcdefgh1234"), "{original}");
    assert_eq!(record.app_status, Some(500));
    let short = answer("[disclosure]\noriginal = \"40B\"", 500, &[PLAIN], TRACEBACK.as_bytes());
    assert!(short.finish.record(1).unwrap().original.unwrap().len() <= 43);
}

#[test]
fn modes_and_exceptions_hold() {
    let body = TRACEBACK.as_bytes();
    let off = |policy| rule(&answer(policy, 500, &[PLAIN], body));
    assert_eq!(off("[disclosure]\nmode = \"off\""), None);
    assert_eq!(off("[disclosure]\nmode = \"report\""), None);
    assert_eq!(off("[[route]]\npath = \"/a\"\noff = [\"disclosure\"]"), None);
    assert_eq!(off("[disclosure]\nallow = [\"python-traceback\", \"source-path\", \"python-exception\"]"), None);
    assert!(Policy::parse("[disclosure]\nallow = [\"tracebacks\"]").is_err());
    assert!(Policy::parse("[disclosure]\nhold = \"1GiB\"").is_err());
}

proptest! {
    #[test]
    fn hostile_bodies_end_in_an_answer(body in proptest::collection::vec(any::<u8>(), 0..600), status in 200u16..600, coding in 0usize..4) {
        let coding = ["identity", "gzip", "deflate", "br"][coding];
        let _ = answer("", status, &[PLAIN, ("content-encoding", coding)], &body);
        let _ = answer("", status, &[HTML, ("content-encoding", coding)], &body);
    }

    #[test]
    fn a_traceback_is_found_wherever_it_stands(before in "[ -~]{0,300}", after in "[ -~]{0,300}") {
        let body = format!("{before}\n{TRACEBACK}{after}");
        prop_assert!(rule(&answer("", 500, &[PLAIN], body.as_bytes())).is_some());
    }
}
