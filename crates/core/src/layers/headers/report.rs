//! Browsers' reports of what the Content-Security-Policy refused: hostile input, read into a few short words.

use super::csp::is_directive;
use crate::{layers::Body, record::shown_path};
use serde_json::Value;

/// Where browsers send reports.
pub const ENDPOINT: &str = "/.well-known/gambeson/csp";

/// At most this much of a report is read, in bytes.
pub(super) const REPORT_BYTES_MAX: usize = 16 << 10;

/// At most this many reports of one message are looked at, and as many different ones noted.
const REPORTS_MAX: usize = 64;
const VIOLATIONS_MAX: usize = 16;

/// What a page was refused. Nothing in it is longer than [`TEXT_BYTES_MAX`], and nothing is a query, a fragment or a sample of
/// a script: those may be secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// The directive, one that exists.
    pub(super) directive: String,
    /// The page's path, opaque segments masked.
    pub(super) page: String,
    /// The origin of what was refused, or a word such as `inline`, `eval`, `data`.
    pub(super) blocked: String,
    /// How often.
    pub(super) count: usize,
}

impl Violation {
    fn same_as(&self, other: &Self) -> bool {
        (&self.directive, &self.page, &self.blocked) == (&other.directive, &other.page, &other.blocked)
    }
}

const TEXT_BYTES_MAX: usize = 160;

/// The violations on pages of that host, equal ones counted together; `None` when the body is no report.
///
/// Both forms are known: `application/csp-report` (CSP level 2) and `application/reports+json` (Reporting API).
pub(super) fn read(body: Body<'_>, host: &str) -> Option<Vec<Violation>> {
    if !body.whole || body.bytes.len() > REPORT_BYTES_MAX {
        return None;
    }
    let value: Value = serde_json::from_slice(body.bytes).ok()?;
    let mut violations: Vec<Violation> = Vec::new();
    for report in reports(&value)?.into_iter().filter_map(|report| violation(report, host)) {
        match violations.iter().position(|known| known.same_as(&report)) {
            Some(index) => violations.get_mut(index).into_iter().for_each(|known| known.count += 1),
            None if violations.len() < VIOLATIONS_MAX => violations.push(report),
            None => {}
        }
    }
    Some(violations)
}

fn reports(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Object(object) => Some(vec![object.get("csp-report")?]),
        Value::Array(list) => Some(list.iter().take(REPORTS_MAX).filter_map(of_reporting_api).collect()),
        _ => None,
    }
}

fn of_reporting_api(report: &Value) -> Option<&Value> {
    let known = report.get("type")?.as_str()? == "csp-violation";
    report.get("body").filter(|_| known)
}

fn violation(report: &Value, host: &str) -> Option<Violation> {
    let text = |names: [&str; 2]| names.iter().find_map(|name| report.get(name)?.as_str());
    let page = text(["document-uri", "documentURL"])?;
    let blocked = text(["blocked-uri", "blockedURL"]).unwrap_or_default();
    // An extension of the browser works on the page: nobody's fault, and nothing to do about it.
    let source = text(["source-file", "sourceFile"]).unwrap_or_default();
    if blocked.contains("-extension") || source.contains("-extension") {
        return None;
    }
    let directive = text(["effective-directive", "effectiveDirective"]).or_else(|| report.get("violated-directive")?.as_str())?;
    let directive = directive.split(' ').next().filter(|name| is_directive(name))?.to_owned();
    Some(Violation { directive, page: path_on(page, host)?, blocked: origin(blocked), count: 1 })
}

/// The path of an address on that host, without query.
fn path_on(address: &str, host: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => authority,
    };
    let ours = matches!(scheme, "http" | "https") && name.eq_ignore_ascii_case(host);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    ours.then(|| short(&shown_path(if path.is_empty() { "/" } else { path })))
}

/// The origin of an address, without credentials; a keyword as it is.
fn origin(blocked: &str) -> String {
    let Some((scheme, rest)) = blocked.split_once("://") else {
        let word = blocked.split(':').next().unwrap_or_default();
        let plain = word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && word.len() <= 32;
        return if plain { word.to_owned() } else { "?".to_owned() };
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    short(&format!("{scheme}://{authority}"))
}

/// Shortened, with nothing but printable ASCII in it.
fn short(text: &str) -> String {
    text.chars().take(TEXT_BYTES_MAX).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn violations(text: &str) -> Option<Vec<Violation>> {
        read(Body { bytes: text.as_bytes(), whole: true }, "localhost")
    }

    const CSP_2: &str = r#"{"csp-report": {"document-uri": "https://localhost:8443/reset/a8Fh29dkQzLw02mXpR7t?token=secret",
        "referrer": "", "violated-directive": "script-src-elem", "effective-directive": "script-src-elem",
        "blocked-uri": "https://evil.example/x.js?cookie=secret", "script-sample": "secret"}}"#;

    #[test]
    fn both_forms_say_the_same_and_tell_no_secret() {
        let expected = Violation {
            directive: "script-src-elem".into(),
            page: "/reset/***".into(),
            blocked: "https://evil.example".into(),
            count: 1,
        };
        assert_eq!(violations(CSP_2), Some(vec![expected]));
        let api = r#"[{"type": "csp-violation", "age": 1, "url": "https://localhost/", "body": {"documentURL": "https://localhost/a",
            "blockedURL": "inline", "effectiveDirective": "script-src-elem", "sample": "secret"}}, {"type": "deprecation"},
            {"type": "csp-violation", "body": {"documentURL": "https://localhost/a", "blockedURL": "inline", "effectiveDirective": "script-src-elem"}}]"#;
        let found = violations(api).unwrap();
        assert_eq!((found.len(), found[0].count, found[0].blocked.as_str()), (1, 2, "inline"));
    }

    #[test]
    fn what_is_not_about_our_pages_is_dropped() {
        assert_eq!(violations(&CSP_2.replace("https://localhost", "https://other")), Some(vec![]));
        assert_eq!(violations(&CSP_2.replace("https://evil.example", "chrome-extension://abc")), Some(vec![]));
        assert_eq!(violations(&CSP_2.replace("script-src-elem", "made-up")), Some(vec![]));
    }

    #[test]
    fn what_is_no_report_is_said_to_be_none() {
        for text in ["", "{}", "7", "{\"csp-report\"", "\u{fffd}"] {
            assert_eq!(violations(text), None, "{text}");
        }
        assert_eq!(read(Body { bytes: CSP_2.as_bytes(), whole: false }, "localhost"), None);
    }

    fn nasty() -> impl Strategy<Value = String> {
        prop_oneof!["[ -~]{0,300}", "https?://[ -~]{0,300}", "\\PC{0,80}", Just("script-src".to_owned())]
    }

    proptest! {
        #[test]
        fn hostile_reports_stay_small_and_printable(page in nasty(), blocked in nasty(), directive in nasty(), n in 0usize..40) {
            let body = serde_json::json!({"documentURL": format!("https://localhost/{page}"), "blockedURL": blocked, "effectiveDirective": directive});
            let list: Vec<Value> = (0..n).map(|i| {
                let mut body = body.clone();
                body["effectiveDirective"] = if i % 2 == 0 { "img-src".into() } else { body["effectiveDirective"].clone() };
                body["blockedURL"] = format!("{}{i}", body["blockedURL"].as_str().unwrap()).into();
                serde_json::json!({"type": "csp-violation", "body": body})
            }).collect();
            let found = violations(&Value::from(list).to_string()).unwrap_or_default();
            prop_assert!(found.len() <= VIOLATIONS_MAX);
            for one in found {
                prop_assert!(is_directive(&one.directive));
                for text in [one.page, one.blocked] {
                    prop_assert!(text.len() <= TEXT_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic()), "{}", text);
                }
            }
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(Body { bytes: &bytes, whole: true }, "localhost");
        }
    }
}
