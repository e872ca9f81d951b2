//! Origins that only look like the one that is allowed.

use crate::replay::{Asked, ask, replay};
use gambeson_core::policy::Policy;
use gambeson_testkit::Case;

const EXACT: &str = "[cors]\norigins = [\"https://app.example.com\"]\ncredentials = true";
const BELOW: &str = "[cors]\norigins = [\"https://*.example.com\"]\ncredentials = true";

/// Each way in which loose matching has been fooled; a line end cannot even be in a header field (see below).
const ALIKE: [&str; 19] = [
    "null",
    "https://app.example.com.evil.test",
    "https://evil-app.example.com.evil.test",
    "https://evilapp.example.com.test",
    "https://appxexample.com",
    "https://app.example.com_.evil.test",
    "https://app.example.com`.evil.test",
    "https://app.example.com@evil.test",
    "https://evil.test@app.example.com",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://app.exämple.com",
    "https://xn--pp-yia.example.com.evil.test",
    "https://app.example.com.",
    "https://APP.example.com",
    "HTTPS://app.example.com",
    "https://app.example.com%0d%0a.evil.test",
    "https://app.example.com, https://evil.test",
    "",
];

fn read(policy: &str, origins: &[&str]) -> Asked {
    let fields: Vec<_> = origins.iter().map(|origin| ("origin", *origin)).collect();
    ask(policy, "GET", "/api/me", &fields, &[])
}

fn preflight(policy: &str, origins: &[&str]) -> Asked {
    let mut fields: Vec<_> = origins.iter().map(|origin| ("origin", *origin)).collect();
    fields.push(("access-control-request-method", "GET"));
    ask(policy, "OPTIONS", "/api/me", &fields, &[])
}

fn assert_no_grant(asked: &Asked, origins: &[&str]) {
    for name in asked.headers.keys() {
        assert!(!name.as_str().starts_with("access-control-"), "{origins:?}: {name}");
    }
}

#[test]
fn the_named_origin_is_granted() {
    for (policy, origin) in [(EXACT, "https://app.example.com"), (BELOW, "https://shop.example.com")] {
        assert_eq!(read(policy, &[origin]).header("access-control-allow-origin"), Some(origin));
        let asked = preflight(policy, &[origin]);
        assert_eq!((asked.status, asked.forwarded), (204, false));
        assert_eq!(asked.header("access-control-allow-origin"), Some(origin));
        assert_eq!(asked.header("access-control-allow-credentials"), Some("true"));
    }
}

#[test]
fn an_origin_that_looks_alike_is_not() {
    for policy in [EXACT, BELOW, ""] {
        for origin in ALIKE {
            let asked = read(policy, &[origin]);
            assert!(asked.forwarded, "{origin}: reading needs no leave to be sent");
            assert_no_grant(&asked, &[origin]);
            let asked = preflight(policy, &[origin]);
            assert_eq!((asked.status, asked.forwarded, asked.rule.as_str()), (403, false, "cors/preflight"), "{origin}");
            assert_no_grant(&asked, &[origin]);
        }
    }
}

#[test]
fn two_origins_are_none() {
    let both = ["https://app.example.com", "https://evil.test"];
    assert_no_grant(&read(EXACT, &both), &both);
    assert_eq!(preflight(EXACT, &both).status, 403);
    let twice = ["https://app.example.com"; 2];
    assert_no_grant(&read(EXACT, &twice), &twice);
}

#[test]
fn a_line_end_cannot_be_in_an_origin() {
    assert!(http::HeaderValue::from_bytes(b"https://app.example.com\r\nx: y").is_err());
}

#[test]
fn caches_are_told_once() {
    for vary in ["Origin", "Accept, origin", "*"] {
        let text = format!(
            "## A\n```toml\n{EXACT}\n```\n```http\nGET /\n```\n```http response\n200\nvary: {vary}\n```\n```expect\nforward\n```\n"
        );
        let seen = replay(&Case::parse_all(&text).unwrap()[0]).unwrap();
        let lines: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "vary").map(|(_, value)| value.as_str()).collect();
        assert_eq!(lines, [vary]);
    }
}

#[test]
fn a_preflight_that_asks_for_too_much_is_refused() {
    let ask_fields = |count: usize| {
        let list = vec!["content-type"; count].join(",");
        let fields = [
            ("origin", "https://app.example.com"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", list.as_str()),
        ];
        ask(EXACT, "OPTIONS", "/", &fields, &[]).status
    };
    assert_eq!((ask_fields(64), ask_fields(65)), (204, 403));
}

#[test]
fn without_the_layer_the_reflection_leaves() {
    let asked = read("[cors]\nmode = \"off\"", &["https://evil.test"]);
    assert_eq!(asked.header("access-control-allow-origin"), Some("https://evil.test"));
    assert!(preflight("[cors]\nmode = \"off\"", &["https://evil.test"]).forwarded);
}

#[test]
fn what_a_policy_must_not_say() {
    for (text, part) in [
        ("origins = [\"*\"]\ncredentials = true", "`*` with credentials"),
        ("origins = [\"null\"]", "names anybody"),
        ("origins = [\"https://app.example.com/\"]", "more than scheme"),
        ("origins = [\"https://app.example.com:443\"]", "own port"),
        ("origins = [\"https://*.com\"]", "top-level"),
        ("methods = [\"get\"]", "not a method"),
        ("headers = [\"*\"]", "not a header field"),
    ] {
        let problems = Policy::parse(&format!("[cors]\n{text}")).unwrap_err().to_string();
        assert!(problems.contains(part), "{text}: {problems}");
    }
    let wide = Policy::parse(BELOW).unwrap();
    assert!(wide.warnings.to_string().contains("wildcard"));
    let plain = Policy::parse("[cors]\norigins = [\"http://intranet.example.com\"]\ncredentials = true").unwrap();
    assert!(plain.warnings.to_string().contains("plain HTTP"));
    assert!(Policy::parse("[cors]\norigins = [\"http://localhost:5173\"]\ncredentials = true").unwrap().warnings.0.is_empty());
}

#[test]
fn a_refusal_names_what_would_allow_it() {
    let fields = |method, field| [("origin", "https://app.example.com"), ("access-control-request-method", method), field];
    let none = ("accept", "*/*");
    for (fields, allow) in [
        (fields("DELETE", none), "[cors]\nmethods = [\"DELETE\"]"),
        (fields("GET", ("access-control-request-headers", "x-a")), "[cors]\nheaders = [\"x-a\"]"),
        (fields("GE\"T", none), ""),
    ] {
        let asked = ask(EXACT, "OPTIONS", "/", &fields, &[]);
        assert_eq!((asked.status, asked.allow.as_str()), (403, allow));
    }
    assert_eq!(preflight("", &["https://a.example"]).allow, "[cors]\norigins = [\"https://a.example\"]");
    assert_eq!(preflight("", &["https://a.example\"]"]).allow, "");
}
