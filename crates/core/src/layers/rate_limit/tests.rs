use super::{
    Limit, RateLimit,
    path::{is_file, is_login},
};
use crate::{
    policy::{FromText, Policy},
    store::{Ask, Subject},
};
use std::{net::IpAddr, time::Duration};

fn limit(text: &str) -> Limit {
    Limit::from_text(text).unwrap()
}

fn rules(policy: &str) -> Vec<u32> {
    let policy = Policy::parse(policy).unwrap();
    let RateLimit { limits, dynamic, login, .. } = &policy.layers.rate_limit;
    limits.iter().chain(dynamic).chain(login).map(|(number, _)| *number).collect()
}

fn subject(text: &str, client: &str) -> Subject {
    let limit = limit(text);
    let Ask::Take { key, .. } = limit.ask(1, client.parse::<IpAddr>().unwrap()) else { unreachable!("a limit takes") };
    key.subject
}

#[test]
fn limits_are_read_and_shown_alike() {
    for text in ["10/minute per address", "300/hour per network", "1000/minute", "5/second", "2/90s per address", "3/1500ms"] {
        assert_eq!(limit(text).to_string(), text);
    }
    assert_eq!(limit("10/1m per address"), limit("10/minute per address"));
    assert_eq!(limit("7/15m").period, Duration::from_secs(900));
    for text in
        ["", "10", "10/", "/minute", "0/minute", "-1/minute", "10/minute per user", "10/fortnight", "1/500ms", "1/90d", "1e9/day"]
    {
        assert!(Limit::from_text(text).is_err(), "{text}");
    }
}

#[test]
fn a_client_is_its_address_or_its_network() {
    let address = "1/minute per address";
    assert_ne!(subject(address, "192.0.2.1"), subject(address, "192.0.2.2"));
    assert_eq!(subject(address, "192.0.2.1"), subject(address, "::ffff:192.0.2.1"));
    assert_eq!(subject(address, "2001:db8:1:2::1"), subject(address, "2001:db8:1:2:ffff::9"));
    assert_ne!(subject(address, "2001:db8:1:2::1"), subject(address, "2001:db8:1:3::1"));
    let network = "1/minute per network";
    assert_eq!(subject(network, "192.0.2.1"), subject(network, "192.0.2.254"));
    assert_ne!(subject(network, "192.0.2.1"), subject(network, "192.0.3.1"));
    assert_eq!(subject(network, "2001:db8:1:2::1"), subject(network, "2001:db8:1:ffff::1"));
    assert_ne!(subject(network, "2001:db8:1::1"), subject(network, "2001:db8:2::1"));
    assert_eq!(subject("1/minute", "192.0.2.1"), subject("1/minute", "2001:db8::1"));
}

#[test]
fn a_reload_keeps_the_buckets_of_unchanged_rules() {
    let before = rules("[rate_limit]\nlimits = [\"9/minute\", \"5/minute per address\"]");
    let after = rules("[rate_limit]\nlimits = [\"5/1m per address\"]\n[csrf]\nmode = \"off\"");
    assert_eq!(before[1], after[0]);
    assert_eq!(before[2..], after[1..]);
    assert!(!after.contains(&before[0]));
}

#[test]
fn no_two_rules_share_a_bucket() {
    let text = "10/minute per address";
    let mut all = rules(&format!(
        "[rate_limit]\nlimits = [\"{text}\", \"11/minute per address\"]\ndynamic = [\"{text}\"]\nlogin = [\"{text}\"]"
    ));
    all.extend([limit(text).rule("route /a"), limit(text).rule("route /b"), limit(text).rule("route /a POST")]);
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn the_same_limit_twice_is_a_mistake() {
    assert!(Policy::parse("[rate_limit]\nlogin = [\"5/minute\", \"5/1m\"]").is_err());
    assert!(
        Policy::parse(
            "[rate_limit]\nlimits = [\"1/day\",\"2/day\",\"3/day\",\"4/day\",\"5/day\",\"6/day\",\"7/day\",\"8/day\",\"9/day\"]"
        )
        .is_err()
    );
}

#[test]
fn logins_are_recognised_by_their_path() {
    for path in [
        "/login",
        "/Login/",
        "/accounts/login/",
        "/admin/login/",
        "/auth/sign-in",
        "/sign_up",
        "/token",
        "/api/v1/auth",
        "/register",
        "/password-reset",
        "/accounts/password_reset/",
        "/accounts/password/reset/",
        "/user/2fa",
    ] {
        assert!(is_login(path), "{path}");
    }
    for path in ["/", "", "/comments", "/login/help/articles", "/blogin", "/tokens", "/reset", "/static/login.css", "/authors"] {
        assert!(!is_login(path), "{path}");
    }
}

#[test]
fn files_are_recognised_by_their_ending() {
    for path in ["/static/app.js", "/a/Logo.PNG", "/fonts/x.woff2", "/.css"] {
        assert!(is_file(path), "{path}");
    }
    for path in ["/", "", "/search", "/js", "/static.js/", "/report.pdf", "/users/ann.smith", "/a.js/b", "/x.json"] {
        assert!(!is_file(path), "{path}");
    }
}
