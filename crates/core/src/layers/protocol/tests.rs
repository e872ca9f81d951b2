use crate::testing::{Ask, Seen, engine};

fn ask(ask: Ask) -> Seen {
    ask.to(&engine("[app]\nhosts = [\"localhost\"]"))
}

/// The attack is refused by the rule, only recorded in `report` mode, and passes with the layer off: so it is this
/// layer that stops it.
#[track_caller]
fn refused(attack: impl Fn() -> Ask, status: u16, rule: &str) {
    let seen = ask(attack());
    assert_eq!((seen.status, seen.rules()), (status, vec![rule]));
    assert!(seen.forwarded.is_none());
    // Without the layer behind it, which stops some of it too.
    let alone = |mode: &str| engine(&format!("[protocol]\nmode = \"{mode}\"\n[intrusion]\nmode = \"off\""));
    let reported = attack().to(&alone("report"));
    assert_eq!((reported.status, reported.rules()), (200, vec![rule]));
    let off = attack().to(&alone("off"));
    assert_eq!(off.status, 200, "{:?}", off.findings);
}

#[track_caller]
fn passes(twin: Ask) -> Seen {
    let seen = ask(twin);
    assert_eq!((seen.status, seen.rules()), (200, vec![]), "{:?}", seen.findings);
    seen
}

#[test]
fn a_target_with_two_meanings_is_refused() {
    for (target, rule) in [
        ("/static/../admin", "target-dot-segment"),
        ("/static/%2e%2e/admin", "target-dot-segment"),
        ("/a%2fb", "target-encoded-slash"),
        ("/a%00b", "target-encoded-control"),
        ("/a#b", "target-fragment"),
        ("/a%zz", "target-bad-escape"),
        ("/%c0%ae/", "target-invalid-utf8"),
        ("/a\\b", "target-backslash"),
    ] {
        refused(|| Ask::get(target), 400, rule);
    }
    let seen = passes(Ask::get("/a%20b/%C3%A9?q=O'Brien&path=../x%2F"));
    assert_eq!(seen.forwarded.unwrap().0, "/a%20b/%C3%A9?q=O'Brien&path=../x%2F");
}

#[test]
fn what_is_forwarded_with_the_layer_off_still_has_one_meaning() {
    let seen = Ask::get("/a b").to(&engine("[protocol]\nmode = \"off\""));
    assert_eq!(seen.forwarded.unwrap().0, "/a%20b");
}

#[test]
fn an_encoded_slash_can_be_allowed() {
    let seen = Ask::get("/repo/a%2Fb").to(&engine("[protocol]\nencoded_slashes = true"));
    assert_eq!(seen.status, 200);
}

#[test]
fn the_query_of_a_refused_target_is_not_written_down() {
    let seen = ask(Ask::get("/a/../b?token=hunter2"));
    assert_eq!(seen.findings[0].value, "/a/../b");
}

#[test]
fn only_the_methods_of_the_policy_pass() {
    for method in ["TRACE", "PROPFIND", "get", "DEBUG"] {
        refused(|| Ask::new(method, "/"), 405, "method-not-allowed");
    }
    assert!(ask(Ask::new("TRACE", "/")).header("allow").unwrap().contains("PATCH"));
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        passes(Ask::new(method, "/").header("origin", "https://localhost:8443"));
    }
    let webdav = engine("[protocol]\nmethods = [\"GET\", \"PROPFIND\"]");
    assert_eq!(Ask::new("PROPFIND", "/").to(&webdav).status, 200);
    refused(|| Ask::get("*"), 400, "target-form");
}

#[test]
fn names_that_alias_in_wsgi_are_refused() {
    for name in ["x_forwarded_for", "x-forwarded_for", "content_length", "x.user", "x!"] {
        refused(|| Ask::get("/").header(name, "127.0.0.1"), 400, "header-alias");
    }
    passes(Ask::get("/").header("x-request-id", "7"));
    let odd = engine("[protocol]\nodd_headers = [\"Api_Key\"]");
    assert_eq!(Ask::get("/").header("api_key", "7").to(&odd).status, 200);
}

#[test]
fn forged_fields_never_reach_the_app() {
    for name in ["proxy", "remote-user", "x-http-method-override", "x-auth-request-email", "x-script-name", "client-ip"] {
        let seen = ask(Ask::get("/").header(name, "admin"));
        assert_eq!((seen.status, seen.rules(), seen.app_saw(name)), (200, vec!["header-dropped"], None));
        let off = Ask::get("/").header(name, "admin").to(&engine("[protocol]\nmode = \"off\""));
        assert_eq!(off.app_saw(name), Some("admin"));
    }
    assert_eq!(passes(Ask::get("/").header("x-auth-token", "7")).app_saw("x-auth-token"), Some("7"));
    let login_proxy = engine("[protocol]\ndrop_headers = [\"proxy\"]");
    assert_eq!(Ask::get("/").header("remote-user", "ann").to(&login_proxy).app_saw("remote-user"), Some("ann"));
}

#[test]
fn a_trusted_proxys_own_fields_are_dropped_without_a_word() {
    let engine = engine("[listen]\ntrusted_proxies = [\"10.0.0.0/8\"]");
    let seen = Ask::get("/").peer("10.0.0.1").header("true-client-ip", "192.0.2.9").to(&engine);
    assert_eq!((seen.rules(), seen.app_saw("true-client-ip")), (vec![], None));
}

#[test]
fn heads_beyond_the_limits_are_refused() {
    refused(|| Ask::get(&format!("/{}", "a".repeat(8192))), 414, "target-too-long");
    refused(|| Ask::get("/").header("cookie", &"a".repeat(16 << 10)), 431, "header-too-large");
    let many = || (0..100).fold(Ask::get("/"), |ask, i| ask.header(&format!("x-{i}"), "a"));
    refused(many, 431, "too-many-headers");
    let large = || (0..9).fold(Ask::get("/"), |ask, i| ask.header(&format!("x-{i}"), &"a".repeat(4000)));
    refused(large, 431, "head-too-large");
    passes((0..99).fold(Ask::get("/"), |ask, i| ask.header(&format!("x-{i}"), "a")));
    passes(Ask::get("/").header("cookie", &"a".repeat(15 << 10)));
}

#[test]
fn a_body_whose_end_is_disputed_is_refused() {
    let post = || Ask::new("POST", "/").header("origin", "https://localhost:8443");
    refused(|| post().header("content-length", "3").header("transfer-encoding", "chunked"), 400, "length-and-chunked");
    refused(|| post().header("content-length", "3").header("content-length", "3"), 400, "bad-length");
    for length in ["+3", "3, 3", "0x3", "-1", ""] {
        refused(|| post().header("content-length", length), 400, "bad-length");
    }
    for coding in ["gzip", "gzip, chunked", "identity", "xchunked"] {
        refused(|| post().header("transfer-encoding", coding), 501, "unknown-transfer-coding");
    }
    refused(|| post().http2("localhost:8443").header("transfer-encoding", "chunked"), 501, "unknown-transfer-coding");
    passes(post().header("content-length", "3"));
    passes(post().header("transfer-encoding", "Chunked"));
}

#[test]
fn only_100_continue_is_expected() {
    refused(|| Ask::get("/").header("expect", "200-ok"), 417, "unknown-expectation");
    passes(Ask::get("/").header("expect", "100-Continue"));
}

fn websocket() -> Ask {
    Ask::get("/live")
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket")
        .header("origin", "https://localhost:8443")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

#[test]
fn only_a_whole_websocket_handshake_upgrades() {
    let seen = passes(websocket().header("sec-websocket-version", "13"));
    assert_eq!(seen.app_saw("upgrade"), Some("websocket"));
    refused(|| websocket().header("sec-websocket-version", "777"), 400, "websocket-handshake");
    refused(|| websocket().header("sec-websocket-version", "13").header("content-length", "30"), 400, "websocket-handshake");
    refused(|| Ask::get("/").header("upgrade", "websocket"), 400, "websocket-handshake");
}

#[test]
fn h2c_is_not_upgraded_to() {
    let seen = ask(Ask::get("/").header("upgrade", "h2c").header("connection", "upgrade, http2-settings"));
    assert_eq!((seen.status, seen.rules(), seen.app_saw("upgrade")), (200, vec!["upgrade"], None));
}

#[test]
fn many_ranges_get_the_whole() {
    let ranges = |n: usize| format!("bytes={}", (0..n).map(|i| format!("{i}-{i}")).collect::<Vec<_>>().join(","));
    let seen = ask(Ask::get("/").header("range", &ranges(6)));
    assert_eq!((seen.rules(), seen.app_saw("range")), (vec!["many-ranges"], None));
    assert_eq!(passes(Ask::get("/").header("range", &ranges(5))).app_saw("range"), Some(ranges(5).as_str()));
}
