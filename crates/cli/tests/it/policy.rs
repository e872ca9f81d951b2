//! `check`, `explain`, `schema`, `init`, `completions`, `man`, and options that are refused: what they print and how they end.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

fn gambeson(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gambeson")).args(args).current_dir(folder).output().unwrap()
}

/// Exit code, standard output, standard error.
fn ran(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = gambeson(folder, args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn folder(policy: Option<&str>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    if let Some(policy) = policy {
        fs::write(folder.path().join("gambeson.toml"), policy).unwrap();
    }
    folder
}

#[test]
fn an_empty_policy_holds() {
    let empty = folder(Some(""));
    let (code, out, err) = ran(empty.path(), &["check"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.ends_with("gambeson.toml: the policy holds\n"), "{out}");
}

#[test]
fn the_policy_is_looked_for_upward() {
    let above = folder(Some(""));
    let below = above.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    assert_eq!(ran(&below, &["check"]).0, 0);
    let (code, _, err) = ran(&below, &["check", "--policy", "missing.toml"]);
    assert!(code == 2 && err.contains("missing.toml"), "{err}");
}

#[test]
fn without_a_policy_init_is_named() {
    let none = folder(None);
    for command in [&["check"][..], &["serve"], &["run", "--", "true"]] {
        let (code, _, err) = ran(none.path(), command);
        assert!(code == 2 && err.contains("gambeson init"), "{command:?}: {err}");
    }
}

#[test]
fn a_bad_policy_is_a_finding_and_a_warning_is_not() {
    let bad = folder(Some("[app]\nhost = []\n"));
    let (code, out, _) = ran(bad.path(), &["check"]);
    assert!(code == 1 && out.contains("did you mean `hosts`?") && out.ends_with(": 1 error\n"), "{out}");
    let weak = folder(Some("[csrf]\nmode = \"off\"\n"));
    let (code, out, _) = ran(weak.path(), &["check"]);
    assert!(code == 0 && out.ends_with("the policy holds, 1 warning\n"), "{out}");
    assert_eq!(ran(weak.path(), &["check", "--strict"]).0, 1);
}

#[test]
fn programs_read_json() {
    let bad = folder(Some("[app]\nhost = []\n"));
    let (code, out, _) = ran(bad.path(), &["check", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &value["valid"], &value["problems"][0]["line"]), (1, &false.into(), &2.into()));
    let (_, out, _) = ran(bad.path(), &["explain", "csrf.mode", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value[0]["default"], "\"enforce\"");
    let (_, out, _) = ran(bad.path(), &["schema"]);
    assert!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["properties"]["route"].is_object());
}

#[test]
fn usage_mistakes_end_with_two() {
    let here = folder(None);
    for args in [&["chekc"][..], &[], &["explain", "nothing-like-this"], &["completions", "cmd"]] {
        assert_eq!(ran(here.path(), args).0, 2, "{args:?}");
    }
    assert_eq!(ran(here.path(), &["--version"]).0, 0);
}

#[test]
fn init_writes_what_check_accepts_and_keeps_what_is_there() {
    let app = folder(None);
    fs::write(app.path().join("app.py"), "from flask import Flask\napp = Flask(__name__)\n").unwrap();
    let (code, out, _) = ran(app.path(), &["init"]);
    assert!(code == 0 && out.contains("gambeson run -- gunicorn app:app"), "{out}");
    assert_eq!(ran(app.path(), &["check", "--strict"]).0, 0);
    let (code, _, err) = ran(app.path(), &["init"]);
    assert!(code == 2 && err.contains("--force"), "{err}");
    assert_eq!(ran(app.path(), &["init", "--force"]).0, 0);
}

#[test]
fn every_shell_and_every_command_is_covered() {
    let here = folder(None);
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = ran(here.path(), &["completions", shell]);
        assert!(code == 0 && out.contains("explain") && out.contains("policy"), "{shell}");
    }
    assert!(ran(here.path(), &["man"]).1.contains("gambeson"));
    assert_eq!(ran(here.path(), &["man", "pages"]).0, 0);
    for page in ["gambeson.1", "gambeson-check.1", "gambeson-serve.1"] {
        assert!(here.path().join("pages").join(page).is_file(), "{page}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let program = env!("CARGO_BIN_EXE_gambeson");
    let mut child = Command::new(program).arg("schema").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn a_run_that_would_attack_with_nothing_is_refused() {
    let (code, out, err) = ran(folder(None).path(), &["attack", "http://127.0.0.1:9", "--only", "scrf"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("csrf/login"), "{err}");
}
