//! Every combination of what a request says of itself, against a table written from the README and not from the code.

use crate::replay::{Asked, ask, ask_as, replay};
use gambeson_core::{engine::Engine, exchange::Tls, policy::Policy};
use gambeson_testkit::Case;
use std::sync::Arc;

const POLICY: &str = "[csrf]\ntrusted_origins = [\"https://shop.example.com\"]";

/// One way to fill a column: its name in the table, and the header lines.
type Choice = (&'static str, &'static [(&'static str, &'static str)]);

/// What is asked for: its name in the table, the method, and the header lines that belong to it.
type Kind = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const KINDS: [Kind; 8] = [
    ("read", "GET", &[]),
    ("read", "HEAD", &[]),
    ("ask", "OPTIONS", &[]),
    ("act", "POST", &[]),
    ("act", "PUT", &[]),
    ("act", "PATCH", &[]),
    ("act", "DELETE", &[]),
    (
        "socket",
        "GET",
        &[
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ],
    ),
];

const CREDENTIALS: [Choice; 7] = [
    ("nothing", &[]),
    ("harmless", &[("cookie", "theme=dark")]),
    ("cookie", &[("cookie", "theme=dark; sessionid=7")]),
    ("basic", &[("authorization", "Basic dTpw")]),
    ("bearer", &[("authorization", "Bearer a.b.c")]),
    ("key", &[("x-api-key", "k"), ("cookie", "theme=dark")]),
    ("both", &[("authorization", "Bearer a.b.c"), ("cookie", "sessionid=7")]),
];

const SITES: [Choice; 7] = [
    ("absent", &[]),
    ("same-origin", &[("sec-fetch-site", "same-origin")]),
    ("same-site", &[("sec-fetch-site", "same-site")]),
    ("cross-site", &[("sec-fetch-site", "cross-site")]),
    ("none", &[("sec-fetch-site", "none")]),
    ("nonsense", &[("sec-fetch-site", "Same-Origin")]),
    ("twice", &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")]),
];

const MODES: [Choice; 2] = [
    ("navigate", &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]),
    ("cors", &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")]),
];

const ORIGINS: [Choice; 7] = [
    ("absent", &[]),
    ("own", &[("origin", "https://localhost")]),
    ("null", &[("origin", "null")]),
    ("foreign", &[("origin", "https://evil.test")]),
    ("scheme", &[("origin", "http://localhost")]),
    ("trusted", &[("origin", "https://shop.example.com")]),
    ("repeated", &[("origin", "https://localhost"), ("origin", "https://localhost")]),
];

const REFERERS: [Choice; 3] = [
    ("absent", &[]),
    ("own", &[("referer", "https://localhost/form?x=1")]),
    ("foreign", &[("referer", "https://localhost.evil.test/")]),
];

/// What must come of it, the first row that fits: kind, credentials, site, mode, origin, referer, rule (`-`: it passes).
#[rustfmt::skip]
const TABLE: [[&str; 7]; 22] = [
    // A read is judged only where a foreign page would see logged-in data.
    ["read",       "cookie basic both",    "cross-site",         "cors",     "trusted", "*",       "-"],
    ["read",       "cookie basic both",    "cross-site",         "cors",     "*",       "*",       "isolation"],
    ["read ask",   "*",                    "*",                  "*",        "*",       "*",       "-"],
    // A program shows a key and nothing that a browser adds.
    ["act socket", "bearer key",           "*",                  "*",        "*",       "*",       "-"],
    // The browser says where it comes from.
    ["act socket", "*",                    "same-origin",        "*",        "*",       "*",       "-"],
    ["act socket", "*",                    "none",               "navigate", "*",       "*",       "-"],
    ["act socket", "*",                    "none",               "cors",     "*",       "*",       "no-page"],
    ["act socket", "*",                    "same-site",          "*",        "trusted", "*",       "-"],
    ["act socket", "*",                    "cross-site",         "*",        "trusted", "*",       "-"],
    ["act socket", "*",                    "nonsense twice",     "*",        "trusted", "*",       "-"],
    ["act socket", "*",                    "same-site",          "*",        "*",       "*",       "same-site"],
    ["act socket", "*",                    "cross-site",         "*",        "*",       "*",       "cross-site"],
    ["act socket", "*",                    "nonsense twice",     "*",        "*",       "*",       "cross-site"],
    // It says only the origin.
    ["act socket", "*",                    "absent",             "*",        "own",     "*",       "-"],
    ["act socket", "*",                    "absent",             "*",        "trusted", "*",       "-"],
    ["act socket", "*",                    "absent",             "*",        "null foreign", "*",  "foreign-origin"],
    ["act socket", "*",                    "absent",             "*",        "scheme repeated", "*", "foreign-origin"],
    // It says only the page.
    ["act socket", "*",                    "absent",             "*",        "absent",  "own",     "-"],
    ["act socket", "*",                    "absent",             "*",        "absent",  "foreign", "foreign-referer"],
    // It says nothing.
    ["act socket", "nothing harmless",     "absent",             "*",        "absent",  "absent",  "-"],
    ["act socket", "cookie basic",         "absent",             "*",        "absent",  "absent",  "no-origin"],
    ["act socket", "both",                 "absent",             "*",        "absent",  "absent",  "no-origin"],
];

fn expected(names: [&str; 6]) -> &'static str {
    let fits = |cell: &str, name: &str| cell == "*" || cell.split(' ').any(|word| word == name);
    let row = TABLE.iter().find(|row| row.iter().zip(names).all(|(cell, name)| fits(cell, name)));
    row.unwrap_or_else(|| panic!("the table says nothing of {names:?}"))[6]
}

/// Calls with every combination: its names, method and header lines.
fn each(mut call: impl FnMut([&str; 6], &str, &[(&str, &str)])) {
    for (kind, method, upgrade) in KINDS {
        for (credentials, a) in CREDENTIALS {
            for (site, b) in SITES {
                for (mode, c) in MODES {
                    for (origin, d) in ORIGINS {
                        for (referer, e) in REFERERS {
                            let fields = [upgrade, a, b, c, d, e].concat();
                            call([kind, credentials, site, mode, origin, referer], method, &fields);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn every_combination_is_as_the_table_says() {
    let engine = Engine::new(Arc::new(Policy::parse(POLICY).unwrap()));
    let (mut count, mut faults) = (0, Vec::new());
    each(|names, method, fields| {
        let asked = ask_as(&engine, Tls::default(), method, "/comments", fields, &[]);
        let rule = if asked.forwarded { "-" } else { asked.rule.trim_start_matches("csrf/") };
        count += 1;
        if rule != expected(names) {
            faults.push(format!("{method} {names:?}: {rule}, not {}", expected(names)));
        }
    });
    assert!(count >= 500, "{count} combinations");
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults[..faults.len().min(20)].join("\n"));
}

#[test]
fn without_the_layer_every_combination_passes() {
    let engine = Engine::new(Arc::new(Policy::parse("[csrf]\nmode = \"off\"").unwrap()));
    each(|names, method, fields| {
        let forwarded = || ask_as(&engine, Tls::default(), method, "/comments", fields, &[]).forwarded;
        assert!(names[5] != "foreign" || forwarded(), "{names:?}");
    });
}

fn post(policy: &str, fields: &[(&str, &str)]) -> Asked {
    ask(policy, "POST", "/reset/a8Fh29dkQzLw02mXpR7t", fields, &[])
}

#[test]
fn a_client_certificate_is_added_by_the_browser_too() {
    let engine = Engine::new(Arc::new(Policy::parse("").unwrap()));
    let tls = || Tls { client_certificate: Some("CN=ann".into()), ..Tls::default() };
    let silent = ask_as(&engine, tls(), "POST", "/", &[("authorization", "Bearer a")], &[]);
    assert_eq!(silent.rule, "csrf/no-origin");
    assert!(ask_as(&engine, tls(), "POST", "/", &[("origin", "https://localhost")], &[]).forwarded);
}

#[test]
fn a_cookie_that_is_not_text_may_be_a_login() {
    assert_eq!(post("", &[("cookie", "séance=1")]).rule, "csrf/no-origin");
}

/// A host that is missing is refused before; were it not, it must not be everybody's own.
#[test]
fn a_request_without_a_host_has_no_own_origin() {
    let policy = "[protocol]\nmode = \"off\"\n[transport]\nmode = \"off\"";
    for field in ["origin: https://", "referer: https:///page"] {
        let text =
            format!("## A\n```toml\n{policy}\n```\n```http\nPOST /\nhost:\n{field}\n```\n```expect\nrefuse csrf/any 403\n```\n");
        let case = Case::parse_all(&text).unwrap().remove(0);
        let seen = replay(&case).unwrap();
        assert_eq!((seen.status, seen.forwarded.is_some()), (403, false), "{field}");
    }
}

#[test]
fn a_refusal_names_the_narrowest_way_out() {
    let silent = post("", &[("cookie", "session=1")]);
    assert_eq!(silent.allow, "[[route]]\npath = \"/reset/{any}\"\nmethods = [\"POST\"]\noff = [\"csrf\"]");
    let silent = post(&silent.allow, &[("cookie", "session=1")]);
    assert!(silent.forwarded, "the way out is one");

    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://partner.example")];
    let refused = post("", &foreign);
    assert_eq!(refused.allow, "[csrf]\ntrusted_origins = [\"https://partner.example\"]");
    assert!(post(&refused.allow, &foreign).forwarded);

    let hostile = [("sec-fetch-site", "cross-site"), ("origin", "https://a\"]\nmode = \"off")];
    assert!(http::HeaderValue::from_str(hostile[1].1).is_err());
    let hostile = [("sec-fetch-site", "cross-site"), ("origin", "https://a\", \"https://b")];
    assert!(post("", &hostile).allow.starts_with("[[route]]"));
}

#[test]
fn what_is_written_down_of_a_referer_is_its_origin() {
    let engine = Engine::new(Arc::new(Policy::parse("").unwrap()));
    let refused = ask_as(&engine, Tls::default(), "POST", "/", &[("referer", "https://evil.test/reset/secret?token=1")], &[]);
    assert_eq!((refused.rule.as_str(), refused.value.as_str()), ("csrf/foreign-referer", "https://evil.test"));
}

#[test]
fn only_origins_as_browsers_write_them_can_be_trusted() {
    for text in ["https://a.example/", "a.example", "https://*.a.example", "null", "*", "https://A.example"] {
        assert!(Policy::parse(&format!("[csrf]\ntrusted_origins = [\"{text}\"]")).is_err(), "{text}");
    }
    let plain = Policy::parse("[csrf]\ntrusted_origins = [\"http://a.example\"]").unwrap();
    assert!(plain.warnings.to_string().contains("plain HTTP"));
}
