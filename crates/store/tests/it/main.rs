//! The audit log under processes that are killed, and under several at once.
//!
//! The child processes are this test binary itself, asked for the ignored test below.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use gambeson_core::policy::{LayerName, Mode};
use gambeson_core::record::{Action, Finding, Record};
use gambeson_store::audit::{AuditLog, Entry, Event, Limits, LogReader, Settings, verify};
use gambeson_store::metrics::Metrics;
use gambeson_store::state_dir::StateDir;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const STATE: &str = "GAMBESON_TEST_STATE";
const COUNT: &str = "GAMBESON_TEST_COUNT";

fn state() -> (tempfile::TempDir, StateDir) {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(&folder.path().join("state")).unwrap();
    (folder, state)
}

fn small_files() -> Settings {
    Settings { limits: Limits { file_bytes_max: 20_000, files_max: 1_000 }, ..Settings::default() }
}

fn open(state: &StateDir, settings: Settings) -> (AuditLog, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    (AuditLog::open(state, settings, Arc::clone(&metrics)).unwrap(), metrics)
}

fn record(id: &str) -> Record {
    let finding = Finding {
        layer: LayerName::Csrf,
        rule: "cross-site".into(),
        mode: Mode::Enforce,
        action: Action::Refuse,
        why: "the request comes from another site".into(),
        part: "header sec-fetch-site".into(),
        value: "cross-site".into(),
        transformations: vec![],
        allow: "[cors]\norigins = [\"https://other.example\"]".into(),
    };
    Record {
        id: id.into(),
        time_ms: 1_700_000_000_000,
        client: "192.0.2.1".into(),
        method: "POST".into(),
        host: "comments.example.com".into(),
        path: "/comments".into(),
        status: 403,
        app_status: None,
        took_ms: 0,
        findings: vec![finding],
        original: None,
    }
}

/// Starts a process that writes `count` records, or endlessly many.
fn child(state: &StateDir, count: Option<usize>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child_writer", "--ignored", "--nocapture"]).env(STATE, state.path());
    command.env(COUNT, count.unwrap_or(usize::MAX).to_string());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
#[ignore = "the child process of the other tests"]
fn child_writer() {
    let Some(path) = std::env::var_os(STATE) else { return };
    let count: usize = std::env::var(COUNT).unwrap().parse().unwrap();
    let state = StateDir::open(Path::new(&path)).unwrap();
    let (log, _) = open(&state, small_files());
    for i in 0..count {
        log.record(Event::Exchange(Box::new(record(&format!("{}-{i}", std::process::id())))));
        if i % 50 == 0 {
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

/// Waits for something that must come; a minute means that it never will.
fn until(come: impl Fn() -> bool) {
    let start = Instant::now();
    while !come() {
        assert!(start.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::sleep(Duration::from_micros(300));
    }
}

fn all(state: &StateDir) -> Vec<Entry> {
    LogReader::open(state).unwrap().tail(1_000_000).unwrap().0
}

fn log_files(state: &StateDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(state.file("audit")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    let (_folder, state) = state();
    let (log, metrics) = open(&state, Settings::default());
    log.record(Event::notice("started", "127.0.0.1:8443"));
    log.record(Event::Exchange(Box::new(record("abc"))));
    log.close();
    assert_eq!(metrics.audit_records.get(), 2);
    let found = LogReader::open(&state).unwrap().find("abc").unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].event, Event::Exchange(Box::new(record("abc"))));
    assert!(found[0].time.ends_with('Z') && found[0].time.len() == 24, "{}", found[0].time);
    assert_eq!(LogReader::open(&state).unwrap().find("abd").unwrap(), []);
}

#[test]
fn processes_that_are_killed_in_the_middle_leave_a_sound_chain() {
    let (_folder, state) = state();
    for round in 0..12 {
        let mut writer = child(&state, None);
        let before = log_files_bytes(&state);
        until(|| log_files_bytes(&state) >= before + 3_000 + 7_000 * round);
        writer.kill().unwrap();
        writer.wait().unwrap();
        let half = verify(&state).unwrap().problems;
        assert!(half.iter().all(|problem| problem.what.contains("unfinished")) && half.len() <= 1, "{half:?}");
    }
    drop(open(&state, small_files()));
    let found = verify(&state).unwrap();
    assert_eq!(found.problems, []);
    assert!(found.lines > 100 && found.files > 1, "{found:?}");
    sequences_are_whole(&all(&state));
}

fn log_files_bytes(state: &StateDir) -> u64 {
    let files = fs::read_dir(state.file("audit")).into_iter().flatten();
    files.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum()
}

/// Each process numbers its records: what it wrote must be there from 0 on, in order, without a gap or a repetition.
fn sequences_are_whole(entries: &[Entry]) {
    let mut next: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        let Event::Exchange(record) = &entry.event else { continue };
        let (process, number) = record.id.split_once('-').unwrap();
        let expected = next.entry(process.to_owned()).or_default();
        assert_eq!(number.parse::<usize>().unwrap(), *expected, "process {process}");
        *expected += 1;
    }
}

#[test]
fn processes_that_write_at_once_keep_one_chain() {
    let (_folder, state) = state();
    let mut children: Vec<_> = (0..3).map(|_| child(&state, Some(400))).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let found = verify(&state).unwrap();
    assert_eq!((found.problems, found.lost, found.recovered), (vec![], 0, 0));
    let entries = all(&state);
    sequences_are_whole(&entries);
    let exchanges = entries.iter().filter(|entry| matches!(entry.event, Event::Exchange(_))).count();
    assert_eq!(exchanges, 3 * 400);
    assert!(found.files > 1);
}

#[test]
fn the_policy_says_how_much_is_kept() {
    let policy =
        "[app]\nhosts = [\"localhost\"]\nupstream = \"http://127.0.0.1:5000\"\n[audit_log]\nfile = \"64KiB\"\nfiles = 2\n";
    let policy = gambeson_core::policy::Policy::parse(policy).unwrap();
    let (_folder, state) = state();
    let (log, metrics) = open(&state, (&policy.layers.audit_log).into());
    for i in 0..1_000 {
        log.record(Event::Exchange(Box::new(record(&i.to_string()))));
        if i % 50 == 0 {
            until(|| metrics.audit_records.get() > i);
        }
    }
    log.close();
    let found = verify(&state).unwrap();
    assert_eq!((found.problems, found.files), (vec![], 2));
    assert!(found.first > 1);
}

#[test]
fn other_sizes_hold_as_soon_as_they_are_applied() {
    let (_folder, state) = state();
    let (log, metrics) = open(&state, Settings::default());
    let write = |up_to| {
        log.record(Event::Exchange(Box::new(record("x"))));
        until(|| metrics.audit_records.get() >= up_to);
    };
    (1..=100).for_each(write);
    assert_eq!(log_files(&state).len(), 1);
    log.apply(small_files());
    (101..=200).for_each(write);
    log.close();
    assert!(log_files(&state).len() > 1);
    assert_eq!(verify(&state).unwrap().problems, vec![]);
}

#[test]
fn what_does_not_fit_is_counted_and_the_count_is_written() {
    let (_folder, state) = state();
    let (log, metrics) = open(&state, Settings { queue_bytes_max: 2_000, ..Settings::default() });
    for i in 0..500 {
        log.record(Event::Exchange(Box::new(record(&i.to_string()))));
    }
    log.close();
    let found = verify(&state).unwrap();
    assert!(found.lost > 0);
    let written = all(&state).iter().filter(|entry| matches!(entry.event, Event::Exchange(_))).count() as u64;
    assert_eq!(written + found.lost, 500);
    assert_eq!(metrics.audit_records.get(), written);
}

#[test]
fn a_record_larger_than_a_line_is_counted_as_lost() {
    let (_folder, state) = state();
    let (log, _) = open(&state, Settings::default());
    log.record(Event::Exchange(Box::new(Record { original: Some("x".repeat(300_000)), ..record("big") })));
    log.close();
    assert_eq!(verify(&state).unwrap().lost, 1);
    assert_eq!(LogReader::open(&state).unwrap().find("big").unwrap(), []);
}

#[test]
fn no_credential_reaches_the_disk_even_when_a_layer_forgot_to_mask_it() {
    const PLANTED: [&str; 5] =
        ["planted-cookie", "planted-bearer", "planted-password", "eyJhbGciOiJIUzI1NiJ9.planted.jwt", "planted-key"];
    let mut forgetful = record("leak");
    forgetful.findings[0].part = "header cookie".into();
    forgetful.findings[0].value = "session=planted-cookie".into();
    forgetful.findings[0].why = "sent Bearer planted-bearer".into();
    forgetful.path = "/magic/eyJhbGciOiJIUzI1NiJ9.planted.jwt".into();
    forgetful.original = Some("password=planted-password\nSECRET_KEY = 'planted-key'\nTypeError at line 41".into());
    let (_folder, state) = state();
    let (log, _) = open(&state, Settings::default());
    log.record(Event::Exchange(Box::new(forgetful)));
    log.close();
    let text: String = log_files(&state).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for secret in PLANTED {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("TypeError at line 41") && text.contains("header cookie"), "the rest is still there: {text}");
}

#[test]
fn a_log_that_cannot_be_written_says_so_and_loses_nothing_that_fits() {
    let (_folder, state) = state();
    let (log, metrics) = open(&state, Settings::default());
    // A file in the place of the directory: nothing can be written, as on a full disk, also for root.
    let (logs, aside) = (state.file("audit"), state.file("aside"));
    fs::rename(&logs, &aside).unwrap();
    fs::write(&logs, "").unwrap();
    fs::remove_file(log_files_in(&aside)).unwrap();
    log.record(Event::Exchange(Box::new(record("waits"))));
    until(|| metrics.audit_failing.get() == 1);
    fs::remove_file(&logs).unwrap();
    fs::rename(&aside, &logs).unwrap();
    until(|| metrics.audit_failing.get() == 0);
    log.close();
    assert_eq!(LogReader::open(&state).unwrap().find("waits").unwrap().len(), 1);
    assert_eq!(metrics.audit_records.get(), 1);
}

#[test]
fn half_a_batch_does_not_stay_when_the_disk_takes_only_half() {
    let (_folder, state) = state();
    // A limit on the size of files stands for the full disk: the write that reaches it is cut short.
    let script = "trap '' XFSZ; ulimit -f 20; exec \"$0\" --exact child_writer --ignored";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(std::env::current_exe().unwrap()).env(STATE, state.path()).env(COUNT, "200");
    let told = command.output().unwrap();
    assert!(String::from_utf8_lossy(&told.stderr).contains("never reached the audit log"), "{told:?}");
    let found = verify(&state).unwrap();
    assert_eq!((found.problems, found.recovered), (vec![], 0));
    assert!(found.lines > 0 && log_files_bytes(&state) < 20 * 1024);
    drop(open(&state, small_files()));
    assert_eq!(verify(&state).unwrap().recovered, 0, "nothing was left to repair");
}

fn log_files_in(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}
