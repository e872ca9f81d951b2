use super::*;
use crate::{
    engine::{Decision, Engine, Exchange, Moment, Outgoing, ResponseStep, Step},
    exchange::{Connection, Entropy, Received, ResponseHead, Tls},
    policy::Policy,
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use proptest::prelude::*;
use std::sync::Arc;

const PLAIN: &str = "[listen]\nplain = true\n";

/// The exchange after a request with that Cookie field, and what the app sees of it.
fn forwarded(policy: &str, https: bool, cookie: &[u8]) -> (Exchange, Option<String>) {
    // Whatever a cookie holds.
    let policy = format!("[intrusion]\nmode = \"off\"\n{policy}");
    let engine = Engine::new(Arc::new(Policy::parse(&policy).unwrap_or_else(|problems| panic!("{problems}"))));
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("app.example.com"));
    if !cookie.is_empty() {
        headers.insert(header::COOKIE, HeaderValue::from_bytes(cookie).unwrap());
    }
    let received = Received {
        method: Method::GET,
        target: Bytes::from_static(b"/"),
        authority: None,
        version: Version::HTTP_11,
        headers,
        has_body: false,
    };
    let connection = Connection::new([127, 0, 0, 1].into(), https.then(|| Arc::new(Tls::default())));
    let Step::Ask(pending) = engine.receive(received, connection, Moment { now_ms: 0, entropy: Entropy([7; 24]) }) else {
        panic!("answered at once")
    };
    let Decision::Forward(permit, _, exchange) = pending.decide(&[]) else { panic!("not forwarded") };
    let seen =
        exchange.forwarded(&permit).headers.get(header::COOKIE).map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    (exchange, seen)
}

fn policy(text: &str) -> String {
    format!("[app]\nhosts = [\"app.example.com\"]\n{text}")
}

fn answer(text: &str, https: bool, lines: &[(&'static str, &[u8])]) -> Outgoing {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    match forwarded(&policy(text), https, b"").0.response(ResponseHead { status: StatusCode::OK, headers }) {
        ResponseStep::Send(outgoing) => outgoing,
        ResponseStep::Hold(held) => held.body(b"", true),
    }
}

fn values(outgoing: &Outgoing, name: &str) -> Vec<String> {
    outgoing.head.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

fn set(text: &str, https: bool, line: &str) -> String {
    values(&answer(text, https, &[("set-cookie", line.as_bytes())]), "set-cookie").join("|")
}

#[test]
fn cookies_get_what_they_lack() {
    for (line, expected) in [
        ("theme=dark", "theme=dark; Secure; HttpOnly; SameSite=Lax"),
        ("theme=dark; Path=/x; HttpOnly", "theme=dark; Path=/x; HttpOnly; Secure; SameSite=Lax"),
        ("theme=dark; samesite=STRICT; secure; httponly", "theme=dark; samesite=STRICT; secure; httponly"),
        ("embed=1; SameSite=None; Partitioned", "embed=1; SameSite=None; Partitioned; Secure; HttpOnly"),
        ("theme=dark; SameSite=Sloppy", "theme=dark; Secure; HttpOnly; SameSite=Lax"),
        ("theme=dark; Secure; Secure", "theme=dark; Secure; HttpOnly; SameSite=Lax"),
        ("csrftoken=abc; Path=/; SameSite=Lax", "csrftoken=abc; Path=/; SameSite=Lax; Secure"),
        (
            "a=\"b, \\073 c\"; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Max-Age=60; Priority=High",
            "a=\"b, \\073 c\"; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Max-Age=60; Priority=High; Secure; HttpOnly; SameSite=Lax",
        ),
        ("a=b=c==; Path=/", "a=b=c==; Path=/; Secure; HttpOnly; SameSite=Lax"),
        ("empty=", "empty=; Secure; HttpOnly; SameSite=Lax"),
    ] {
        assert_eq!(set("", true, line), expected);
    }
}

#[test]
fn session_cookies_travel_with_the_prefix() {
    assert_eq!(set("", true, "session=e30.x; HttpOnly; Path=/"), "__Host-session=e30.x; HttpOnly; Path=/; Secure; SameSite=Lax");
    assert_eq!(
        set("", true, "sessionid=; Path=/shop; Max-Age=0; SameSite=Strict"),
        "__Host-sessionid=; Max-Age=0; SameSite=Strict; Path=/; Secure; HttpOnly",
        "deleting works the same way"
    );
    assert!(set("session_cookies = [\"login\"]", true, "login=1").starts_with("__Host-login=1; Path=/"));
    assert!(set("[cookies]\nprefix = false", true, "session=1").starts_with("session=1; Secure"));
    assert!(set("", true, "__Host-session=1; Secure; Path=/").starts_with("__Host-session=1; Secure; Path=/"));
    assert!(set("[cookies]\nscript_readable = [\"session\"]", true, "session=1").starts_with("session=1; Secure; SameSite"));
}

#[test]
fn the_app_sees_its_own_names_and_no_planted_session() {
    let seen = |cookie: &str| forwarded(&policy(""), true, cookie.as_bytes()).1.unwrap_or_default();
    assert_eq!(seen("a=1; __Host-session=mine; b=2"), "a=1; __Host-session=mine; session=mine; b=2");
    assert_eq!(seen("session=planted; __Host-session=mine"), "__Host-session=mine; session=mine");
    assert_eq!(seen("session=planted; a=1"), "a=1");
    let long = "x".repeat(4050);
    assert_eq!(seen(&format!("a=1; __Host-session={long}")), format!("a=1; session={long}"), "not twice what fills a line alone");
    assert_eq!(forwarded(&policy(""), true, b"session=planted").1, None);
    assert_eq!(seen("a=1;session2=x"), "a=1;session2=x", "nothing of ours: not a byte changes");
    let off = |text: &str| forwarded(&policy(text), true, b"session=1").1.unwrap();
    assert_eq!(off("[cookies]\nprefix = false"), "session=1");
    assert_eq!(off("[cookies]\nmode = \"report\""), "session=1");
    assert_eq!(off("[cookies]\ndomains = [\"example.com\"]"), "session=1");
}

#[test]
fn a_planted_session_under_a_name_that_only_the_app_reads_so_is_dropped() {
    let seen = |cookie: &str| forwarded(&policy(""), true, cookie.as_bytes()).1.unwrap_or_default();
    for planted in [
        "\u{a0}session=evil",
        "\u{2000}__Host-session=evil",
        "\u{3000} session\u{a0}=evil",
        "session\u{85}=evil",
        "x=1 session=evil",
        "x=\"1\"session=evil",
        "x=1,session=evil",
        "x=session session=evil",
        "\u{2000}__Host-own=evil",
        "\u{a0}__secure-own=evil",
    ] {
        assert_eq!(seen(&format!("a=1; {planted}")), "a=1", "{planted}");
        assert_eq!(seen(&format!("{planted}; __Host-session=mine")), "__Host-session=mine; session=mine", "{planted}");
        let off = forwarded(&policy("[cookies]\nmode = \"off\""), true, planted.as_bytes());
        assert_eq!(off.1.unwrap(), planted);
    }
    for twin in [
        "x=1 session",
        "my session2=1",
        "x=a session-id=1",
        "x=session=1",
        "__Host-own=1; __Secure-own=2",
        "my.session=1; \u{e9}=session",
    ] {
        assert_eq!(seen(twin), twin);
    }
}

#[test]
fn on_plain_http_names_stay_and_nothing_is_marked_secure() {
    assert_eq!(set(PLAIN, false, "session=1; Path=/"), "session=1; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(forwarded(&policy(PLAIN), false, b"session=1").1.unwrap(), "session=1");
}

#[test]
fn domains_stay_within_the_policy() {
    assert_eq!(set("", true, "a=1; Domain=.example.com"), "a=1; Secure; HttpOnly; SameSite=Lax");
    assert!(set("", true, "a=1; Domain=App.Example.com").contains("Domain=App.Example.com"));
    let shared = "[cookies]\ndomains = [\".Example.com\"]";
    assert!(set(shared, true, "session=1; Domain=example.com").starts_with("session=1; Domain=example.com"));
    assert!(!set("[cookies]\ndomains = [\"ample.com\"]", true, "a=1; Domain=ample.com").contains("Domain"), "not a parent");
    assert!(Policy::parse("[cookies]\ndomains = [\"com\"]").is_err());
    let noted = answer("", true, &[("set-cookie", b"a=1; Domain=example.com")]);
    let finding = noted.finish.findings().next().unwrap();
    assert_eq!((finding.rule.as_ref(), finding.part.as_str(), finding.value.as_str()), ("wide-domain", "cookie a", ""));
    assert!(finding.why.contains("example.com"), "a value would be masked: {}", finding.why);
}

#[test]
fn what_is_no_cookie_is_dropped_without_its_value() {
    for line in [
        &b"secretvalue"[..],
        b"=secretvalue",
        b"  =secretvalue; Path=/",
        b"a\tb=secretvalue",
        b"a b=secretvalue",
        b"a=secret\tvalue",
    ] {
        let out = answer("", true, &[("set-cookie", line), ("set-cookie", b"ok=1")]);
        assert_eq!(values(&out, "set-cookie").len(), 1, "{line:?}");
        let finding = out.finish.findings().next().unwrap();
        assert_eq!(finding.rule, "malformed-cookie");
        assert!(!format!("{finding:?}").contains("secret"));
    }
    let long = format!("big={}", "x".repeat(5000));
    let out = answer("", true, &[("set-cookie", long.as_bytes())]);
    assert_eq!((out.finish.findings().next().unwrap().rule.as_ref(), values(&out, "set-cookie").len()), ("oversized-cookie", 1));
}

#[test]
fn a_session_stays_out_of_shared_caches() {
    let cached = |text: &'static [u8], cookie: &'static [u8]| {
        let mut lines: Vec<(&'static str, &[u8])> = vec![("set-cookie", cookie)];
        if !text.is_empty() {
            lines.push(("cache-control", text));
        }
        values(&answer("", true, &lines), "cache-control").join("|")
    };
    assert_eq!(cached(b"", b"session=1"), "private, no-cache");
    assert_eq!(cached(b"public, max-age=60, s-maxage=9", b"session=1"), "private, max-age=60");
    assert_eq!(cached(b"no-store", b"session=1"), "no-store");
    assert_eq!(cached(b"private, max-age=60", b"session=1"), "private, max-age=60");
    assert_eq!(cached(b"public, max-age=60", b"theme=1"), "public, max-age=60");
    assert_eq!(cached(b"", b"csrftoken=1"), "");
}

#[test]
fn report_mode_notes_and_changes_nothing() {
    let out = answer("[cookies]\nmode = \"report\"", true, &[("set-cookie", b"session=s3cret")]);
    assert_eq!(values(&out, "set-cookie"), ["session=s3cret"]);
    let finding = out.finish.findings().next().unwrap();
    let why = "the cookie lacks __Host-, Secure, HttpOnly, SameSite=Lax";
    assert_eq!((finding.rule.as_ref(), finding.why.as_ref(), finding.value.as_str()), ("attributes", why, ""));
}

fn token() -> impl Strategy<Value = String> {
    "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}"
}

fn attribute() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Path=/".to_owned()),
        Just("Expires=Wed, 21 Oct 2026 07:28:00 GMT".to_owned()),
        "Max-Age=-?[0-9]{1,9}",
        Just("secure".to_owned()),
        Just("HTTPONLY".to_owned()),
        "SameSite=(Lax|strict|NONE)",
        "[A-Za-z]{1,10}(=[ -:<-~]{0,20})?",
    ]
}

proptest! {
    #[test]
    fn a_legal_cookie_keeps_its_value_and_attributes(
        name in token(),
        value in "[!#-+\\--:<-\\[\\]-~]{0,60}",
        quoted in any::<bool>(),
        attributes in proptest::collection::vec(attribute(), 0..6),
    ) {
        prop_assume!(!["session", "sessionid", "remember_token"].contains(&name.as_str()));
        let pair = if quoted { format!("{name}=\"{value}\"") } else { format!("{name}={value}") };
        let line = attributes.iter().fold(pair.clone(), |line, attribute| format!("{line}; {attribute}"));
        let mended = set("", true, &line);
        let parts: Vec<&str> = mended.split(';').map(str::trim).collect();
        prop_assert_eq!(parts[0], pair);
        for word in ["secure", "httponly"] {
            prop_assert_eq!(parts.iter().filter(|part| part.split('=').next().unwrap().trim().eq_ignore_ascii_case(word)).count(), 1);
        }
        for attribute in attributes.iter().filter(|attribute| attribute.contains("Expires") || attribute.contains("Max-Age")) {
            prop_assert!(parts.contains(&attribute.trim()));
        }
        prop_assert_eq!(set("", true, &mended), mended, "mending twice changes nothing");
    }

    #[test]
    fn hostile_lines_leave_whole_or_not_at_all(line in proptest::collection::vec((32u8..=255).prop_filter("DEL", |b| *b != 127), 0..200)) {
        let out = values(&answer("", true, &[("set-cookie", &line)]), "set-cookie");
        prop_assert!(out.len() <= 1);
        for mended in out {
            prop_assert!(mended.to_ascii_lowercase().contains("secure") && !mended.starts_with('='));
        }
    }

    #[test]
    fn the_app_never_sees_a_bare_session(cookie in "([ -~]{0,20};? ?(session|__Host-session|sessionid)?=[a-z]{0,5};?){0,5}") {
        let seen = forwarded(&policy(""), true, cookie.trim().as_bytes()).1.unwrap_or_default();
        let names: Vec<&str> = seen.split(';').map(|pair| pair.split('=').next().unwrap().trim()).collect();
        let count = |name: &str| names.iter().filter(|one| **one == name).count();
        prop_assert_eq!(count("session"), count("__Host-session"));
        prop_assert_eq!(count("sessionid"), count("__Host-sessionid"));
    }
}
