//! The walls, held by reading the sources: what the core and the attack tool may not know.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The lines of a file that are neither comments nor behind `#[cfg(test)]`.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a source");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect()
}

fn none_says(folder: &Path, forbidden: &[&str]) {
    let all = sources(folder);
    assert!(all.len() > 5, "{} has sources", folder.display());
    for path in
        all.iter().filter(|path| !path.ends_with("tests.rs") && !path.components().any(|part| part.as_os_str() == "tests"))
    {
        for line in lines(path) {
            for word in forbidden {
                assert!(!line.contains(word), "{}: `{word}` in `{}`", path.display(), line.trim());
            }
        }
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn dependencies(member: &str) -> String {
    let manifest = fs::read_to_string(workspace().join("crates").join(member).join("Cargo.toml")).expect("a manifest");
    manifest.split("[dependencies]").nth(1).unwrap_or_default().split("\n[").next().unwrap_or_default().to_owned()
}

#[test]
fn the_core_reads_no_clock_draws_no_chance_does_no_io() {
    let forbidden = [
        "std::fs",
        "std::io::",
        "std::net::Tcp",
        "std::net::Udp",
        "std::process",
        "std::thread",
        "std::env",
        "SystemTime",
        "Instant",
        "getrandom",
        "rand::",
        "Zoned::now",
        "Timestamp::now",
        "println!",
        "eprintln!",
    ];
    none_says(&workspace().join("crates/core/src"), &forbidden);
    none_says(&workspace().join("crates/wire/src"), &forbidden);
}

#[test]
fn the_core_knows_no_runtime_no_host_and_no_python() {
    for member in ["core", "wire"] {
        let known = dependencies(member);
        for name in [
            "tokio",
            "hyper",
            "h2",
            "rustls",
            "aws-lc-rs",
            "pyo3",
            "getrandom",
            "gambeson-store",
            "gambeson-gateway",
            "gambeson-attack",
        ] {
            assert!(!known.lines().any(|line| line.starts_with(name)), "{member} depends on {name}");
        }
    }
    assert!(!dependencies("wire").contains("gambeson-core"), "the wire format knows no policy");
}

#[test]
fn hosts_do_not_know_each_other() {
    let hosts = ["gateway", "attack", "python"];
    for host in hosts {
        let known = dependencies(host);
        for other in hosts.iter().filter(|other| **other != host) {
            assert!(!known.contains(&format!("gambeson-{other}")), "{host} depends on {other}");
        }
    }
}

#[test]
fn a_probe_shares_no_code_with_its_defence() {
    let all = sources(&workspace().join("crates/attack/src"));
    for path in all {
        for line in lines(&path) {
            let used = line.split("gambeson_core::").nth(1);
            assert!(used.is_none_or(|rest| rest.starts_with("policy")), "{}: {}", path.display(), line.trim());
        }
    }
    let known = dependencies("attack");
    assert!(!known.contains("gambeson-store") && !known.contains("gambeson-wire"), "attack sees only the policy");
}
