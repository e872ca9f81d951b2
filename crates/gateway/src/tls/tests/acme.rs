//! Orders at a real ACME server (Pebble), with its own resolver, on ports of this machine.
//!
//! `tests/get-pebble.sh` builds both into the cache; without them these tests say so and pass.

use std::fs;
use std::io::Write;
use std::net::TcpListener as StdListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::acme::{Challenge, Event, ExternalAccount, Plans, round};
use super::super::*;
use super::bench::{Bench, Client, build};

/// An ACME server and the gateway's two listeners.
struct Stage {
    bench: Bench,
    settings: Settings,
    tls: Arc<Tls>,
    http: TcpListener,
    https: TcpListener,
    _children: [Kill; 2],
}

struct Kill(Child);

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of the cache; nothing, and a line that says so, when it is not there.
fn program(name: &str) -> Option<PathBuf> {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let cache = std::env::var_os("GAMBESON_CACHE").map_or_else(|| PathBuf::from(workspace).join(".cache"), PathBuf::from);
    let path = cache.join("bin").join(name);
    if path.is_file() {
        return Some(path);
    }
    // Past the test harness, which would swallow it.
    let _ = writeln!(std::io::stderr(), "skipped: no {name} (run tests/get-pebble.sh)");
    None
}

fn free_port() -> u16 {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

const MAC_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

impl Stage {
    /// Certificates of this server last `lifetime` seconds.
    async fn set(lifetime: u32, external: bool) -> Option<Self> {
        let (pebble, resolver) = (program("pebble")?, program("pebble-challtestsrv")?);
        let bench = Bench::new();
        let (http, https) = (listener().await, listener().await);
        let (directory, management, dns) = (free_port(), free_port(), free_port());
        let (chain, key) = bench.issue(&["localhost"], |_| {});
        let keys = if external { format!(r#""externalAccountMACKeys": {{"kid-1": "{MAC_KEY}"}},"#) } else { String::new() };
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "127.0.0.1:{directory}", "managementListenAddress": "127.0.0.1:{management}",
            "certificate": {:?}, "privateKey": {:?}, "httpPort": {}, "tlsPort": {}, "ocspResponderURL": "",
            "externalAccountBindingRequired": {external}, {keys} "keyAlgorithm": "ecdsa",
            "retryAfter": {{"authz": 1, "order": 1}},
            "profiles": {{"default": {{"description": "d", "validityPeriod": {lifetime}}}}}}}}}"#,
            bench.write("acme.crt", &chain),
            bench.write("acme.key", &key),
            port(&http),
            port(&https),
        );
        let resolver = Command::new(resolver)
            .args(["-dnsserver", &format!("127.0.0.1:{dns}"), "-management", &format!("127.0.0.1:{}", free_port())])
            .args(["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pebble = Command::new(pebble)
            .args(["-config".into(), bench.write("pebble.json", &config)])
            .args(["-dnsserver", &format!("127.0.0.1:{dns}")])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let children = [Kill(resolver), Kill(pebble)];
        wait_for(directory).await;

        let mut settings = bench.settings(&["shop.example", "api.example"], Vec::new());
        settings.acme = Some(acme::Settings {
            directory: format!("https://localhost:{directory}/dir"),
            root_ca: Some(bench.root_file()),
            contact: vec!["admin@shop.example".into()],
            agree: true,
            external_account: None,
            profile: None,
            challenges: vec![Challenge::Http01, Challenge::TlsAlpn01],
            hosts: Vec::new(),
        });
        let tls = Arc::new(build(settings.clone()));
        Some(Self { bench, settings, tls, http, https, _children: children })
    }

    fn acme(&mut self) -> &mut acme::Settings {
        self.settings.acme.as_mut().unwrap()
    }

    /// Runs some rounds with the listeners up, until there are `wanted` events.
    async fn events(&self, wanted: usize) -> Vec<Event> {
        let seen = Mutex::new(Vec::new());
        let mut plans = Plans::default();
        let rounds = async {
            while seen.lock().unwrap().len() < wanted {
                round(&self.tls, &mut plans, &|event| seen.lock().unwrap().push(event)).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            () = rounds => {}
            () = answer_http(&self.http, &self.tls) => {}
            () = answer_tls(&self.https, &self.tls) => {}
            () = tokio::time::sleep(Duration::from_secs(60)) => {}
        }
        seen.into_inner().unwrap()
    }

    /// What a client that trusts the server's intermediate authority gets to see.
    async fn leaf(&self, host: &str) -> Option<Vec<u8>> {
        let storage = acme::Storage::new(&self.settings.state_dir, self.settings.acme.as_ref().unwrap());
        let pem = fs::read_to_string(storage.certificate_path(&host.parse().unwrap())).ok()?;
        let issuer = &pem[pem.rfind("-----BEGIN CERTIFICATE").unwrap()..];
        let seen = Client::trusting(issuer).connect(&self.tls, host).await.ok()?;
        Some(seen.leaf.to_vec())
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

async fn wait_for(port: u16) {
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the ACME server did not start");
}

/// The part of the plain listener that matters here.
async fn answer_http(listener: &TcpListener, tls: &Tls) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let length = stream.read(&mut head).await.unwrap();
        let head = String::from_utf8_lossy(&head[..length]).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let body = tls.challenges().for_target(path.as_bytes()).unwrap_or_default();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

async fn answer_tls(listener: &TcpListener, tls: &Tls) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let refused = tls.accept(stream).await;
        assert!(refused.is_err(), "a proof is all this connection is for");
    }
}

#[tokio::test]
async fn certificates_are_obtained_stored_and_served() {
    for challenge in [Challenge::Http01, Challenge::TlsAlpn01] {
        let Some(mut stage) = Stage::set(7_776_000, false).await else { return };
        stage.acme().challenges = vec![challenge];
        stage.tls.apply(stage.settings.clone()).unwrap();
        assert_eq!(stage.leaf("shop.example").await, None, "no certificate before the first order");
        let events = stage.events(2).await;
        assert!(matches!(&events[..], [Event::Issued { .. }, Event::Issued { .. }]), "{challenge:?}: {events:?}");
        assert!(stage.leaf("shop.example").await.is_some());
        assert!(stage.leaf("api.example").await.is_some());
        assert_eq!(stage.tls.certificates()[0].source, Source::Acme);

        let folder = fs::read_dir(stage.bench.path("state/acme")).unwrap().next().unwrap().unwrap().path();
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        }
        let again = build(stage.settings.clone());
        assert_eq!(again.certificates().len(), 2, "they are there at the next start");
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_before_it_ends_and_serves_until_then() {
    let Some(mut stage) = Stage::set(8, false).await else { return };
    stage.settings.hosts = vec!["shop.example".into()];
    stage.tls.apply(stage.settings.clone()).unwrap();
    let first = stage.events(1).await;
    let before = stage.leaf("shop.example").await;
    let second = stage.events(1).await;
    assert!(matches!((&first[..], &second[..]), ([Event::Issued { .. }], [Event::Issued { .. }])), "{first:?} {second:?}");
    assert_ne!(stage.leaf("shop.example").await, before);
}

#[tokio::test]
async fn a_failed_order_is_explained_waited_for_and_leaves_all_as_it_was() {
    let Some(mut stage) = Stage::set(7_776_000, false).await else { return };
    stage.settings.hosts = vec!["shop.example".into()];
    stage.acme().challenges = vec![Challenge::Http01];
    stage.tls.apply(stage.settings.clone()).unwrap();
    stage.http = listener().await; // the server looks for the proof on the old port
    let events = stage.events(1).await;
    let [Event::Failed { why, failures: 1, retry_at, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(why.contains("connection"), "{why}");
    assert!(*retry_at >= unix_now() + 4 * 60, "a wait");
    let mut again = Stage { tls: Arc::new(build(stage.settings.clone())), ..stage };
    let none = tokio::time::timeout(Duration::from_millis(500), again.events(1)).await;
    assert!(none.is_err(), "the wait is kept, also by a new process: {none:?}");
    again.tls.apply(again.settings.clone()).unwrap();
    let none = tokio::time::timeout(Duration::from_millis(500), again.events(1)).await;
    assert!(none.is_err(), "also when the same settings are read again: {none:?}");
    again.acme().contact.clear();
    again.tls.apply(again.settings.clone()).unwrap();
    let [Event::Failed { failures: 2, .. }] = &again.events(1).await[..] else {
        panic!("changed settings are tried at once, and the failures count on");
    };
    assert!(again.tls.challenges().is_empty(), "proofs are taken back");
}

#[tokio::test]
async fn one_process_orders_and_the_others_find_its_certificate() {
    let Some(stage) = Stage::set(7_776_000, false).await else { return };
    let other = build(stage.settings.clone());
    assert_eq!(stage.events(2).await.len(), 2);
    assert!(other.poll().unwrap());
    assert_eq!(other.certificates().len(), 2);
}

#[tokio::test]
async fn an_external_account_is_bound() {
    let Some(mut stage) = Stage::set(7_776_000, true).await else { return };
    stage.settings.hosts = vec!["shop.example".into()];
    stage.tls.apply(stage.settings.clone()).unwrap();
    let refused = stage.events(1).await;
    assert!(matches!(&refused[..], [Event::Failed { why, .. }] if why.contains("xternal")), "{refused:?}");

    fs::remove_dir_all(stage.bench.path("state")).unwrap();
    let hmac_key = stage.bench.write("mac.key", &format!("{MAC_KEY}\n"));
    stage.acme().external_account = Some(ExternalAccount { key_id: "kid-1".into(), hmac_key });
    stage.tls.apply(stage.settings.clone()).unwrap();
    let events = stage.events(1).await;
    assert!(matches!(&events[..], [Event::Issued { .. }]), "{events:?}");
}

#[test]
fn what_cannot_work_is_refused_at_once() {
    let bench = Bench::new();
    let acme = acme::Settings {
        directory: "https://acme.example/dir".into(),
        root_ca: None,
        contact: Vec::new(),
        agree: true,
        external_account: None,
        profile: None,
        challenges: vec![Challenge::Http01],
        hosts: Vec::new(),
    };
    let refusal = |hosts: &[&str], acme: acme::Settings| {
        super::bench::refusal(Settings { acme: Some(acme), ..bench.settings(hosts, Vec::new()) })
    };
    let disagree = acme::Settings { agree: false, ..acme.clone() };
    assert!(refusal(&["a.example"], disagree).contains("agree = true"));
    let plain = acme::Settings { directory: "http://acme.example".into(), ..acme.clone() };
    assert!(refusal(&["a.example"], plain).contains("https://"));
    assert!(refusal(&["*.a.example"], acme.clone()).contains("DNS challenge"));
    let narrow = acme::Settings { hosts: vec!["a.example".into()], ..acme.clone() };
    assert!(refusal(&["a.example", "b.example"], narrow).contains("no certificate covers b.example"));
    assert!(refusal(&["192.0.2.1"], acme).contains("no certificate covers 192.0.2.1"));
}
