use super::{Kind, LayerName, MODE, PRESETS, Policy, Problem, SECTIONS, Section, Severity, reader::reads};
use std::fmt::Write as _;

/// Everything wrong with a policy: the text under each caret, the key, the message.
fn problems(text: &str) -> Vec<(String, String, String)> {
    let problems = match Policy::parse(text) {
        Ok(policy) => policy.warnings,
        Err(problems) => problems,
    };
    let under = |problem: &Problem| problem.span.clone().map_or(String::new(), |span| text[span].to_owned());
    problems.0.iter().map(|problem| (under(problem), problem.key.clone(), problem.message.clone())).collect()
}

#[track_caller]
fn told(text: &str, under: &str, key: &str, message: &str) {
    let all = problems(text);
    let found = all.iter().any(|(u, k, m)| u == under && k == key && m.contains(message));
    assert!(found, "no problem under `{under}` at {key} with `{message}` in {all:#?}");
}

#[test]
fn an_empty_policy_holds_and_enforces_everything() {
    let policy = Policy::parse("").unwrap();
    assert_eq!(policy.warnings.0, []);
    for &layer in LayerName::ALL {
        assert_eq!(policy.modes.get(layer), super::Mode::Enforce, "{layer}");
    }
}

/// The definitions' defaults, written out: `[section]`, its keys, then its tables. Tables that must have something get it.
fn written_out(section: &Section, path: &str, brackets: (&str, &str), out: &mut String) {
    let _ = writeln!(out, "{}{path}{}", brackets.0, brackets.1);
    for key in section.keys {
        match (section.name, key.name) {
            ("route", "path") => out.push_str("path = \"/\"\n"),
            ("certificate", "chain" | "key") => drop(writeln!(out, "{} = \"file.pem\"", key.name)),
            ("acme", "agree") => out.push_str("agree = true\n"),
            ("acme", "hosts") => out.push_str("hosts = [\"localhost\"]\n"),
            ("scenario", "name") => out.push_str("name = \"coupons\"\n"),
            ("scenario", "on") => out.push_str("on = [\"denied\"]\n"),
            ("client_certificates", "ca") => out.push_str("ca = [\"ca.pem\"]\n"),
            // What holds by default stands beside what the file says.
            _ if key.default.is_empty() || matches!(key.kind, Kind::Tables(_)) => {}
            _ => drop(writeln!(out, "{} = {}", key.name, key.default)),
        }
    }
    for key in section.keys {
        match key.kind {
            Kind::Table(inner) => written_out(inner, &format!("{path}.{}", key.name), ("[", "]"), out),
            Kind::Tables(inner) => written_out(inner, &format!("{path}.{}", key.name), ("[[", "]]"), out),
            _ => {}
        }
    }
}

fn all_written_out() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        let brackets = if section.name == "route" { ("[[", "]]") } else { ("[", "]") };
        written_out(section, section.name, brackets, &mut text);
    }
    text
}

#[test]
fn every_default_is_accepted_where_it_is_documented() {
    let text = all_written_out();
    assert_eq!(problems(&text), [], "{text}");
}

#[test]
fn a_default_written_out_changes_nothing() {
    for section in SECTIONS.iter().filter(|section| section.name != "route") {
        let keys =
            section.keys.iter().filter(|key| !key.default.is_empty() && !matches!(key.kind, Kind::Table(_) | Kind::Tables(_)));
        let text = keys.fold(format!("[{}]\n", section.name), |text, key| format!("{text}{} = {}\n", key.name, key.default));
        let (written, empty) = (Policy::parse(&text).unwrap(), Policy::parse("").unwrap());
        assert_eq!(format!("{written:?}"), format!("{empty:?}"), "{text}");
    }
}

#[test]
fn every_key_that_is_defined_is_read() {
    reads::take();
    let _ = Policy::parse(&all_written_out());
    let reads = reads::take();
    fn check(section: &'static Section, reads: &std::collections::BTreeSet<(&str, String)>) {
        for key in section.keys {
            assert!(
                reads.contains(&(section.name, key.name.to_owned())),
                "{}.{} is defined but never read",
                section.name,
                key.name
            );
            if let Kind::Table(inner) | Kind::Tables(inner) = key.kind {
                check(inner, reads);
            }
        }
    }
    SECTIONS.iter().for_each(|section| check(section, &reads));
}

#[test]
fn every_layer_has_its_section_with_a_mode() {
    for &layer in LayerName::ALL {
        let section = SECTIONS.iter().find(|section| section.name == layer.as_str()).unwrap();
        assert_eq!(section.keys[0].name, MODE.name, "{layer}");
    }
}

#[test]
fn definitions_are_complete_sentences() {
    fn check(section: &Section) {
        assert!(section.about.ends_with('.') && section.why.ends_with('.'), "[{}]", section.name);
        for (i, key) in section.keys.iter().enumerate() {
            let place = format!("{}.{}", section.name, key.name);
            assert!(key.about.ends_with('.') && key.why.ends_with('.'), "{place}");
            assert!(key.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{place}");
            assert!(section.keys[..i].iter().all(|earlier| earlier.name != key.name), "{place} is defined twice");
            if let Kind::Table(inner) | Kind::Tables(inner) = key.kind {
                check(inner);
            }
        }
    }
    SECTIONS.iter().for_each(|section| check(section));
}

#[test]
fn presets_hold_under_what_the_file_says() {
    for (framework, preset) in PRESETS {
        let asked = format!("[app]\nframework = \"{framework}\"\n");
        let policy = Policy::parse(&asked).unwrap_or_else(|problems| panic!("{framework}: {problems}"));
        assert_eq!(policy.warnings.0, [], "{framework}");
        assert!(Policy::parse(preset).is_ok(), "{framework}: the preset is a policy of its own");
    }
    let upstream = |text: &str| Policy::parse(text).unwrap().app.address.to_string();
    assert_eq!(upstream("[app]\nframework = \"django\""), "http://127.0.0.1:8000");
    assert_eq!(upstream("[app]\nframework = \"django\"\nupstream = \"unix:/a.sock\""), "unix:/a.sock");
    assert_eq!(super::preset("django", "app", "upstream").as_deref(), Some("\"http://127.0.0.1:8000\""));
}

#[test]
fn every_problem_is_told_at_once_in_the_order_of_the_file() {
    let text = "\
[app]
name = 3
hosts = [\"https://shop.example\", 7, \"ok.example\", \"*\"]
framwork = \"flask\"
[listen]
https = \"here\"
http = [\"a\"]
connections = 0
[crsf]
[csrf]
mode = \"on\"
[protocol]
body = \"10 apples\"
hosts = []
first_byte = \"soon\"
[[route]]
off = [\"csfr\", \"corse\"]
";
    let found = problems(text);
    let places: Vec<_> = found.iter().map(|(under, key, _)| (under.trim(), key.as_str())).collect();
    let expected = [
        ("3", "app.name"),
        ("\"https://shop.example\"", "app.hosts"),
        ("7", "app.hosts"),
        ("\"*\"", "app.hosts"),
        ("framwork", "app.framwork"),
        ("\"here\"", "listen.https"),
        ("[\"a\"]", "listen.http"),
        ("0", "listen.connections"),
        ("crsf", "crsf"),
        ("\"on\"", "csrf.mode"),
        ("\"10 apples\"", "protocol.body"),
        ("hosts", "protocol.hosts"),
        ("\"soon\"", "protocol.first_byte"),
        ("[[route]]", "route[0].path"),
        ("\"csfr\"", "route[0].off"),
        ("\"corse\"", "route[0].off"),
    ];
    assert_eq!(places, expected);
}

#[test]
fn unknown_names_get_a_hint() {
    let help = |text: &str| Policy::parse(text).unwrap_err().0[0].help.clone();
    assert_eq!(help("[crsf]"), "did you mean `csrf`?");
    assert_eq!(help("[app]\nhost = []"), "did you mean `hosts`?");
    assert_eq!(help("hosts = []"), "`hosts` belongs in `[app]`");
    assert_eq!(help("[app]\nodd_headers = []"), "`odd_headers` belongs in `[protocol]`");
    assert!(help("[zzzzzzzz]").starts_with("a policy knows: app, listen"));
    assert!(help("[app]\nzzzzzzzz = 1").starts_with("`[app]` knows: name, hosts"));
}

#[test]
fn broken_toml_is_told_with_its_place() {
    told("[app]\nname = \"a\nhosts = []", "", "policy", "invalid basic string");
    told("[app]\nname = \"a\"\nname = \"b\"", "name", "policy", "duplicate");
    told("[app]\n[app]", "app", "policy", "duplicate");
    assert!(Policy::parse("\u{0}").is_err());
}

#[test]
fn tables_where_none_belong_are_told() {
    told("csrf = true", "true", "csrf", "this is not a table");
    told("[route]\npath = \"/\"", "[route]", "route", "this is not a list of tables");
    told("[[transport.acme]]", "[[transport.acme]]", "transport.acme", "this is not a table");
}

#[test]
fn doors_that_clash_are_told() {
    told("[listen]\nhttp = \"127.0.0.1:8443\"", "\"127.0.0.1:8443\"", "listen.https", "both listen on");
    told("[listen]\nhttps = \"0.0.0.0:9443\"", "\"0.0.0.0:9443\"", "listen.admin", "both listen on");
    told("[app]\nupstream = \"http://localhost:8080\"", "\"http://localhost:8080\"", "app.upstream", "where the gateway itself");
    told("[listen]\nhttps = \"\"\nhttp = \"\"", "\"\"", "listen.https", "listens nowhere");
    told("[listen]\nplain = true\nhttp = \"\"", "true", "listen.plain", "no plain HTTP");
    assert_eq!(problems("[listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\""), []);
}

#[test]
fn weak_choices_are_warned_of() {
    let open = "[app]\nhosts = [\"shop.example.com\"]\n[listen]\n";
    told(&format!("{open}plain = true\nhttp = \"0.0.0.0:80\""), "true", "listen.plain", "unencrypted");
    told(&format!("{open}admin = \"0.0.0.0:9443\""), "\"0.0.0.0:9443\"", "listen.admin", "open to the network");
    told(&format!("{open}trusted_proxies = [\"0.0.0.0/0\"]"), "[\"0.0.0.0/0\"]", "listen.trusted_proxies", "everybody");
    told("[listen]\nhttps = \"0.0.0.0:443\"", "\"0.0.0.0:443\"", "app.hosts", "names of this machine");
    told("[app]\nupstream = \"http://10.0.0.5:80\"", "\"http://10.0.0.5:80\"", "app.upstream", "unencrypted");
    told("[csrf]\nmode = \"off\"", "\"off\"", "csrf.mode", "off for the whole app");
    told("[headers]\nmode = \"report\"", "\"report\"", "headers.mode", "only records");
    let behind = format!("{open}plain = true\nhttp = \"0.0.0.0:80\"\nhttps = \"\"\ntrusted_proxies = [\"10.0.0.0/8\"]");
    assert_eq!(problems(&behind), []);
}

#[test]
fn routes_that_cannot_be_used_are_told() {
    let two = |a: &str, b: &str| format!("[[route]]\npath = {a}\n[[route]]\npath = {b}\n");
    told(&two("\"/a/{x}\"", "\"/a/{y}\""), "\"/a/{y}\"", "route[1].path", "never used");
    told(&two("\"/a\"\nmethods = [\"GET\", \"POST\"]", "\"/a\"\nmethods = [\"POST\"]"), "\"/a\"", "route[1].path", "never used");
    told(
        &two("\"/a\"\nmethods = [\"GET\"]", "\"/a\"\nmethods = [\"GET\", \"POST\"]"),
        "\"/a\"",
        "route[1].path",
        "some of these",
    );
    assert_eq!(problems(&two("\"/a\"", "\"/a\"\nmethods = [\"POST\"]")), []);
    assert_eq!(problems(&two("\"/a\"", "\"/a/*\"")), []);
    told("[[route]]\npath = \"/a/../b\"", "\"/a/../b\"", "route[0].path", "dot segment");
    told(
        "[[route]]\npath = \"/a\"\noff = [\"csrf\"]\nreport = [\"csrf\"]",
        "[\"csrf\"]",
        "route[0].report",
        "in `off` and in `report`",
    );
    told("[csrf]\nmode = \"off\"\n[[route]]\npath = \"/a\"\noff = [\"csrf\"]", "[\"csrf\"]", "route[0].off", "off everywhere");
}

#[test]
fn a_warning_does_not_refuse_and_an_error_does() {
    let policy = Policy::parse("[csrf]\nmode = \"off\"").unwrap();
    assert_eq!(policy.warnings.0[0].severity, Severity::Warning);
    assert_eq!(Policy::parse("[csrf]\nmode = \"of\"").unwrap_err().0[0].severity, Severity::Error);
}

#[test]
fn any_bytes_are_read_without_panic() {
    for text in [
        "[",
        "a=",
        "[[route",
        "\"",
        "a=[1,",
        "[app]\nhosts=[[]]",
        "[route]",
        "[[route]]\n[[route]]",
        "[app.name]",
        "app=[]",
        "\u{feff}",
    ] {
        let _ = Policy::parse(text);
    }
}
