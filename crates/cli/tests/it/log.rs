//! `gambeson log` over a log that was really written.

use gambeson_core::{
    policy::{LayerName, Mode},
    record::{Action, Finding, Record},
};
use gambeson_store::{
    audit::{AuditLog, Event, Settings},
    state_dir::StateDir,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

struct Log {
    _folder: tempfile::TempDir,
    state: PathBuf,
}

impl Log {
    /// A start, two refusals, a stop.
    fn written() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let log = AuditLog::open(&StateDir::open(&path).unwrap(), Settings::default(), Arc::default()).unwrap();
        log.record(Event::notice("started", "process 1"));
        log.record(Event::Exchange(Box::new(refusal("aaaaaaaaaaaaa"))));
        log.record(Event::Exchange(Box::new(refusal("bbbbbbbbbbbbb"))));
        log.record(Event::notice("stopping", "process 1"));
        log.close();
        Self { _folder: folder, state: path }
    }

    fn run(&self, args: &[&str]) -> Output {
        gambeson(&self.state, args)
    }

    fn file(&self) -> PathBuf {
        fs::read_dir(self.state.join("audit")).unwrap().next().unwrap().unwrap().path()
    }
}

fn gambeson(state: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gambeson"));
    command.args(["log", "--state"]).arg(state).args(args).output().unwrap()
}

fn refusal(id: &str) -> Record {
    let finding = Finding {
        layer: LayerName::Csrf,
        rule: "cross-site".into(),
        mode: Mode::Enforce,
        action: Action::Refuse,
        why: "a page of another site sent it".into(),
        part: "header origin".into(),
        value: "https://evil.example".into(),
        transformations: vec![],
        allow: "[[route]]\npath = \"/hook\"\noff = [\"csrf\"]".into(),
    };
    Record {
        id: id.into(),
        time_ms: 0,
        client: "192.0.2.1".into(),
        method: "POST".into(),
        host: "localhost".into(),
        path: "/hook".into(),
        status: 403,
        app_status: None,
        took_ms: 1,
        findings: vec![finding],
        original: None,
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn tail_prints_the_last_entries_and_no_colours_into_a_pipe() {
    let log = Log::written();
    let output = log.run(&["tail", "-n", "2"]);
    let lines: Vec<_> = text(&output).lines().map(str::to_owned).collect();
    assert_eq!((output.status.code(), lines.len()), (Some(0), 2));
    assert!(lines[0].ends_with("bbbbbbbbbbbbb refused by csrf/cross-site: POST localhost/hook from 192.0.2.1, 403"), "{lines:?}");
    assert!(lines[1].ends_with("stopping: process 1"), "{lines:?}");
    assert!(!text(&output).contains('\u{1b}'));
}

#[test]
fn tail_in_json_is_one_object_a_line() {
    let output = Log::written().run(&["tail", "--json"]);
    let entries: Vec<serde_json::Value> = text(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<_> = entries.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(entries[2]["event"]["findings"][0]["layer"], "csrf");
}

#[test]
fn show_names_the_lines_of_policy_that_would_allow_it() {
    let output = Log::written().run(&["show", " AAAAAAAAAAAAA "]);
    assert_eq!(output.status.code(), Some(0));
    for wanted in
        ["aaaaaaaaaaaaa", "csrf/cross-site", "header origin", "https://evil.example", "path = \"/hook\"", "off = [\"csrf\"]"]
    {
        assert!(text(&output).contains(wanted), "{wanted} in {}", text(&output));
    }
}

#[test]
fn nothing_invisible_is_printed_and_json_says_the_same() {
    const HOSTILE: [char; 8] = ['\u{202e}', '\u{2066}', '\u{200f}', '\u{ad}', '\u{180e}', '\u{206a}', '\u{3164}', '\u{e0041}'];
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let log = AuditLog::open(&StateDir::open(&state).unwrap(), Settings::default(), Arc::default()).unwrap();
    let mut record = refusal("aaaaaaaaaaaaa");
    record.findings[0].value = HOSTILE.iter().collect();
    record.host = record.findings[0].value.clone();
    log.record(Event::Exchange(Box::new(record.clone())));
    log.close();
    for command in [&["show", "aaaaaaaaaaaaa"][..], &["tail"], &["show", "aaaaaaaaaaaaa", "--json"], &["tail", "--json"]] {
        let shown = text(&gambeson(&state, command));
        assert!(shown.contains("\\u202e") && !shown.contains(HOSTILE), "{command:?}: {shown}");
    }
    let shown: serde_json::Value = serde_json::from_str(&text(&gambeson(&state, &["show", "aaaaaaaaaaaaa", "--json"]))).unwrap();
    assert_eq!(shown["event"]["findings"][0]["value"], record.findings[0].value);
}

#[test]
fn show_of_an_unknown_id_is_an_error_with_help() {
    let output = Log::written().run(&["show", "ccccccccccccc"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("gambeson log tail"));
}

#[test]
fn verify_passes_a_whole_log_and_names_the_line_that_was_changed() {
    let log = Log::written();
    assert_eq!(log.run(&["verify"]).status.code(), Some(0));
    let before = fs::read_to_string(log.file()).unwrap();
    fs::write(log.file(), before.replace("\"status\":403", "\"status\":200")).unwrap();
    let output = log.run(&["verify"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains(".jsonl:3: "), "{}", text(&output));
    let json: serde_json::Value = serde_json::from_slice(&log.run(&["verify", "--json"]).stdout).unwrap();
    assert_eq!(json["problems"][0]["line"], 3);
}

#[test]
fn reading_makes_no_state_directory() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("none");
    for command in [&["tail"][..], &["show", "x"], &["verify"]] {
        let output = gambeson(&state, command);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("no audit log"));
    }
    assert!(!state.exists());
}
