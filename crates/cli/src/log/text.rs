//! Entries of the audit log as text. What they hold came from strangers: nothing is printed that a terminal acts on.

use gambeson_core::{
    policy::Mode,
    record::{Action, Finding, Record},
};
use gambeson_store::audit::{Entry, Event, Verification, printable};
use std::fmt::Write as _;

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    pub(super) const fn when(colours: bool) -> Self {
        Self(colours)
    }

    fn with(self, code: u8, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.with(1, text)
    }

    fn dim(self, text: &str) -> String {
        self.with(2, text)
    }

    fn bad(self, text: &str) -> String {
        self.with(31, text)
    }

    fn good(self, text: &str) -> String {
        self.with(32, text)
    }

    fn warn(self, text: &str) -> String {
        self.with(33, text)
    }
}

/// One entry in one line.
pub(super) fn line(entry: &Entry, paint: Paint) -> String {
    let what = match &entry.event {
        Event::Exchange(record) => exchange_line(record, paint),
        Event::Lost { .. } | Event::Recovered { .. } => paint.warn(&sentence(&entry.event)),
        Event::Notice { .. } | Event::Opened { .. } => sentence(&entry.event),
    };
    format!("{} {what}", paint.dim(&printable(&entry.time)))
}

fn exchange_line(record: &Record, paint: Paint) -> String {
    let main = main_finding(record);
    let done = main.map_or("passed".to_owned(), |finding| format!("{} {}", did(finding, paint), rule(finding)));
    let more = match record.findings.len() {
        0 | 1 => String::new(),
        several => format!(" and {} more", several - 1),
    };
    let request = request(record);
    format!("{} {done}{more}: {request} from {}, {}", record_id(record, paint), printable(&record.client), record.status)
}

/// The finding that decided: the first that was enforced, else the first that would have kept the request or its answer, else the first.
fn main_finding(record: &Record) -> Option<&Finding> {
    let decided = |finding: &&Finding| finding.mode == Mode::Enforce && finding.action != Action::Note;
    let graver = |finding: &&Finding| matches!(finding.action, Action::Refuse | Action::Replace);
    let all = || record.findings.iter();
    all().find(decided).or_else(|| all().find(graver)).or_else(|| all().next())
}

fn did(finding: &Finding, paint: Paint) -> String {
    let done = match finding.action {
        Action::Refuse => "refused",
        Action::Answer => "answered",
        Action::Change => "changed",
        Action::Replace => "replaced",
        Action::Note => "noted",
    };
    match (finding.mode, finding.action) {
        (Mode::Report, Action::Note) => paint.dim(done),
        (Mode::Report, _) => paint.warn(&format!("would have {done}")),
        (_, Action::Refuse | Action::Replace) => paint.bad(done),
        _ => done.to_owned(),
    }
}

fn rule(finding: &Finding) -> String {
    format!("by {}/{}", finding.layer.as_str(), printable(&finding.rule))
}

fn record_id(record: &Record, paint: Paint) -> String {
    paint.bold(&printable(&record.id))
}

fn request(record: &Record) -> String {
    if record.method.is_empty() {
        return "a request that could not be read".to_owned();
    }
    printable(&format!("{} {}{}", record.method, record.host, record.path))
}

fn sentence(event: &Event) -> String {
    match event {
        Event::Exchange(_) => String::new(),
        Event::Notice { what, detail } if detail.is_empty() => printable(what),
        Event::Notice { what, detail } => format!("{}: {}", printable(what), printable(detail)),
        Event::Opened { process, .. } => format!("a new file, begun by process {process}"),
        Event::Lost { count, why } => format!("{count} records were lost: {}", printable(why)),
        Event::Recovered { why, cut_bytes, missing } => {
            let mut text = format!("the log was repaired: {}", printable(why));
            for (number, noun) in [(cut_bytes, "bytes cut off"), (missing, "lines missing")] {
                if *number > 0 {
                    let _ = write!(text, ", {number} {noun}");
                }
            }
            text
        }
    }
}

/// One entry with everything that is known of it.
pub(super) fn whole(entry: &Entry, paint: Paint) -> String {
    let Event::Exchange(record) = &entry.event else {
        return format!("{}\n", line(entry, paint));
    };
    let mut text = format!("{}  {}\n", record_id(record, paint), paint.dim(&printable(&entry.time)));
    let _ = writeln!(text, "{} from {}: {}", request(record), printable(&record.client), answered(record));
    for finding in &record.findings {
        text.push('\n');
        text.push_str(&explained(finding, paint));
    }
    if let Some(original) = &record.original {
        let _ = writeln!(text, "\n{}", paint.bold("what the app had answered"));
        original.lines().for_each(|line| text.push_str(&format!("  {}\n", printable(line))));
    }
    text
}

fn answered(record: &Record) -> String {
    let app = record.app_status.map(|status| format!(", the app had answered {status}")).unwrap_or_default();
    format!("answered {} in {} ms{app}", record.status, record.took_ms)
}

fn explained(finding: &Finding, paint: Paint) -> String {
    let mut text = format!("{} {}\n", did(finding, paint), paint.bold(&rule(finding)));
    let read_as = finding.transformations.join(", then ");
    let rows = [("why", finding.why.as_ref()), ("where", &finding.part), ("value", &finding.value), ("read as", &read_as)];
    rows.iter().for_each(|(name, value)| row(&mut text, name, value, paint));
    let allow = if finding.allow.is_empty() { "no line of policy allows this" } else { &finding.allow };
    row(&mut text, "to allow", allow, paint);
    text
}

/// A name and its value, which may have several lines; nothing where there is no value.
fn row(text: &mut String, name: &str, value: &str, paint: Paint) {
    for (position, line) in value.lines().enumerate() {
        let name = if position == 0 { name } else { "" };
        let _ = writeln!(text, "  {} {}", paint.dim(&format!("{name:<9}")), printable(line));
    }
}

/// What checking the log found.
pub(super) fn verification(found: &Verification, paint: Paint) -> String {
    let mut text = String::new();
    for problem in &found.problems {
        let _ = writeln!(text, "{}:{}: {}", problem.file, problem.line, paint.bad(&printable(&problem.what)));
    }
    let sum = match (found.problems.len(), found.lines) {
        (0, 0) => paint.good("the audit log is empty"),
        (0, _) => paint.good("the audit log is whole and unchanged"),
        (1, _) => paint.bad("the audit log is damaged in one place"),
        (places, _) => paint.bad(&format!("the audit log is damaged in {places} places")),
    };
    let _ = writeln!(text, "{sum}: lines {} to {} in {} files", found.first, found.last, found.files);
    if found.lost > 0 {
        let _ = writeln!(text, "{}", paint.warn(&format!("{} records never reached it, as it says itself", found.lost)));
    }
    if found.recovered > 0 {
        let _ = writeln!(text, "it was repaired after a crash or damage {} times, as it says itself", found.recovered);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use gambeson_core::policy::LayerName;
    use gambeson_store::audit::Problem;

    fn finding() -> Finding {
        Finding {
            layer: LayerName::Csrf,
            rule: "cross-site".into(),
            mode: Mode::Enforce,
            action: Action::Refuse,
            why: "the request comes from a page of another site".into(),
            part: "header origin".into(),
            value: "https://evil.example\u{1b}[2J".into(),
            transformations: vec!["percent-decoded".into(), "lower-cased".into()],
            allow: "[cors]\norigins = [\"https://evil.example\"]".into(),
        }
    }

    fn entry(findings: Vec<Finding>) -> Entry {
        let record = Record {
            id: "0123456789abc".into(),
            time_ms: 0,
            client: "192.0.2.1".into(),
            method: "POST".into(),
            host: "comments.example.com".into(),
            path: "/comments".into(),
            status: 403,
            app_status: Some(500),
            took_ms: 3,
            findings,
            original: Some("Traceback\n  File \"app.py\", line 41".into()),
        };
        let event = Event::Exchange(Box::new(record));
        Entry { seq: 2, time: "2026-01-02T03:04:05.678Z".into(), event, prev: String::new(), hash: String::new() }
    }

    #[test]
    fn an_exchange_is_explained_with_the_lines_that_would_allow_it() {
        let expected = r#"0123456789abc  2026-01-02T03:04:05.678Z
POST comments.example.com/comments from 192.0.2.1: answered 403 in 3 ms, the app had answered 500

refused by csrf/cross-site
  why       the request comes from a page of another site
  where     header origin
  value     https://evil.example\u001b[2J
  read as   percent-decoded, then lower-cased
  to allow  [cors]
            origins = ["https://evil.example"]

what the app had answered
  Traceback
    File "app.py", line 41
"#;
        assert_eq!(whole(&entry(vec![finding()]), Paint::when(false)), expected);
    }

    #[test]
    fn a_line_names_what_decided() {
        let reported = Finding { mode: Mode::Report, rule: "other".into(), ..finding() };
        let both = entry(vec![reported.clone(), finding()]);
        let expected = "2026-01-02T03:04:05.678Z 0123456789abc refused by csrf/cross-site and 1 more: \
                        POST comments.example.com/comments from 192.0.2.1, 403";
        assert_eq!(line(&both, Paint::when(false)), expected);
        assert!(line(&entry(vec![]), Paint::when(false)).contains("0123456789abc passed: POST comments.example.com/comments"));
        let answered = Finding { rule: "redirect".into(), action: Action::Answer, ..reported.clone() };
        assert!(line(&entry(vec![answered, reported.clone()]), Paint::when(false)).contains("would have refused by csrf/other"));
        assert!(line(&entry(vec![reported]), Paint::when(false)).contains("would have refused by csrf/other"));
    }

    #[test]
    fn only_our_own_colours_reach_a_terminal() {
        let text = whole(&entry(vec![finding()]), Paint::when(true));
        let codes: Vec<_> = text.split('\u{1b}').skip(1).map(|rest| rest.split('m').next().unwrap_or_default()).collect();
        assert!(codes.iter().all(|code| ["[0", "[1", "[2", "[31"].contains(code)), "{codes:?}");
    }

    #[test]
    fn damage_is_named_with_file_and_line() {
        let problem = Problem { file: "audit-000000000001.jsonl".into(), line: 3, what: "was changed".into() };
        let mut found = Verification { files: 1, lines: 8, first: 1, last: 9, lost: 4, ..Verification::default() };
        let sound = verification(&found, Paint::when(false));
        assert!(sound.starts_with("the audit log is whole and unchanged: lines 1 to 9 in 1 files\n4 records"), "{sound}");
        found.problems.push(problem);
        let damaged = verification(&found, Paint::when(false));
        assert!(
            damaged.starts_with("audit-000000000001.jsonl:3: was changed\nthe audit log is damaged in one place"),
            "{damaged}"
        );
    }
}
