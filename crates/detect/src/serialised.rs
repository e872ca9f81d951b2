//! Serialised objects (CWE-502): bytes that make code run when they are read back.
//!
//! Pickles are read by their opcodes, as the unpickler would: data alone is one thing, a function that is looked up and called
//! another. YAML, jsonpickle, PHP, Java, .NET and Node have marks of their own.

mod pickle;

use crate::{
    finding::{Judging, Rule, Text},
    marks::Marks,
};
use pickle::{Pickle, read};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 502, about }
}

const PICKLE_CALL: Rule = rule("serialised.pickle-call", 9, "a pickle that looks up a function and calls it");
const PICKLE: Rule = rule("serialised.pickle", 5, "a pickle");
const YAML: Rule = rule("serialised.yaml", 8, "a YAML tag that makes Python objects");
const JSON: Rule = rule("serialised.jsonpickle", 7, "a JSON document that jsonpickle turns into objects");
const JAVA: Rule = rule("serialised.java", 6, "a serialised object of Java or .NET");
const PHP: Rule = rule("serialised.php", 6, "a serialised object of PHP");
const NODE: Rule = rule("serialised.node", 7, "a serialised function of Node");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[PICKLE_CALL, PICKLE, YAML, JSON, JAVA, PHP, NODE];

/// Pickles of protocol 0 have line breaks, later ones control bytes; the others have signs.
pub(crate) const NEEDS: Marks = Marks::BREAK
    .or(Marks::CONTROL)
    .or(Marks::HIGH)
    .or(Marks::OTHER)
    .or(Marks::COLON)
    .or(Marks::DOLLAR)
    .or(Marks::PLUS)
    .or(Marks::SLASH);

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes;
    let end = value.len();
    if text.marks.any(Marks::BREAK.or(Marks::CONTROL).or(Marks::HIGH)) {
        let mut steps = 0;
        let found = read(value, &mut steps);
        judging.spend(steps);
        match found {
            Pickle::Calls => judging.found(&PICKLE_CALL, text, 0..end),
            Pickle::Data => judging.found(&PICKLE, text, 0..end),
            Pickle::No => {}
        }
    }
    if let Some(rule) = marked(value, text.marks) {
        judging.found(rule, text, 0..end);
    }
}

/// Marks of other formats.
fn marked(value: &[u8], marks: Marks) -> Option<&'static Rule> {
    let finds = |what: &[u8]| memchr::memmem::find(value, what).is_some();
    if value.starts_with(b"\xac\xed\0\x05") || value.starts_with(b"rO0AB") || value.starts_with(b"AAEAAAD/////") {
        return Some(&JAVA);
    }
    if marks.any(Marks::COLON) && finds(b"tag:yaml.org,2002:python/") {
        return Some(&YAML);
    }
    if marks.all(Marks::OTHER.or(Marks::SLASH)) && finds(b"!!python/") && yaml(value) {
        return Some(&YAML);
    }
    if marks.all(Marks::DOUBLE.or(Marks::SLASH)) && finds(b"\"py/") && pickled_json(value) {
        return Some(&JSON);
    }
    if marks.all(Marks::DOLLAR.or(Marks::UNDER)) && finds(b"_$$ND_FUNC$$_") {
        return Some(&NODE);
    }
    (marks.all(Marks::COLON.or(Marks::DOUBLE)) && php(value)).then_some(&PHP)
}

/// Keys by which jsonpickle knows what to make.
fn pickled_json(value: &[u8]) -> bool {
    [&b"\"py/reduce\""[..], b"\"py/object", b"\"py/function\""].iter().any(|key| memchr::memmem::find(value, key).is_some())
}

/// Whether a tag makes more than plain values: `!!python/tuple` is harmless, and so is one that names nothing to make.
fn yaml(value: &[u8]) -> bool {
    let tags = [&b"!!python/object:"[..], b"!!python/object/", b"!!python/name:", b"!!python/module:"];
    tags.iter().any(|tag| memchr::memmem::find(value, tag).is_some())
}

/// `O:8:"stdClass":1:{`, also within an array.
fn php(value: &[u8]) -> bool {
    let head = value.get(..value.len().min(256)).unwrap_or_default();
    let mut at = 0;
    while let Some(found) = head.get(at..).and_then(|rest| memchr::memmem::find(rest, b"O:")) {
        let start = at + found;
        let fresh = start == 0 || matches!(head.get(start - 1), Some(b';' | b'{' | b'|'));
        let digits =
            head.get(start + 2..).unwrap_or_default().iter().take(6).take_while(|b| b.is_ascii_digit() || **b == b'+').count();
        if fresh && digits > 0 && head.get(start + 2 + digits..).is_some_and(|rest| rest.starts_with(b":\"")) {
            return true;
        }
        at = start + 2;
    }
    false
}
