//! Client certificates.

use super::super::*;
use super::bench::{Bench, DAY, build, connect, refusal};

/// A gateway that trusts the bench's authority for clients, with the lists given.
fn settings(bench: &Bench, lists: &[String]) -> (Settings, Authorities) {
    let crl_files = lists.iter().enumerate().map(|(index, list)| bench.write(&format!("{index}.crl"), list));
    let authorities = Authorities { crl_files: crl_files.collect(), ca_files: vec![bench.root_file()] };
    (bench.settings(&["a.example"], vec![bench.files("a", &["a.example"])]), authorities)
}

fn required(bench: &Bench, lists: &[String]) -> Settings {
    let (settings, authorities) = settings(bench, lists);
    Settings { client_auth: ClientAuth::Required(authorities), ..settings }
}

#[tokio::test]
async fn a_good_certificate_is_let_in_and_summarised() {
    let bench = Bench::new();
    let tls = build(required(&bench, &[]));
    let client = bench.trusting().with_identity(&bench.client("alice", 7, DAY));
    let summary = client.connect(&tls, "a.example").await.unwrap().client.unwrap();
    assert!(summary.subject.contains("CN=alice"), "{}", summary.subject);
    assert!(summary.issuer.contains("CN=Test root"), "{}", summary.issuer);
    assert_eq!((summary.serial.as_str(), summary.sha256.len()), ("07", 64));
}

#[tokio::test]
async fn without_a_certificate_required_refuses_and_optional_lets_in() {
    let bench = Bench::new();
    let tls = build(required(&bench, &[]));
    let refused = bench.trusting().connect(&tls, "a.example").await.unwrap_err();
    assert!(refused.contains("peer sent no certificates"), "{refused}");

    let (base, authorities) = settings(&bench, &[]);
    let tls = build(Settings { client_auth: ClientAuth::Optional(authorities), ..base });
    assert_eq!(bench.trusting().connect(&tls, "a.example").await.unwrap().client, None);
    let stranger = Bench::new().client("mallory", 1, DAY);
    assert!(bench.trusting().with_identity(&stranger).connect(&tls, "a.example").await.is_err());
}

#[tokio::test]
async fn foreign_expired_and_revoked_certificates_are_refused() {
    let bench = Bench::new();
    let tls = build(required(&bench, &[bench.revocation_list(&[66], DAY)]));
    let outcome = async |identity| bench.trusting().with_identity(&identity).connect(&tls, "a.example").await;
    assert!(outcome(bench.client("alice", 7, DAY)).await.is_ok());
    for (identity, expected) in [
        (Bench::new().client("mallory", 7, DAY), "BadSignature"),
        (bench.client("late", 8, -DAY), "expired"),
        (bench.client("thief", 66, DAY), "Revoked"),
    ] {
        let refused = outcome(identity).await.unwrap_err();
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
}

#[tokio::test]
async fn an_outdated_revocation_list_refuses_everyone() {
    let bench = Bench::new();
    let tls = build(required(&bench, &[bench.revocation_list(&[], -60)]));
    let client = bench.trusting().with_identity(&bench.client("alice", 7, DAY));
    let refused = client.connect(&tls, "a.example").await.unwrap_err();
    assert!(refused.contains("revocation list expired"), "{refused}");
}

#[tokio::test]
async fn a_session_without_a_certificate_is_no_way_in_later() {
    let bench = Bench::new();
    let demanding = required(&bench, &[]);
    let tls = build(Settings { client_auth: ClientAuth::Off, ..demanding.clone() });
    let config = bench.trusting().config();
    connect(&tls, config.clone(), "a.example").await.unwrap();
    tls.apply(demanding).unwrap();
    assert!(connect(&tls, config, "a.example").await.is_err());
}

#[test]
fn unusable_files_are_named() {
    let bench = Bench::new();
    let (base, authorities) = settings(&bench, &["nonsense".into()]);
    let said = refusal(Settings { client_auth: ClientAuth::Required(authorities), ..base.clone() });
    assert!(said.contains("0.crl is not a usable revocation list"), "{said}");
    let said = refusal(Settings { client_auth: ClientAuth::Required(Authorities::default()), ..base });
    assert!(said.contains("at least one authority"), "{said}");
}
