//! LDAP filters (CWE-90): a value that closes its bracket and goes on with a filter (RFC 4515).

use crate::{
    finding::{Judging, Rule, Text},
    marks::Marks,
};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 90, about }
}

const FILTER: Rule = rule("ldap.filter", 7, "a closed bracket and another filter");
const WHOLE: Rule = rule("ldap.whole", 6, "a filter as a value");
const MATCHING: Rule = rule("ldap.matching-rule", 6, "a matching rule of LDAP by its number");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[FILTER, WHOLE, MATCHING];

/// Filters have brackets; matching rules have colons and equals signs.
pub(crate) const NEEDS: Marks = Marks::OPEN.or(Marks::EQUAL);

/// The longest value that can be a name in a filter.
const VALUE_BYTES_MAX: usize = 1024;

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes.trim_ascii();
    if value.len() > VALUE_BYTES_MAX || !judging.spend(value.len()) {
        return;
    }
    let found = if text.marks.any(Marks::OPEN) && closes(value) {
        &FILTER
    } else if nested(value) {
        &WHOLE
    } else if text.marks.all(Marks::COLON.or(Marks::EQUAL)) && matching_rule(value) {
        &MATCHING
    } else {
        return;
    };
    judging.found(found, text, 0..text.bytes.len());
}

/// `…)(uid=…`, `*)(&`, `…)(|(…`: what a value needs to begin another filter.
fn closes(value: &[u8]) -> bool {
    let mut at = 0;
    while let Some(found) = value.get(at..).and_then(|rest| memchr::memmem::find(rest, b")(")) {
        let here = at + found;
        let before = value.get(..here).unwrap_or_default();
        let rest = value.get(here + 2..).unwrap_or_default();
        // The first bracket must be one the value did not open.
        let opened = before.iter().filter(|b| **b == b'(').count() > before.iter().filter(|b| **b == b')').count();
        if !opened
            && (is_filter(rest)
                || matches!(rest, [b'&' | b'|' | b'!', b'(' | b')', ..] | [b'&' | b'|'])
                || before.ends_with(b"*"))
        {
            return true;
        }
        at = here + 2;
    }
    value.starts_with(b"*)") && value.len() <= 64 && matches!(value.get(2), None | Some(b'(' | b')' | 0))
}

/// `(&(uid=admin)(…))`, `*(|(objectclass=*))`.
fn nested(value: &[u8]) -> bool {
    let start = value.strip_prefix(b"*").unwrap_or(value);
    matches!(start, [b'(', b'&' | b'|' | b'!', b'(', rest @ ..] if is_filter(rest) || rest.starts_with(b"!("))
}

/// Whether a text goes on with an attribute and a comparison: `uid=`, `cn~=`, `age>=`.
fn is_filter(text: &[u8]) -> bool {
    let length = text.iter().take(64).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b';' | b'.')).count();
    let rest = text.get(length..).unwrap_or_default();
    length > 0
        && (matches!(rest, [b'=', b, ..] if *b != b'=' && *b != b' ' && *b != b'>')
            || matches!(rest, [b'~' | b'<' | b'>', b'=', ..])
            || rest == b"=")
}

/// `userPassword:2.5.13.18:=123`.
fn matching_rule(value: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(value, b":=") else { return false };
    let Some(begin) = value.get(..end).and_then(|head| memchr::memchr(b':', head)) else { return false };
    let oid = value.get(begin + 1..end).unwrap_or_default();
    oid.len() >= 5 && oid.iter().all(|b| b.is_ascii_digit() || *b == b'.') && oid.iter().filter(|b| **b == b'.').count() >= 2
}
