use super::Authority;
use crate::testing::{Ask, Seen, engine};

const BEHIND: &str =
    "[app]\nhosts = [\"shop.example\"]\n[listen]\nplain = true\ntrusted_proxies = [\"10.0.0.0/8\", \"2001:db8::/32\"]";

/// From the load balancer, in plain HTTP.
fn behind(forwarded_for: &[&str]) -> Seen {
    let ask = Ask::get("/").plain().peer("10.0.0.1").header("host", "shop.example");
    forwarded_for.iter().fold(ask, |ask, line| ask.header("x-forwarded-for", line)).to(&engine(BEHIND))
}

#[track_caller]
fn client_is(forwarded_for: &[&str], client: &str) {
    assert_eq!(behind(forwarded_for).app_saw("x-forwarded-for"), Some(client), "{forwarded_for:?}");
}

#[test]
fn the_nearest_untrusted_address_is_the_client() {
    client_is(&["192.0.2.7"], "192.0.2.7");
    client_is(&["198.51.100.1, 192.0.2.7"], "192.0.2.7");
    client_is(&["127.0.0.1", "192.0.2.7"], "192.0.2.7");
    client_is(&["192.0.2.7, 10.1.1.1,10.2.2.2"], "192.0.2.7");
    client_is(&["192.0.2.7", "10.1.1.1"], "192.0.2.7");
    client_is(&["2001:db9::7, 2001:db8::1"], "2001:db9::7");
}

#[test]
fn ports_and_brackets_are_read() {
    client_is(&["192.0.2.7:4711"], "192.0.2.7");
    client_is(&["[2001:db9::7]:4711"], "2001:db9::7");
    client_is(&["[2001:db9::7]"], "2001:db9::7");
    client_is(&["::ffff:192.0.2.7"], "192.0.2.7");
}

#[test]
fn garbage_ends_the_chain_where_the_last_good_word_was() {
    client_is(&[], "10.0.0.1");
    client_is(&["unknown"], "10.0.0.1");
    client_is(&["192.0.2.7, <script>"], "10.0.0.1");
    client_is(&["192.0.2.7, ,10.1.1.1"], "10.1.1.1");
    client_is(&["10.3.3.3, 10.1.1.1"], "10.3.3.3");
}

#[test]
fn what_is_no_text_takes_no_word_of_the_proxy_away() {
    client_is(&["\u{fc}, 192.0.2.7"], "192.0.2.7");
    client_is(&["10.9.9.9, \u{fc}", "192.0.2.7"], "192.0.2.7");
    client_is(&["192.0.2.8, \u{fc}, 10.1.1.1"], "10.1.1.1");
    client_is(&["192.0.2.8", "\u{fc}"], "10.0.0.1");
    let told = Ask::get("/").plain().peer("10.0.0.1").header("host", "shop.example").header("x-forwarded-proto", "\u{fc}, https");
    assert_eq!(told.to(&engine(BEHIND)).app_saw("x-forwarded-proto"), Some("https"));
}

#[test]
fn nobody_else_is_believed() {
    let seen = Ask::get("/")
        .header("x-forwarded-for", "127.0.0.1")
        .header("x-forwarded-proto", "http")
        .header("x-forwarded-host", "evil.example")
        .to(&engine("[listen]\ntrusted_proxies = [\"10.0.0.0/8\"]"));
    assert_eq!(seen.status, 200);
    assert_eq!(seen.app_saw("x-forwarded-for"), Some("192.0.2.1"));
    assert_eq!(seen.app_saw("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.app_saw("x-forwarded-host"), Some("localhost:8443"));
}

#[test]
fn a_mapped_peer_is_the_network_it_is_of() {
    let ask = Ask::get("/").plain().peer("::ffff:10.0.0.1").header("host", "shop.example");
    let seen = ask.header("x-forwarded-for", "192.0.2.7").to(&engine(BEHIND));
    assert_eq!(seen.app_saw("x-forwarded-for"), Some("192.0.2.7"));
}

#[test]
fn the_last_word_on_scheme_and_host_is_the_proxys() {
    let told = |name: &str, lines: &[&str]| {
        let ask = Ask::get("/").plain().peer("10.0.0.1").header("host", "shop.example");
        lines.iter().fold(ask, |ask, line| ask.header(name, line)).to(&engine(BEHIND))
    };
    let scheme = |lines: &[&str]| told("x-forwarded-proto", lines).app_saw("x-forwarded-proto").unwrap().to_owned();
    assert_eq!(scheme(&["https"]), "https");
    assert_eq!(scheme(&["HTTPS"]), "https");
    assert_eq!(scheme(&["https", "http"]), "http");
    assert_eq!(scheme(&["https, http"]), "http");
    assert_eq!(scheme(&["gopher"]), "http");
    assert_eq!(told("x-forwarded-host", &["shop.example"]).status, 200);
    assert_eq!(told("x-forwarded-host", &["shop.example", "evil.example"]).rules(), ["unknown-host"]);
    assert_eq!(told("x-forwarded-host", &["evil@shop.example"]).rules(), ["bad-host"]);
}

#[test]
fn a_proxy_that_speaks_tls_to_us_may_say_its_client_did_not() {
    let ask = Ask::get("/").peer("10.0.0.1").header("host", "shop.example").header("x-forwarded-proto", "http");
    assert_eq!(ask.to(&engine(BEHIND)).app_saw("x-forwarded-proto"), Some("http"));
}

#[test]
fn an_authority_is_a_host_and_a_port() {
    let read = |text| Authority::parse(text).map(|authority| (authority.host, authority.port));
    let is = |host: &str, port| Some((host.to_owned(), port));
    assert_eq!(read("Shop.Example"), is("shop.example", None));
    assert_eq!(read("localhost:8443"), is("localhost", Some(8443)));
    assert_eq!(read("127.0.0.1:1"), is("127.0.0.1", Some(1)));
    assert_eq!(read("[::1]"), is("[::1]", None));
    assert_eq!(read("[0:0:0:0:0:0:0:1]:65535"), is("[::1]", Some(65535)));
    assert_eq!(read("my_app"), is("my_app", None));
    for bad in [
        "",
        ":80",
        "a:",
        "a:x",
        "a:65536",
        "a:0",
        "a:+80",
        "a:80:80",
        "a b",
        "user@a",
        "a/b",
        "a,b",
        "a%2eb",
        "[::1",
        "[::1]x",
        "[]",
        "[zz]",
        "::1",
        "a..b",
        ".a",
        "..",
        "a\\b",
        "a?b",
        "a#b",
        "bücher.example",
        "[::1%25eth0]",
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn host_and_authority_must_agree() {
    let engine = engine("");
    assert_eq!(Ask::get("/").http2("localhost:8443").to(&engine).status, 200);
    assert_eq!(Ask::get("/").http2("localhost").header("host", "LOCALHOST").to(&engine).status, 200);
    let seen = Ask::get("/").http2("localhost").header("host", "evil.example").to(&engine);
    assert_eq!((seen.status, seen.rules()), (400, vec!["authority-mismatch"]));
    let off =
        Ask::get("/").http2("localhost").header("host", "evil.example").to(&crate::testing::engine("[protocol]\nmode = \"off\""));
    assert_eq!(off.app_saw("host"), Some("localhost"));
}
