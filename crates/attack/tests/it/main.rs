//! Every probe against an app it must defeat and one it must not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

mod holes;
mod server;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gambeson_attack::{
    Comparison, Effect, Error, Evidence, Finding, Guarded, LAYERS, Limits, Options, Peeled, Peeler, Report, Silent, Target,
    Trust, Twin, Verdict, peel, probes, run,
};

fn options() -> Options {
    let limits = Limits { answer: Duration::from_secs(2), ..Limits::default() };
    Options { app: server::description(), effect: Effect::Intrusive, trust: Trust::Anybody, limits, ..Options::default() }
}

fn attack(safe: bool, only: &[&str], evidence: Option<&dyn Evidence>) -> Report {
    let target = Target::new(&format!("http://{}", server::start(safe)), None, None).unwrap();
    let options = Options { only: only.iter().map(|id| (*id).to_owned()).collect(), ..options() };
    run(&target, &options, evidence, &mut Silent).unwrap()
}

fn find<'a>(report: &'a Report, id: &str) -> &'a Finding {
    report.findings.iter().find(|finding| finding.id == id).unwrap()
}

/// Needs TLS, a log, or an app that listens to another port: shown by tests of their own.
const APART: [&str; 6] = [
    "transport/plaintext",
    "transport/downgrade",
    "transport/old-tls",
    "audit_log/unnoticed",
    "audit_log/altered",
    "audit_log/secrets",
];

#[test]
fn every_layer_has_a_file_of_probes_and_every_file_a_layer() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/probes");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut layers: Vec<&str> = LAYERS.into_iter().chain(["unguarded"]).collect();
    files.sort();
    // A file may have a folder of its own.
    files.dedup();
    layers.sort_unstable();
    assert_eq!(files, layers);
    for layer in layers {
        assert!(probes().any(|probe| probe.id.starts_with(&format!("{layer}/"))), "{layer} has no probe");
    }
}

#[test]
fn the_layers_are_those_of_the_policy() {
    assert_eq!(gambeson_core::policy::LayerName::ALL.iter().map(|layer| layer.as_str()).collect::<Vec<_>>(), LAYERS);
}

#[test]
fn ids_are_unique() {
    let mut ids: Vec<&str> = probes().map(|probe| probe.id).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn every_attack_succeeds_on_the_naive_app_and_every_twin_passes() {
    let report = attack(false, &[], None);
    for finding in report.findings.iter().filter(|finding| !APART.contains(&finding.id)) {
        assert!(finding.verdict.is_success(), "{}: {:?}", finding.id, finding.verdict);
        assert_eq!(finding.twin, Twin::Passed, "{}", finding.id);
    }
    assert!(!report.holds());
}

#[test]
fn every_attack_is_stopped_by_the_safe_app_and_every_twin_passes() {
    let report = attack(true, &[], None);
    for finding in report.findings.iter().filter(|finding| !APART.contains(&finding.id)) {
        assert!(finding.verdict.is_stopped(), "{}: {:?}", finding.id, finding.verdict);
        assert_eq!(finding.twin, Twin::Passed, "{}", finding.id);
    }
    assert_eq!(find(&report, "csrf/cross-site-form").verdict.reference(), Some("ref-1"));
    assert_eq!(
        report.unproved().map(|finding| finding.id).collect::<Vec<_>>(),
        ["transport/old-tls", "audit_log/unnoticed", "audit_log/altered", "audit_log/secrets"]
    );
}

#[test]
fn the_attacks_remove_what_they_wrote() {
    let address = server::start(false);
    let target = Target::new(&format!("http://{address}"), None, None).unwrap();
    run(&target, &Options { only: vec!["csrf".into(), "headers".into()], ..options() }, None, &mut Silent).unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.contains("<title>tiny") && !page.contains("gmb"), "{page}");
}

#[test]
fn where_no_app_answers_nothing_is_claimed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::new(&format!("http://{}", listener.local_addr().unwrap()), None, None).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n");
        }
    });
    assert!(matches!(run(&target, &options(), None, &mut Silent), Err(Error::Down { .. })));
}

#[test]
fn effects_above_the_allowed_one_are_skipped_and_said_to_be() {
    let target = Target::new(&format!("http://{}", server::start(false)), None, None).unwrap();
    let report = run(&target, &Options { effect: Effect::Passive, ..options() }, None, &mut Silent).unwrap();
    for finding in &report.findings {
        assert_eq!(matches!(finding.verdict, Verdict::Skipped { .. }), finding.effect > Effect::Passive, "{}", finding.id);
    }
}

#[test]
fn without_a_description_attacks_say_what_is_missing() {
    let target = Target::new(&format!("http://{}", server::start(false)), None, None).unwrap();
    let report = run(&target, &Options { app: Default::default(), ..options() }, None, &mut Silent).unwrap();
    assert!(
        matches!(&find(&report, "csrf/cross-site-form").verdict, Verdict::PreconditionFailed { why } if why.contains("[victim]"))
    );
    assert!(find(&report, "headers/framing").verdict.is_success(), "any page will do for this one");
}

#[test]
fn a_run_ends_when_its_requests_are_used_up() {
    let target = Target::new(&format!("http://{}", server::start(false)), None, None).unwrap();
    let limits = Limits { requests: 10, ..Limits::default() };
    let report = run(&target, &Options { limits, ..options() }, None, &mut Silent).unwrap();
    assert_eq!(report.requests, 10);
    assert!(matches!(&find(&report, "headers/framing").verdict, Verdict::PreconditionFailed { why } if why.contains("limit")));
}

// --- transport: a front that speaks TLS and redirects from plain HTTP ---

/// Puts TLS before the app, and beside it a plain port that redirects; the certificate, the TLS and the plain address.
fn tls_front(safe: bool) -> (String, String, String) {
    let certified = rcgen::generate_simple_self_signed(vec!["shop.example".to_owned()]).unwrap();
    let pem = certified.cert.pem();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap());
    let (front, back) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (https, inside) = (format!("https://shop.example:{}", front.local_addr().unwrap().port()), back.local_addr().unwrap());
    server::start_on(back, safe, https.trim_start_matches("https://").to_owned());
    thread::spawn(move || {
        for stream in front.incoming().flatten() {
            let (config, inside) = (config.clone(), inside);
            thread::spawn(move || {
                let mut tls = rustls::StreamOwned::new(rustls::ServerConnection::new(config).unwrap(), stream);
                let mut inner = std::net::TcpStream::connect(inside).unwrap();
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                    match tls.read(&mut chunk) {
                        Ok(count) if count > 0 => request.extend_from_slice(&chunk[..count]),
                        _ => return,
                    }
                }
                inner.write_all(&request).unwrap();
                let mut answer = Vec::new();
                let _ = inner.read_to_end(&mut answer);
                let _ = tls.write_all(&answer);
                tls.conn.send_close_notify();
                let _ = tls.flush();
            });
        }
    });
    (pem, https.clone(), plain_port(https))
}

fn plain_port(to: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://shop.example:{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(format!("HTTP/1.1 308 X\r\nLocation: {to}/login\r\nContent-Length: 0\r\n\r\n").as_bytes());
        }
    });
    address
}

#[test]
fn transport_attacks_reach_the_naive_and_not_the_safe() {
    let bare = attack(false, &["transport/"], None);
    assert!(find(&bare, "transport/plaintext").verdict.is_success() && find(&bare, "transport/downgrade").verdict.is_success());
    let (pem, https, plain) = tls_front(true);
    let target = Target::at([127, 0, 0, 1].into(), &https, Some(&plain), None).unwrap();
    let options = Options { trust: Trust::Authorities(pem.into_bytes()), only: vec!["transport/".into()], ..options() };
    let report = run(&target, &options, None, &mut Silent).unwrap();
    for finding in &report.findings {
        assert!(finding.verdict.is_stopped(), "{}: {:?}", finding.id, finding.verdict);
        assert_eq!(finding.twin, Twin::Passed, "{}", finding.id);
    }
}

#[test]
fn a_certificate_nobody_vouches_for_is_not_believed() {
    let (_, https, _) = tls_front(true);
    let (other, _, _) = tls_front(true);
    let target = Target::at([127, 0, 0, 1].into(), &https, None, None).unwrap();
    let options = Options { trust: Trust::Authorities(other.into_bytes()), only: vec!["headers/framing".into()], ..options() };
    assert!(matches!(run(&target, &options, None, &mut Silent), Err(Error::Down { .. })));
    let nobody = run(&target, &Options { trust: Trust::Nobody, ..options }, None, &mut Silent);
    assert!(nobody.is_err_and(|error| error.to_string().contains("--ca")));
}

#[test]
fn a_server_that_still_speaks_tls_1_1_is_found_out() {
    let (_, modern, _) = tls_front(true);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut hello = [0; 11];
            while stream.peek(&mut hello).is_ok_and(|count| count < 11) {}
            if hello[9..] == [3, 2] {
                let _ = stream.write_all(&[22, 3, 2, 0, 6, 2, 0, 0, 2, 3, 2]);
                continue;
            }
            let mut inner = std::net::TcpStream::connect(modern.replace("https://shop.example", "127.0.0.1")).unwrap();
            let (mut from, mut to) = (stream.try_clone().unwrap(), inner.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            thread::spawn(move || std::io::copy(&mut inner, &mut stream));
        }
    });
    let target = Target::new(&format!("https://{address}"), None, None).unwrap();
    let report = run(&target, &Options { only: vec!["transport/old-tls".into()], ..options() }, None, &mut Silent).unwrap();
    assert!(find(&report, "transport/old-tls").verdict.is_success());
}

// --- the log ---

/// A log that remembers, or not; that notices changes, or not; that keeps secrets, or not.
struct Log {
    good: bool,
}

impl Evidence for Log {
    fn record(&self, reference: &str) -> Result<Option<String>, String> {
        Ok((self.good && reference == "ref-1").then(|| "record".to_owned()))
    }

    fn verify(&self) -> Result<u64, String> {
        Ok(3)
    }

    fn verify_altered(&self) -> Result<u64, String> {
        if self.good { Err("record 2 does not match".into()) } else { Ok(3) }
    }

    fn contains(&self, _: &[u8]) -> Result<bool, String> {
        Ok(!self.good)
    }
}

#[test]
fn the_logs_probes_tell_a_good_log_from_a_bad_one() {
    for good in [true, false] {
        let report = attack(true, &["audit_log/"], Some(&Log { good }));
        assert_eq!(report.findings.len(), 3);
        for finding in &report.findings {
            assert_eq!(finding.verdict.is_stopped(), good, "{}: {:?}", finding.id, finding.verdict);
            assert_eq!(finding.verdict.is_success(), !good, "{}: {:?}", finding.id, finding.verdict);
            assert_eq!(finding.twin, Twin::Passed);
        }
    }
}

#[test]
fn where_nothing_is_refused_nothing_can_be_missed() {
    let report = attack(false, &["audit_log/unnoticed"], Some(&Log { good: true }));
    assert!(matches!(report.findings[0].verdict, Verdict::PreconditionFailed { .. }));
}

// --- two runs, and peeling ---

#[test]
fn what_the_bare_app_stops_too_is_vacuous() {
    let only = ["headers/framing", "csrf/login"];
    let compared = Comparison::new(attack(true, &only, None), attack(true, &only, None));
    assert!(compared.guarded.findings.iter().all(|finding| matches!(finding.verdict, Verdict::Vacuous { .. })));
    let compared = Comparison::new(attack(false, &only, None), attack(true, &only, None));
    assert_eq!(compared.counts(), (2, 0));
    assert!(compared.is_proved());
    assert!(!Comparison::new(attack(false, &only, None), attack(false, &only, None)).is_proved());
}

struct Running(Target);

impl Guarded for Running {
    fn target(&self) -> &Target {
        &self.0
    }

    fn evidence(&self) -> Option<&dyn Evidence> {
        None
    }
}

/// Safe as long as csrf or cookies is on: two layers that each stop the same attack.
struct TwoLayers {
    stages: RefCell<usize>,
    always_safe: bool,
    bare_safe: bool,
}

fn running(safe: bool) -> Result<Box<dyn Guarded>, String> {
    Ok(Box::new(Running(Target::new(&format!("http://{}", server::start(safe)), None, None).unwrap())))
}

impl Peeler for TwoLayers {
    fn with_layers_off(&mut self, off: &[&str]) -> Result<Box<dyn Guarded>, String> {
        *self.stages.borrow_mut() += 1;
        running(self.always_safe || !(off.contains(&"csrf") && off.contains(&"cookies")))
    }

    fn bare(&mut self) -> Result<Box<dyn Guarded>, String> {
        running(self.bare_safe)
    }
}

fn peeled(always_safe: bool, bare_safe: bool) -> (Peeled, usize) {
    let mut peeler = TwoLayers { stages: RefCell::new(0), always_safe, bare_safe };
    let options = Options { only: vec!["csrf/cross-site-form".into(), "transport/old-tls".into()], ..options() };
    let peeled = peel(&mut peeler, &options, &mut Silent).unwrap();
    (peeled, peeler.stages.into_inner())
}

#[test]
fn peeling_counts_the_layers_that_stop_an_attack_alone() {
    let (peeled, stages) = peeled(false, false);
    let [row] = &peeled.rows[..] else { panic!("one attack can be made: {peeled:?}") };
    assert_eq!((row.depth(), &row.alone[..], row.single_points.len()), (2, &["csrf", "cookies"][..], 0));
    assert_eq!(stages, 2 + 2 * LAYERS.len());
    insta::assert_snapshot!(peeled.table());
}

/// One layer that refuses everybody, whoever asks for what.
struct Wall;

impl Peeler for Wall {
    fn with_layers_off(&mut self, off: &[&str]) -> Result<Box<dyn Guarded>, String> {
        let only_this = !off.contains(&"csrf") && off.len() + 1 == LAYERS.len();
        if only_this { Ok(Box::new(Running(Target::new(&refuses_all(), None, None).unwrap()))) } else { running(off.len() < 2) }
    }

    fn bare(&mut self) -> Result<Box<dyn Guarded>, String> {
        running(false)
    }
}

fn refuses_all() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n");
        }
    });
    address
}

#[test]
fn a_layer_that_stops_the_twin_as_well_adds_no_depth() {
    let options = Options { only: vec!["intrusion/scanner".into()], ..options() };
    let peeled = peel(&mut Wall, &options, &mut Silent).unwrap();
    assert_eq!((peeled.rows[0].depth(), &peeled.rows[0].blunt[..]), (0, &["csrf"][..]));
    assert!(peeled.table().contains('×'));
}

#[test]
fn what_no_layer_stops_is_no_layers_merit() {
    let (peeled_by_gateway, stages) = peeled(true, false);
    assert!(peeled_by_gateway.rows[0].built_in && !peeled_by_gateway.rows[0].vacuous);
    assert_eq!(stages, 2, "there is nothing to peel");
    assert!(peeled(true, true).0.rows[0].vacuous, "the app alone stops it");
}

// --- formats ---

/// A report of fixed content, as real ones have random marks.
fn sample() -> Report {
    let mut report =
        attack(false, &["csrf/login", "headers/framing", "unguarded/sql-login", "transport/old-tls", "protocol/aliased"], None);
    report.target = "http://127.0.0.1:8000".into();
    report.findings[2].verdict =
        Verdict::Stopped { evidence: "the visitor got no session".into(), status: Some(403), reference: Some("ref-1".into()) };
    report.findings[3].twin = Twin::Failed { why: "the front page: status 500".into() };
    report
}

#[test]
fn reports_read_well() {
    let report = sample();
    insta::assert_snapshot!("table", report.table(false));
    insta::assert_snapshot!("json", report.json());
    insta::assert_snapshot!("comparison", Comparison::new(sample(), report).table(false));
}

#[test]
fn sarif_names_a_rule_for_every_result() {
    let sarif: serde_json::Value = serde_json::from_str(&sample().sarif()).unwrap();
    let run = &sarif["runs"][0];
    let rules: Vec<&str> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(sarif["version"], "2.1.0");
    for result in run["results"].as_array().unwrap() {
        assert!(rules.contains(&result["ruleId"].as_str().unwrap()));
    }
    insta::assert_snapshot!("sarif", serde_json::to_string_pretty(&run["results"]).unwrap());
}

#[test]
fn another_machine_is_not_attacked_unless_somebody_answers_for_it() {
    assert!(matches!(Target::new("http://192.0.2.1", None, None), Err(Error::NotLoopback { .. })));
    let target = Target::new("http://192.0.2.1", None, Some("Ada Lovelace")).unwrap();
    assert_eq!(target.authorized_by.as_deref(), Some("Ada Lovelace"));
}
