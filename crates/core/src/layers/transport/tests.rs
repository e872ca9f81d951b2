use crate::{
    engine::Moment,
    exchange::{Connection, Entropy, Tls},
    layers::Denial,
    policy::{LayerName, Policy},
    testing::{Ask, engine},
};
use http::StatusCode;

const SHOP: &str = "[app]\nhosts = [\"shop.example.com\", \"*.shop.example.com\", \"localhost\", \"[::1]\"]\n";

fn shop(more: &str) -> crate::engine::Engine {
    engine(&format!("{SHOP}{more}"))
}

fn ask(host: &str) -> Ask {
    Ask::get("/a?b=c").header("host", host)
}

#[test]
fn only_the_hosts_of_the_policy_are_answered() {
    for host in ["evil.example", "shop.example.com.evil.example", "a.b.shop.example.com", "shop.example.com.", "127.0.0.1"] {
        let seen = ask(host).to(&shop(""));
        assert_eq!((seen.status, seen.rules()), (421, vec!["unknown-host"]), "{host}");
        assert!(seen.forwarded.is_none());
        assert_eq!(ask(host).to(&shop("[transport]\nmode = \"report\"")).status, 200);
        assert_eq!(ask(host).to(&shop("[transport]\nmode = \"off\"")).rules(), Vec::<&str>::new());
    }
    for host in ["shop.example.com", "SHOP.example.com:8443", "a.shop.example.com", "localhost", "[::1]:8443", "[0:0::1]"] {
        assert_eq!(ask(host).to(&shop("")).status, 200, "{host}");
    }
}

#[test]
fn an_empty_policy_answers_this_machine_alone() {
    for (host, status) in [("localhost", 200), ("127.0.0.1:8443", 200), ("[::1]", 200), ("rebound.example", 421)] {
        assert_eq!(ask(host).to(&engine("")).status, status, "{host}");
    }
}

#[test]
fn the_host_is_the_one_that_tls_was_opened_for() {
    let seen = ask("shop.example.com").sni("a.shop.example.com").to(&shop(""));
    assert_eq!((seen.status, seen.rules()), (421, vec!["misdirected"]));
    assert_eq!(ask("shop.example.com").sni("a.shop.example.com").to(&shop("[transport]\nmode = \"off\"")).status, 200);
    assert_eq!(ask("shop.example.com").sni("Shop.Example.com").to(&shop("")).status, 200);
    let behind = shop("[listen]\ntrusted_proxies = [\"192.0.2.1\"]");
    assert_eq!(ask("shop.example.com").sni("gateway.internal").to(&behind).status, 200);
}

#[test]
fn plain_http_is_sent_to_https() {
    let location = |policy: &str, ask: Ask| ask.plain().to(&shop(policy)).header("location").map(str::to_owned);
    let seen = Ask::new("POST", "/a?b=c").header("host", "shop.example.com:8080").plain().to(&shop(""));
    assert_eq!((seen.status, seen.header("location")), (308, Some("https://shop.example.com:8443/a?b=c")));
    assert!(seen.forwarded.is_none());
    let public = "[listen]\npublic_port = 443";
    assert_eq!(location(public, ask("shop.example.com")).unwrap(), "https://shop.example.com/a?b=c");
    assert_eq!(location("", ask("[::1]:8080")).unwrap(), "https://[::1]:8443/a?b=c");
    assert_eq!(
        location("", Ask::get("//evil.example/").header("host", "localhost")).unwrap(),
        "https://localhost:8443/evil.example/"
    );
    assert_eq!(location("", ask("evil.example")), None);
    for policy in ["[listen]\nplain = true", "[transport]\nredirect = false", "[transport]\nmode = \"report\""] {
        assert_eq!(ask("shop.example.com").plain().to(&shop(policy)).status, 200, "{policy}");
    }
}

#[test]
fn hsts_binds_names_over_https_alone() {
    let hsts = |policy: &str, ask: Ask| ask.to(&shop(policy)).header("strict-transport-security").map(str::to_owned);
    assert_eq!(hsts("", ask("shop.example.com")).unwrap(), "max-age=63072000");
    let all = "[transport]\nhsts_subdomains = true\nhsts_preload = true";
    assert_eq!(hsts(all, ask("shop.example.com")).unwrap(), "max-age=63072000; includeSubDomains; preload");
    assert_eq!(hsts("[transport]\nhsts = \"0s\"", ask("shop.example.com")).unwrap(), "max-age=0");
    for host in ["localhost:8443", "[::1]", "evil.example"] {
        assert_eq!(hsts("", ask(host)), None, "{host}");
    }
    let plain = "[listen]\nplain = true";
    assert_eq!(hsts(plain, ask("shop.example.com").plain()), None);
    assert_eq!(hsts("[transport]\nmode = \"off\"", ask("shop.example.com")), None);
    let behind = "[listen]\nplain = true\ntrusted_proxies = [\"192.0.2.1\"]";
    let told = ask("shop.example.com").plain().header("x-forwarded-proto", "https");
    assert!(hsts(behind, told).is_some());
}

#[test]
fn a_request_that_cannot_be_read_is_refused_in_the_same_dress() {
    let read_as = |policy: &str, ask: Ask| {
        let seen = ask.to(&shop(policy));
        assert_eq!((seen.status, seen.recorded), (400, true));
        let is_sent = |name| seen.header(name).is_some();
        (is_sent("strict-transport-security"), is_sent("cross-origin-resource-policy"), is_sent("permissions-policy"))
    };
    let split = || Ask::get("/a b").header("host", "shop.example.com");
    let no_host = || Ask::get("/").http2("");
    assert_eq!(read_as("", split()), (true, true, true));
    assert_eq!(read_as("", no_host().sni("Shop.Example.com")), (true, true, true));
    assert_eq!(read_as("", no_host().sni("evil.example")), (false, true, true));
    assert_eq!(read_as("", split().plain()), (false, true, true));
    assert_eq!(read_as("[transport]\nmode = \"off\"\n[headers]\nmode = \"off\"", split()), (false, false, false));
}

#[test]
fn bytes_that_are_no_request_are_refused_in_the_same_dress() {
    let tls = Tls { sni: Some("shop.example.com".into()), ..Tls::default() };
    let connection = Connection::new([192, 0, 2, 1].into(), Some(tls.into()));
    let refused = |policy: &str| {
        let moment = Moment { now_ms: 0, entropy: Entropy([7; 24]) };
        let denial = Denial::new("bare-lf", StatusCode::BAD_REQUEST, "This request is malformed.", "a bare LF");
        let head = shop(policy).refuse_unreadable(&connection, moment, LayerName::Protocol, denial).head;
        let found = ["strict-transport-security", "cross-origin-resource-policy"].map(|name| head.headers.contains_key(name));
        (head.status.as_u16(), found)
    };
    assert_eq!(refused(""), (400, [true, true]));
    assert_eq!(refused("[transport]\nmode = \"off\"\n[headers]\nmode = \"off\""), (400, [false, false]));
}

#[test]
fn certificates_and_authorities_are_read() {
    let policy = Policy::parse(
        "[app]\nhosts = [\"shop.example.com\", \"localhost\"]\n[transport]\nprofile = \"modern\"\n\
         [[transport.certificate]]\nchain = \"a.pem\"\nkey = \"a.key\"\n\
         [transport.acme]\nagree = true\nchallenge = \"tls-alpn-01\"\neab_id = \"7\"\neab_key = \"eab\"\n\
         [transport.client_certificates]\nca = [\"staff.pem\"]\n",
    );
    let transport = policy.unwrap().layers.transport;
    assert_eq!(transport.profile, super::Profile::Modern);
    assert_eq!(transport.certificates[0].chain.to_str(), Some("a.pem"));
    let acme = transport.acme.unwrap();
    assert_eq!((acme.hosts, acme.challenge), (vec!["shop.example.com".to_owned()], super::Challenge::TlsAlpn01));
    assert_eq!(acme.external_account, Some(("7".to_owned(), "eab".into())));
    assert_eq!(transport.client_certificates.map(|clients| clients.required), Some(true));
}

#[test]
fn contradictions_are_told() {
    let problems = Policy::parse(
        "[listen]\nhttps = \"\"\n[transport]\nhsts_preload = true\n[[transport.certificate]]\nkey = \"k\"\nhosts = [\"x.example\"]\n\
         [transport.acme]\nhosts = [\"*.example.com\"]\ndirectory = \"http://ca\"\neab_id = \"7\"\n[transport.client_certificates]\n",
    )
    .unwrap_err();
    let keys: Vec<_> = problems.0.iter().map(|problem| problem.key.as_str()).collect();
    for key in [
        "transport.redirect",
        "transport.hsts_preload",
        "transport.certificate[0].chain",
        "transport.certificate[0].hosts",
        "transport.acme.agree",
        "transport.acme.hosts",
        "transport.acme.directory",
        "transport.acme.eab_id",
        "transport.client_certificates.ca",
    ] {
        assert!(keys.contains(&key), "{key} not in {keys:?}");
    }
}
