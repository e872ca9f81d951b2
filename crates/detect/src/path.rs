//! Paths that leave their folder or name what no visitor may read (CWE-22).
//!
//! A value is cut at its slashes as a file system would. Only a part that is exactly `..` climbs, so prose and code that mention
//! `../x` do not, while a value that *is* a path does.

use crate::{
    finding::{Judging, Rule, Step, Text, Where},
    marks::Marks,
};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 22, about }
}

const SENSITIVE: Rule = rule("path.sensitive", 8, "a path that climbs to a file no visitor may read");
const ABSOLUTE: Rule = rule("path.absolute", 6, "the absolute path of a file no visitor may read");
const ESCAPE: Rule = rule("path.escape", 6, "a path that climbs at least two folders above where it starts");
const CLIMB: Rule = rule("path.climb", 4, "a path that climbs one folder above where it starts");
const PRIVATE: Rule = rule("path.private", 6, "a path that climbs to a database, a key or the source of a program");
const DOTS: Rule = rule("path.dots", 6, "dots and slashes written so that filters miss that they climb");
const NUL: Rule = Rule { name: "path.nul", score: 5, cwe: 158, about: "a NUL byte in a text" };
const SHARE: Rule = rule("path.share", 6, "the administrative share of another machine");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[SENSITIVE, ABSOLUTE, ESCAPE, CLIMB, PRIVATE, DOTS, NUL, SHARE];

/// A separator, or a NUL.
pub(crate) const NEEDS: Marks = Marks::SLASH.or(Marks::BACKSLASH).or(Marks::CONTROL);

/// The longest path: PATH_MAX of Linux. What is longer is no path.
const PATH_BYTES_MAX: usize = 4096;

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes;
    // Code that spells bytes by their numbers has none of them.
    if text.marks.any(Marks::CONTROL)
        && !text.steps.contains(&Step::Escapes)
        && let Some(at) = memchr::memchr(0, value)
        // What base64 hides may be a pickle, which has them for its own reasons.
        && !(text.steps.contains(&Step::Base64) && std::str::from_utf8(value).is_err())
    {
        judging.found(&NUL, text, at.saturating_sub(16)..at + 1);
    }
    let value = trim(value);
    if value.len() > PATH_BYTES_MAX || !text.marks.any(Marks::SLASH.or(Marks::BACKSLASH)) || !judging.spend(value.len()) {
        return;
    }
    let climbs = text.marks.any(Marks::DOT) && memchr::memmem::find(value, b"..").is_some();
    if !climbs && !is_absolute(value) {
        return;
    }
    if let Some(rule) = walk(value, text.place) {
        // Documents name their neighbours.
        let rule =
            if matches!(rule.name, "path.escape" | "path.private") && text.steps.contains(&Step::Json) { &CLIMB } else { rule };
        judging.found(rule, text, 0..text.bytes.len());
    }
}

/// Whether a value begins as an absolute path, or the URL of a file, does.
fn is_absolute(value: &[u8]) -> bool {
    matches!(value, [b'/' | b'\\' | b'~', ..] | [_, b':', ..]) || without_scheme(value).len() < value.len()
}

/// Without white space and what stands behind a NUL, where C ends a path.
fn trim(value: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, value).unwrap_or(value.len());
    value.get(..end).unwrap_or_default().trim_ascii()
}

/// What the parts of a path do.
fn walk(value: &[u8], place: Where) -> Option<&'static Rule> {
    let path = without_scheme(value);
    if is_admin_share(path) {
        return Some(&SHARE);
    }
    let (mut depth, mut lowest, mut climbs, mut odd, mut code) = (0_i32, 0_i32, 0, false, false);
    let mut parts = Vec::new();
    for part in path.split(|b| matches!(b, b'/' | b'\\')) {
        match climb(part) {
            Climb::No if part.is_empty() || part == b"." => {}
            Climb::No => {
                depth += 1;
                code |= is_code(part);
                parts.push(part);
            }
            kind => {
                odd |= kind == Climb::Odd;
                climbs += 1;
                depth -= 1;
                lowest = lowest.min(depth);
                parts.pop();
            }
        }
    }
    let absolute = matches!(path.first(), Some(b'/' | b'\\')) || path.get(1) == Some(&b':');
    verdict(&parts, Climbs { count: climbs, above: -lowest, odd, code, absolute }, place)
}

/// How a path climbs.
struct Climbs {
    count: usize,
    /// How many folders above its beginning it gets.
    above: i32,
    odd: bool,
    /// It has signs that code has.
    code: bool,
    absolute: bool,
}

fn verdict(parts: &[&[u8]], found: Climbs, place: Where) -> Option<&'static Rule> {
    let Climbs { count: climbs, above, odd, code, absolute } = found;
    let dots = parts.contains(&&b"..."[..]);
    let secret = (climbs > 0 || absolute || dots) && is_secret(parts);
    // `.../` becomes `../` where a filter cuts out `./` or `../` once.
    let climbs = climbs + usize::from(secret && dots);
    match (climbs, secret) {
        (1.., true) => Some(&SENSITIVE),
        (1.., false) if odd => Some(&DOTS),
        (_, false) if code => None,
        (2.., false) if above >= 2 || (absolute && above >= 1) => Some(&ESCAPE),
        (_, false) if above >= 1 && is_private(parts) => Some(&PRIVATE),
        (_, false) if above >= 1 => Some(if matches!(place, Where::Path | Where::FileName) { &ESCAPE } else { &CLIMB }),
        // The path of a request is always absolute; what it names is the scanner's matter.
        (0, true) if absolute && place != Where::Path => Some(&ABSOLUTE),
        _ => None,
    }
}

/// Whether a part has signs that code has and names of files have not.
fn is_code(part: &[u8]) -> bool {
    part.iter().any(|b| matches!(b, b'"' | b'\'' | b'(' | b')' | b'{' | b'<' | b'>' | b'=' | b'\n' | b'|' | b';'))
}

/// Whether a part climbs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Climb {
    No,
    Yes,
    /// In a way only filters are meant to misread: `....`, `..;`, `..%00`.
    Odd,
}

fn climb(part: &[u8]) -> Climb {
    match part {
        b".." => Climb::Yes,
        b"..;" | b".. " | b"....;" => Climb::Odd,
        // What is left when a filter cuts `../` out of `....//`.
        [b'.', b'.', b'.', b'.', rest @ ..] if rest.iter().all(|b| *b == b'.') && rest.len() < 4 => Climb::Odd,
        [b'.', b'.', b';', ..] => Climb::Odd,
        _ => Climb::No,
    }
}

/// The path of a `file:` or `php:` URL.
fn without_scheme(value: &[u8]) -> &[u8] {
    for scheme in [&b"file://"[..], b"file:", b"netdoc:", b"jar:file:", b"local_file://"] {
        if value.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)) {
            return value.get(scheme.len()..).unwrap_or_default();
        }
    }
    value
}

/// `\\host\c$\…`.
fn is_admin_share(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"\\\\") else { return false };
    let mut parts = rest.split(|b| *b == b'\\');
    let host = parts.next().is_some_and(|h| !h.is_empty() && !h.contains(&b' '));
    host && parts.next().is_some_and(|share| share.ends_with(b"$"))
}

/// Whether a path names what no visitor may read.
pub(crate) fn names_secret(path: &[u8]) -> bool {
    let parts: Vec<&[u8]> = path.split(|b| matches!(b, b'/' | b'\\')).collect();
    is_secret(&parts)
}

/// Whether a path ends in what an app keeps beside the folder that it serves: to be read only by who climbed there.
fn is_private(parts: &[&[u8]]) -> bool {
    const ENDS: &[&[u8]] = &[b".db", b".sqlite", b".sqlite3", b".sql", b".pem", b".key", b".py", b".pyc"];
    parts.last().is_some_and(|last| {
        ENDS.iter().any(|end| last.len() > end.len() && last.to_ascii_lowercase().ends_with(end) && !last.contains(&b' '))
    })
}

/// Whether the last parts of a path name what no visitor may read.
fn is_secret(parts: &[&[u8]]) -> bool {
    let lower: Vec<Vec<u8>> = parts.iter().rev().take(6).map(|p| p.to_ascii_lowercase()).collect();
    let part = |at: usize| lower.get(at).map(Vec::as_slice).unwrap_or_default();
    let last = part(0).split(|b| matches!(b, b'?' | b'#' | b';' | b'%' | b',')).next().unwrap_or_default();
    let etc = part(1) == b"etc"
        && matches!(
            last,
            b"passwd"
                | b"shadow"
                | b"group"
                | b"hosts"
                | b"sudoers"
                | b"fstab"
                | b"issue"
                | b"crontab"
                | b"hostname"
                | b"motd"
                | b"resolv.conf"
        );
    let inside = lower.iter().any(|p| p == b"self") && lower.iter().any(|p| p == b"fd");
    let proc = inside
        || lower.iter().any(|p| p == b"proc")
            && matches!(last, b"environ" | b"cmdline" | b"status" | b"maps" | b"version" | b"cpuinfo" | b"mem");
    let windows =
        matches!(last, b"win.ini" | b"boot.ini" | b"system.ini" | b"ntuser.dat" | b"sam" | b"unattend.xml" | b"cmd.exe");
    let keys = matches!(
        last,
        b"id_rsa"
            | b"id_dsa"
            | b"id_ed25519"
            | b"authorized_keys"
            | b".bash_history"
            | b".htpasswd"
            | b".pgpass"
            | b".netrc"
            | b".git-credentials"
            | b"wp-config.php"
            | b"web.config"
            | b"local_settings.py"
    );
    let dots = matches!(last, b".env" | b".npmrc" | b".pypirc")
        || (part(1) == b".aws" && last == b"credentials")
        || (part(1) == b".git" && matches!(last, b"config" | b"head"));
    let logs = lower.iter().any(|p| p == b"log")
        && matches!(last, b"access.log" | b"error.log" | b"auth.log" | b"access_log" | b"error_log" | b"syslog");
    etc || proc || windows || keys || dots || logs || (part(1) == b"web-inf" && last == b"web.xml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BLOCK_FROM, Budget, Findings};

    fn score(value: &str) -> u8 {
        let (mut findings, mut budget) = (Findings::default(), Budget::new(100_000));
        let text = Text {
            bytes: value.as_bytes(),
            place: Where::Value,
            marks: Marks::of(value.as_bytes()),
            steps: &Vec::new(),
            within_markup: false,
        };
        judge(&text, &mut Judging { findings: &mut findings, budget: &mut budget });
        findings.score()
    }

    #[test]
    fn a_nul_counts_in_texts() {
        let found = |value: &[u8]| {
            let (mut findings, mut budget) = (Findings::default(), Budget::new(100_000));
            let steps = &vec![Step::Base64];
            let text = Text { bytes: value, place: Where::Value, marks: Marks::of(value), steps, within_markup: false };
            judge(&text, &mut Judging { findings: &mut findings, budget: &mut budget });
            findings.score() >= BLOCK_FROM
        };
        assert!(found(b"x.php\0.jpg"));
        assert!(!found(b"\x80\x04\x95\x0b\0\0\0\0\0\0\0]\x94\x8c\x03tea\x94a."), "a pickle's own");
    }

    #[test]
    fn a_value_that_is_a_path_may_not_climb() {
        for value in [
            "../../etc/passwd",
            "/static/img/../../etc/passwd",
            "..\\..\\windows\\win.ini",
            "....//....//x",
            "/etc/passwd",
            "x.php\0.jpg",
            "\\\\h\\c$\\x",
            "file:///etc/./passwd",
            "../comments.db",
            "../app.py",
            "x/../../key.PEM",
        ] {
            assert!(score(value) >= BLOCK_FROM, "{value:?}");
        }
        for value in [
            "docs/../readme.md",
            "import a from '../../b/c'",
            "/usr/share/doc",
            "either/or",
            "1/2",
            "C:\\Users\\anna\\notes.txt",
            "edit /etc/hosts and add a line",
            "../logo.png",
            "docs/../app.py",
            "app.db",
            "../see app.py",
        ] {
            assert!(score(value) < BLOCK_FROM, "{value:?}");
        }
    }
}
