//! What the limits do with the store's answers.

use crate::replay::{Asked, ask};
use gambeson_core::{
    policy::Policy,
    store::{Answer, Taken},
};
use std::time::Duration;

const FREE: Answer =
    Answer::Taken(Taken { allowed: true, remaining: 1, reset_after: Duration::ZERO, retry_after: Duration::ZERO });

fn full(wait_ms: u64) -> Answer {
    let wait = Duration::from_millis(wait_ms);
    Answer::Taken(Taken { allowed: false, remaining: 0, reset_after: wait, retry_after: wait })
}

/// A try to log in, with these answers of the store.
fn login(policy: &str, answers: &[Answer]) -> Asked {
    limited(policy, "POST", "/login", answers)
}

/// A request of a client that is under no sanction, with these answers to what the limits ask.
fn limited(policy: &str, method: &str, target: &str, answers: &[Answer]) -> Asked {
    ask(policy, method, target, &[], &[&[Answer::Standing(None)], answers].concat())
}

#[test]
fn without_a_count_logins_are_refused_and_pages_are_not() {
    assert!(login("", &[FREE; 5]).forwarded);
    assert!(login("", &[Answer::Unavailable, Answer::Unavailable, Answer::Unavailable, FREE, FREE]).forwarded);
    let denied = login("", &[FREE, FREE, FREE, FREE, Answer::Unavailable]);
    assert_eq!((denied.rule.as_str(), denied.status), ("rate_limit/unavailable", 503));
    assert!(!login("", &[]).forwarded, "an answer that is missing is no leave");
    assert!(limited("", "GET", "/", &[]).forwarded);
    assert!(login("[rate_limit]\nlogin_unavailable = \"allow\"", &[]).forwarded);
    assert!(!login("[rate_limit]\nlogin = []\nunavailable = \"deny\"", &[]).forwarded);
}

#[test]
fn the_longest_wait_is_told_and_the_way_out_is_a_policy() {
    let denied = login("", &[full(1_000), FREE, FREE, full(5_001), FREE]);
    assert_eq!(denied.rule, "rate_limit/login");
    assert_eq!(denied.header("retry-after"), Some("6"));
    assert_eq!(denied.allow, "[[route]]\npath = \"/login\"\nmethods = [\"POST\"]\nlimit = \"20/minute per address\"");
    assert!(Policy::parse(&denied.allow).is_ok());
    let denied = login("", &[full(1_000), FREE, FREE, FREE, FREE]);
    assert_eq!(denied.rule, "rate_limit/flood");
    assert_eq!(denied.allow, "[rate_limit]\nlimits = [\"12000/minute per address\", \"30000/minute per network\"]");
    assert!(Policy::parse(&denied.allow).is_ok());
    let denied = limited("", "GET", "/search", &[FREE, FREE, full(1)]);
    assert_eq!(denied.rule, "rate_limit/dynamic");
    assert_eq!(denied.allow, "[[route]]\npath = \"/search\"\nmethods = [\"GET\"]\nlimit = \"600/10s per address\"");
    assert!(limited(&denied.allow, "GET", "/search", &[FREE, FREE, FREE]).forwarded);
}
