//! Line breaks where a line must not end (CWE-113, CWE-93, CWE-117): headers, mail commands, log lines.
//!
//! People send texts of many lines, also pasted headers. A value that splits a header begins like the value of a header does, as one
//! word, and goes on with a header right behind its first line break.

use crate::{
    finding::{Judging, Rule, Step, Text},
    marks::Marks,
};

const fn rule(name: &'static str, score: u8, cwe: u16, about: &'static str) -> Rule {
    Rule { name, score, cwe, about }
}

const SPLIT: Rule = rule("header.split", 7, 113, "a line break and a header of an answer");
const MAIL: Rule = rule("header.mail", 6, 93, "a line break and a header or command of mail");
const BREAK: Rule = rule("header.break", 6, 117, "a line break in a name, path or header, which splits log lines");
const TERMINAL: Rule = rule("header.terminal", 5, 150, "a control sequence of terminals");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[SPLIT, MAIL, BREAK, TERMINAL];

/// A line break or a control character.
pub(crate) const NEEDS: Marks = Marks::BREAK.or(Marks::CONTROL);

/// The longest first line: what stands in a header or address is no longer.
const FIRST_LINE_BYTES_MAX: usize = 300;

/// Lines looked at.
const LINES_MAX: usize = 8;

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes;
    // Code that spells them by their numbers has none of them.
    if text.marks.any(Marks::CONTROL)
        && !text.steps.contains(&Step::Escapes)
        && let Some(at) = memchr::memmem::find(value, b"\x1b[").or_else(|| memchr::memmem::find(value, b"\x1b]"))
    {
        judging.found(&TERMINAL, text, at..value.len());
    }
    let Some(at) = memchr::memchr2(b'\r', b'\n', value) else { return };
    if !judging.spend(at.min(FIRST_LINE_BYTES_MAX)) {
        return;
    }
    if !text.place.is_value() && !value.trim_ascii_end().get(at..).unwrap_or_default().is_empty() {
        judging.found(&BREAK, text, at..value.len());
    }
    let first = value.get(..at).unwrap_or_default();
    let part = first.starts_with(b"--"); // of a mail that was pasted
    if part || first.len() > FIRST_LINE_BYTES_MAX || first.trim_ascii().iter().any(u8::is_ascii_whitespace) {
        return;
    }
    let lines =
        value.get(at..).unwrap_or_default().split(|b| matches!(b, b'\r' | b'\n')).filter(|line| !line.is_empty()).take(LINES_MAX);
    for (number, line) in lines.enumerate() {
        if let Some(rule) = kind(line.trim_ascii(), number) {
            judging.found(rule, text, at..value.len());
            return;
        }
    }
}

/// What a line behind the first one is.
fn kind(line: &[u8], number: usize) -> Option<&'static Rule> {
    let starts =
        |words: &[&str]| words.iter().any(|w| line.get(..w.len()).is_some_and(|head| head.eq_ignore_ascii_case(w.as_bytes())));
    if starts(&[
        "set-cookie:",
        "location:",
        "http/1.1 ",
        "http/1.0 ",
        "http/2 ",
        "content-length:",
        "transfer-encoding:",
        "x-xss-protection:",
        "refresh:",
        "access-control-allow-origin:",
        "content-security-policy:",
        "x-injected:",
        "link:",
        "content-type:",
    ]) && number == 0
    {
        return Some(&SPLIT);
    }
    let header = number == 0 && starts(&["bcc:", "cc:", "to:", "subject:", "mime-version:", "reply-to:"]) && line.len() < 200;
    let command = starts(&["rcpt to:", "mail from:", "ehlo ", "helo ", "vrfy ", "expn "])
        || (number == 0 && matches!(line, b"DATA" | b"QUIT" | b"RSET" | b"NOOP" | b"STARTTLS"));
    (header || command || is_imap(line)).then_some(&MAIL)
}

/// A tag and a command of IMAP: `V100 CAPABILITY`.
fn is_imap(line: &[u8]) -> bool {
    let mut words = line.split(|b| *b == b' ');
    let tag = words.next().unwrap_or_default();
    let tagged = (2..=8).contains(&tag.len())
        && tag.first().is_some_and(u8::is_ascii_uppercase)
        && tag.iter().skip(1).all(u8::is_ascii_digit);
    tagged
        && matches!(
            words.next(),
            Some(
                b"CAPABILITY"
                    | b"FETCH"
                    | b"LOGIN"
                    | b"SELECT"
                    | b"LIST"
                    | b"LOGOUT"
                    | b"DELETE"
                    | b"CREATE"
                    | b"APPEND"
                    | b"STORE"
            )
        )
}
