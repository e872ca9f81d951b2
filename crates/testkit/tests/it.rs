//! The reader of cases must refuse what it does not understand: a case that is skipped proves nothing.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use gambeson_testkit::{Case, Forwarded, Host, Observed, Seen, Verdict};
use proptest::prelude::*;

const CASE: &str = "# Layer\n\n## Prose\n\nwords\n\n## A foreign page\n\n```toml\n[csrf]\nmode = \"report\"\n```\n\n```http\n\
    peer: 192.0.2.7\ntls: no\nPOST /a?b=c HTTP/1.1\nCookie: s=1\nX-Twice: a\nX-Twice: b\n\nbody\nmore\n```\n\n\
    ```http response\n500 Oops\nserver: x\n\nTraceback\n```\n\n\
    ```expect\nrefuse csrf/cross-site 403\nresponse-header-absent server\ntimes 6\nhosts: engine wsgi\n```\n";

fn only(text: &str) -> Case {
    let mut cases = Case::parse_all(text).unwrap();
    assert_eq!(cases.len(), 1);
    cases.remove(0)
}

fn refused() -> Observed {
    let found = Seen { rule: "csrf/cross-site".into(), action: "refuse".into(), report: false };
    Observed { status: 403, findings: Some(vec![found]), ..Observed::default() }
}

#[test]
fn a_case_is_read_whole() {
    let case = only(CASE);
    assert_eq!((case.name.as_str(), case.line, case.times), ("A foreign page", 7, 6));
    assert_eq!(case.policy, "[csrf]\nmode = \"report\"");
    assert_eq!(case.request.peer.to_string(), "192.0.2.7");
    assert!(!case.request.tls);
    assert_eq!(case.request.target, "/a?b=c");
    let names: Vec<_> = case.request.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["host", "cookie", "x-twice", "x-twice"]);
    assert_eq!(case.request.body, "body\nmore");
    assert_eq!((case.response.status, case.response.body.as_str()), (500, "Traceback"));
    assert_eq!(case.expect.verdict, Verdict::Refuse { rule: "csrf/cross-site".into(), status: 403 });
    assert!(case.is_for(Host::Wsgi) && !case.is_for(Host::Gateway));
}

#[test]
fn a_host_can_add_its_own_keys() {
    let policy = only(CASE).policy_with(&[("listen", "https", "127.0.0.1:0".into()), ("csrf", "x", 1.into())]).unwrap();
    let table: toml::Table = policy.parse().unwrap();
    assert_eq!(table["listen"]["https"].as_str(), Some("127.0.0.1:0"));
    assert_eq!(table["csrf"]["mode"].as_str(), Some("report"));
}

#[test]
fn half_a_case_is_an_error() {
    for (text, fault) in [
        ("## A\n```http\nGET /\n```\n", "without an `expect`"),
        ("## A\n```expect\nforward\n```\n", "without a `http`"),
        ("## A\n```http\nGET /\n", "not closed"),
        ("## A\n```http\nGET /\n```\n```expect\nstatus 200\n```\n", "no verdict"),
        ("## A\n```http\nGET /\n```\n```expect\nforwards\n```\n", "no expectation"),
        ("## A\n```http\nGET /\n```\n```expect\nforward\nrefuse a/b 403\n```\n", "second verdict"),
        ("## A\n```http\nGET /\n```\n```http\nGET /\n```\n```expect\nforward\n```\n", "two `http`"),
        ("## A\n```toml\nx\n```\n```http\nGET /\n```\n```expect\nforward\n```\n", "policy"),
        ("## A\n```http\nGET\n```\n```expect\nforward\n```\n", "no request line"),
    ] {
        let found = Case::parse_all(text).unwrap_err();
        assert!(found.contains(fault), "{text}: {found}");
    }
}

#[test]
fn what_differs_is_named() {
    let case = only(CASE);
    assert_eq!(case.check(&refused()), [""; 0]);
    let other = Observed { status: 400, ..refused() };
    assert_eq!(case.check(&other), ["the status is 400"]);
    let asked = Observed { forwarded: Some(Forwarded::default()), ..refused() };
    assert_eq!(case.check(&asked), ["the app was asked"]);
    let silent = Observed { findings: Some(Vec::new()), ..refused() };
    assert_eq!(case.check(&silent).len(), 1);
    let leaking = Observed { headers: vec![("server".into(), "x".into())], ..refused() };
    assert_eq!(case.check(&leaking).len(), 1);
}

#[test]
fn a_twin_that_is_reported_does_not_pass() {
    let case = only("## A\n```http\nGET /\n```\n```expect\nforward\n```\n");
    let found = Seen { rule: "csrf/cross-site".into(), action: "refuse".into(), report: true };
    let seen = |findings| Observed { forwarded: Some(Forwarded::default()), findings: Some(findings), ..Observed::default() };
    assert_eq!(case.check(&seen(Vec::new())), [""; 0]);
    assert_eq!(case.check(&seen(vec![found])).len(), 1);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(## |```|http|expect|toml|GET /|forward|refuse a/b 4|[a-z: \n]{0,4}|\n){0,60}") {
        let _ = Case::parse_all(&text);
    }
}
