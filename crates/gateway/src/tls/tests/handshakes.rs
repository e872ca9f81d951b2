//! Versions, groups, names, resumption.

use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, NamedGroup, ProtocolVersion};

use super::super::*;
use super::bench::{Bench, build, connect, names_of, refusal};

#[tokio::test]
async fn intermediate_speaks_1_2_and_1_3_with_a_post_quantum_group() {
    let bench = Bench::new();
    let tls = build(bench.settings(&["a.example"], vec![bench.files("a", &["a.example"])]));
    let seen = bench.trusting().connect(&tls, "a.example").await.unwrap();
    assert_eq!(seen.version, ProtocolVersion::TLSv1_3);
    assert_eq!(seen.group, Some(NamedGroup::X25519MLKEM768));
    assert_eq!(seen.alpn.as_deref(), Some(&b"h2"[..]));
    let old = bench.trusting().only(&TLS12).connect(&tls, "a.example").await.unwrap();
    assert_eq!(old.version, ProtocolVersion::TLSv1_2);
}

#[tokio::test]
async fn modern_refuses_1_2() {
    let bench = Bench::new();
    let settings = bench.settings(&["a.example"], vec![bench.files("a", &["a.example"])]);
    let tls = build(Settings { profile: Profile::Modern, ..settings });
    assert!(bench.trusting().only(&TLS13).connect(&tls, "a.example").await.is_ok());
    let refused = bench.trusting().only(&TLS12).connect(&tls, "a.example").await.unwrap_err();
    assert!(refused.contains("ProtocolVersion"), "{refused}");
}

#[tokio::test]
async fn protocols_without_one_in_common_are_refused() {
    let bench = Bench::new();
    let mut settings = bench.settings(&["a.example"], vec![bench.files("a", &["a.example"])]);
    settings.http2 = false;
    let tls = build(settings);
    let refused = bench.trusting().connect(&tls, "a.example").await.unwrap_err();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");
    let mut client = bench.trusting();
    client.alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let seen = client.connect(&tls, "a.example").await.unwrap();
    assert_eq!(seen.alpn.as_deref(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn each_name_gets_its_certificate_and_an_unknown_name_none() {
    let bench = Bench::new();
    let one = bench.files("one", &["one.example"]);
    let many = bench.files("many", &["*.many.example"]);
    let tls = build(bench.settings(&["one.example", "*.many.example"], vec![one, many]));
    let client = bench.trusting();
    for (asked, expected) in
        [("one.example", "one.example"), ("ONE.example", "one.example"), ("x.many.example", "*.many.example")]
    {
        let seen = client.connect(&tls, asked).await.unwrap();
        assert_eq!(names_of(&seen.leaf), [expected], "{asked}");
    }
    for unknown in ["two.example", "many.example", "x.y.many.example", "example"] {
        let refused = client.connect(&tls, unknown).await.unwrap_err();
        assert!(refused.contains("AlertReceived(UnrecognisedName)"), "{unknown}: {refused}");
    }
    let refused = client.connect(&tls, "127.0.0.1").await.unwrap_err();
    assert!(refused.contains("MissingExtension"), "two certificates, no name: {refused}");
}

#[tokio::test]
async fn without_a_name_the_only_certificate_or_that_of_an_address_is_used() {
    let bench = Bench::new();
    let address = bench.files("address", &["192.0.2.7"]);
    let other = bench.files("other", &["a.example"]);
    let tls = build(bench.settings(&["192.0.2.7", "a.example"], vec![address, other]));
    let seen = bench.trusting().connect(&tls, "192.0.2.7").await.unwrap();
    assert_eq!(names_of(&seen.leaf), ["192.0.2.7"]);

    let both = bench.files("both", &["192.0.2.8", "b.example"]);
    let tls = build(bench.settings(&["b.example"], vec![both]));
    assert!(bench.trusting().connect(&tls, "192.0.2.8").await.is_ok());
}

#[tokio::test]
async fn a_host_without_a_certificate_is_an_error_at_start() {
    let bench = Bench::new();
    let files = bench.files("a", &["a.example"]);
    let said = refusal(bench.settings(&["a.example", "b.example"], vec![files]));
    assert!(said.contains("no certificate covers b.example"), "{said}");
}

#[tokio::test]
async fn a_session_resumes_on_another_configuration_that_shares_the_tickets() {
    for version in [&TLS13, &TLS12] {
        let bench = Bench::new();
        let settings = bench.settings(&["a.example"], vec![bench.files("a", &["a.example"])]);
        let first = build(settings.clone());
        let handed = Tickets::from_bytes(&first.tickets().to_bytes()).unwrap();
        let second = Tls::build(settings.clone(), handed).unwrap();
        let stranger = build(settings);

        let config = bench.trusting().only(version).config();
        let kind = async |tls| connect(tls, config.clone(), "a.example").await.unwrap().kind;
        assert_eq!(kind(&first).await, HandshakeKind::Full);
        assert_eq!(kind(&second).await, HandshakeKind::Resumed);
        assert_eq!(kind(&stranger).await, HandshakeKind::Full, "other keys");
    }
}

#[tokio::test]
async fn a_session_does_not_resume_under_another_name() {
    let bench = Bench::new();
    let hosts = ["a.example", "b.example"];
    let tls = build(bench.settings(&hosts, vec![bench.files("both", &hosts)]));
    let config = bench.trusting().config();
    connect(&tls, config.clone(), "a.example").await.unwrap();
    let other = connect(&tls, config, "b.example").await.unwrap();
    assert_eq!(other.kind, HandshakeKind::Full);
}

#[tokio::test]
async fn bytes_that_are_not_tls_end_in_an_error() {
    let bench = Bench::new();
    let tls = build(bench.settings(&["a.example"], vec![bench.files("a", &["a.example"])]));
    for hostile in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"", b"\x16\x03\x01\xff\xff", &[0x16; 20_000]] {
        let io = delivering(hostile);
        assert!(matches!(tls.accept(io).await, Err(Refused::Handshake(_))));
    }
}

/// A stream that delivers some bytes and ends, and swallows what is written.
fn delivering(bytes: &'static [u8]) -> impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin {
    tokio::io::join(bytes, tokio::io::sink())
}
