//! Chains and keys that must not be served, and the development authority.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use rcgen::ExtendedKeyUsagePurpose;

use super::super::ca::{Authority, Outcome, Stores};
use super::super::*;
use super::bench::{Bench, Client, DAY, build, names_of, refusal, valid};

/// What is said about a certificate with something wrong.
fn complaint(bench: &Bench, chain: &str, key: &str) -> String {
    let files = CertificateFiles { chain: bench.write("bad.crt", chain), key: bench.write("bad.key", key), hosts: Vec::new() };
    refusal(bench.settings(&["a.example"], vec![files]))
}

#[test]
fn a_bad_chain_or_key_is_named_with_its_file() {
    let bench = Bench::new();
    let (chain, key) = bench.issue(&["a.example"], |_| {});
    let (_, other_key) = bench.issue(&["a.example"], |_| {});
    let ended = bench.issue(&["a.example"], |params| valid(params, unix_now() - 9 * DAY, unix_now() - DAY));
    let early = bench.issue(&["a.example"], |params| valid(params, unix_now() + DAY, unix_now() + 9 * DAY));
    let client = bench.issue(&["a.example"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let (leaf, root) = chain.split_at(chain.rfind("-----BEGIN").unwrap());
    let reversed = format!("{root}{leaf}");
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (chain, key, expected) in [
        (&*chain, &*other_key, "bad.key does not belong to the first certificate in"),
        (&ended.0, &ended.1, "expired at"),
        (&early.0, &early.1, "not valid before"),
        (&client.0, &client.1, "not meant for servers"),
        (&reversed, &key, "out of order"),
        (&chain, &encrypted, "openssl pkey"),
        (&chain, "", "no private key"),
        ("", &key, "no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key, "certificate 1 in"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", &key, "not valid PEM"),
    ] {
        let said = complaint(&bench, chain, key);
        assert!(said.contains(expected) && said.contains("bad."), "{expected}: {said}");
    }
}

#[test]
fn a_certificate_for_other_hosts_is_refused_with_its_names() {
    let bench = Bench::new();
    let files = bench.files("a", &["a.example", "*.b.example"]);
    let said = refusal(bench.settings(&["c.example"], vec![files.clone()]));
    assert!(said.contains("does not cover c.example; it is for a.example, *.b.example"), "{said}");
    let named = CertificateFiles { hosts: vec!["x.y.b.example".into()], ..files };
    assert!(refusal(bench.settings(&[], vec![named])).contains("does not cover x.y.b.example"));
}

#[test]
fn a_key_others_can_read_is_refused() {
    let bench = Bench::new();
    let files = bench.files("a", &["a.example"]);
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
    let said = refusal(bench.settings(&["a.example"], vec![files]));
    assert!(said.contains("chmod 600") && said.contains("a.key"), "{said}");
}

fn development(bench: &Bench, hosts: &[&str]) -> Settings {
    Settings { development: true, ..bench.settings(hosts, Vec::new()) }
}

fn authority(bench: &Bench, hosts: &[&str], now: i64) -> Authority {
    let hosts = hosts.iter().map(|host| (*host).into()).collect::<Vec<_>>();
    Authority::open(&bench.folder.path().join("state"), &hosts, now).unwrap()
}

#[tokio::test]
async fn development_covers_this_machine_and_the_hosts_of_the_policy() {
    let bench = Bench::new();
    let tls = build(development(&bench, &["shop.example", "*.wild.example"]));
    assert!(tls.has_new_root());
    let client = Client::trusting(&authority(&bench, &["shop.example", "*.wild.example"], unix_now()).root.pem);
    for name in ["localhost", "127.0.0.1", "::1", "shop.example", "x.wild.example"] {
        let seen = client.connect(&tls, name).await.unwrap();
        assert!(names_of(&seen.leaf).contains(&"localhost".into()), "{name}");
    }
    assert!(client.connect(&tls, "other.example").await.is_err());
    assert!(bench.trusting().connect(&tls, "localhost").await.is_err(), "not trusted unless told");
}

#[tokio::test]
async fn where_files_cover_every_host_there_is_no_development_authority() {
    let bench = Bench::new();
    let files = bench.files("a", &["a.example"]);
    let both = Settings { development: true, ..bench.settings(&["a.example"], vec![files.clone()]) };
    build(both);
    assert!(!bench.path("state/ca").exists());

    let some = Settings { development: true, ..bench.settings(&["a.example", "b.example"], vec![files]) };
    let tls = build(some);
    let root = authority(&bench, &["a.example", "b.example"], unix_now());
    tls.reload().unwrap();
    assert!(!tls.has_new_root() && !root.is_new, "what `gambeson ca` opens for all hosts is the same");
    assert!(Client::trusting(&root.root.pem).connect(&tls, "b.example").await.is_ok());
    assert!(bench.trusting().connect(&tls, "a.example").await.is_ok());
}

#[tokio::test]
async fn the_development_root_cannot_vouch_for_other_hosts() {
    let bench = Bench::new();
    let root = authority(&bench, &["shop.example"], unix_now()).root;
    assert_eq!(
        root.permitted.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from(["localhost", "shop.example", "127.0.0.0/8", "::1/128"])
    );

    // A thief of the key issues a certificate for someone else's host.
    let stolen = fs::read_to_string(bench.path("state/ca/authority.pem")).unwrap();
    let certificate = &stolen[stolen.find("-----BEGIN CERTIFICATE").unwrap()..];
    let issuer = rcgen::Issuer::from_ca_cert_pem(certificate, rcgen::KeyPair::from_pem(&stolen).unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    for (name, accepted) in [("shop.example", true), ("bank.example", false)] {
        let mut params = rcgen::CertificateParams::new(vec![name.into()]).unwrap();
        valid(&mut params, unix_now() - DAY, unix_now() + DAY);
        let forged = params.signed_by(&key, &issuer).unwrap();
        let files = CertificateFiles {
            chain: bench.write("forged.crt", &forged.pem()),
            key: bench.write("forged.key", &key.serialize_pem()),
            hosts: Vec::new(),
        };
        let tls = build(bench.settings(&[name], vec![files]));
        let outcome = Client::trusting(&root.pem).connect(&tls, name).await;
        assert_eq!(outcome.is_ok(), accepted, "{name}: {outcome:?}");
    }
}

#[test]
fn the_authority_stays_and_the_server_certificate_is_renewed_at_two_thirds() {
    let bench = Bench::new();
    let leaf = |now| {
        let opened = authority(&bench, &["shop.example"], now);
        let leaf = opened.leaf(now, &Profile::Modern.provider()).unwrap();
        (opened.is_new, opened.root.sha256.clone(), leaf.key.cert[0].clone(), leaf.facts)
    };
    let start = unix_now();
    let first = leaf(start);
    assert!(first.0);
    assert!(first.3.not_after - first.3.not_before <= 90 * DAY);
    let soon = leaf(start + 59 * DAY);
    assert_eq!((soon.0, &soon.1, &soon.2), (false, &first.1, &first.2));
    let later = leaf(start + 61 * DAY);
    assert_eq!((later.0, &later.1), (false, &first.1));
    assert_ne!(later.2, first.2);
    let ending = leaf(start + 700 * DAY);
    assert!(ending.0 && ending.1 != first.1, "the root must outlive what it issues");
}

#[test]
fn new_hosts_make_a_new_authority_and_fewer_hosts_do_not() {
    let bench = Bench::new();
    let now = unix_now();
    let wide = authority(&bench, &["shop.example", "api.example"], now);
    let narrow = authority(&bench, &["api.example"], now);
    assert!(!narrow.is_new && narrow.root == wide.root);
    assert!(!authority(&bench, &["v2.api.example"], now).is_new, "a name below a permitted one");
    assert!(authority(&bench, &["evilapi.example"], now).is_new, "a name that only ends alike");
}

#[test]
fn two_processes_at_once_make_one_authority() {
    let bench = Bench::new();
    let roots = std::thread::scope(|scope| {
        let open = || authority(&bench, &["shop.example"], unix_now()).root.sha256;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<BTreeSet<_>>()
    });
    assert_eq!(roots.len(), 1);
}

#[test]
fn the_keys_of_the_authority_are_private_or_refused() {
    let bench = Bench::new();
    build(development(&bench, &[]));
    let mode = |name: &str| fs::metadata(bench.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("state/ca"), 0o700);
    assert_eq!(mode("state/ca/authority.pem"), 0o600);
    assert_eq!(mode("state/ca/server.pem"), 0o600);
    fs::set_permissions(bench.path("state/ca/authority.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = refusal(development(&bench, &[]));
    assert!(said.contains("chmod 600") && said.contains("authority.pem"), "{said}");
}

#[test]
fn trusting_says_what_it_did_and_what_is_left_to_do() {
    let bench = Bench::new();
    let authority = authority(&bench, &[], unix_now());
    let folder = bench.path("anchors");
    fs::create_dir(&folder).unwrap();
    let mut stores = Stores { system: Some((folder.clone(), "true")), may_write_system: false, nss: Vec::new() };
    let todo = &authority.trust(&stores)[0].outcome;
    assert!(matches!(todo, Outcome::ToDo { command, .. } if command.contains("sudo")), "{todo:?}");

    stores.may_write_system = true;
    for expected in [Outcome::Done, Outcome::Already] {
        assert_eq!(authority.trust(&stores)[0].outcome, expected);
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    for expected in [Outcome::Done, Outcome::Already] {
        assert_eq!(authority.untrust(&stores)[0].outcome, expected);
    }
    stores.system = Some((folder, "false"));
    assert!(matches!(authority.trust(&stores)[0].outcome, Outcome::Failed { .. }));
}

#[test]
fn trusting_a_new_root_takes_the_earlier_one_out() {
    let bench = Bench::new();
    let folder = bench.path("anchors");
    fs::create_dir(&folder).unwrap();
    let stores = Stores { system: Some((folder.clone(), "true")), may_write_system: true, nss: Vec::new() };
    let anchors = || fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();

    authority(&bench, &[], unix_now()).trust(&stores);
    let before = anchors();
    let wider = authority(&bench, &["shop.example"], unix_now());
    assert!(wider.is_new);
    let steps = wider.trust(&stores);
    assert!(steps[0].store.ends_with("earlier root") && steps[0].outcome == Outcome::Done, "{steps:?}");
    assert_eq!(anchors().len(), 1);
    assert_ne!(anchors(), before);
    fs::write(bench.path("state/ca/trusted"), "gambeson-/../../victim\n").unwrap();
    assert_eq!(wider.untrust(&stores).len(), 1, "a name that is not ours is left alone");
}
