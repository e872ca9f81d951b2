//! Operators of document databases (CWE-943): `{"$gt": ""}`, `user[$ne]`, and JavaScript that a database would run.

use crate::{
    finding::{Judging, Rule, Text, Where},
    marks::Marks,
};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 943, about }
}

const OPERATOR: Rule = rule("nosql.operator", 7, "an operator of a document database in place of a value");
const NAME: Rule = rule("nosql.name", 7, "an operator of a document database in the name of a parameter");
const WHERE: Rule = rule("nosql.where", 7, "a condition in JavaScript for a document database");
const SCRIPT: Rule = rule("nosql.script", 6, "JavaScript of a database behind a closed quote or number");
const SHELL: Rule = rule("nosql.shell", 6, "a command of a document database's shell");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[OPERATOR, NAME, WHERE, SCRIPT, SHELL];

/// Operators begin with a dollar sign; scripts have semicolons, brackets or `||`.
pub(crate) const NEEDS: Marks = Marks::DOLLAR.or(Marks::SEMI).or(Marks::OPEN).or(Marks::PIPE).or(Marks::AMP);

/// The operators that change what a query finds.
const OPERATORS: &[&[u8]] = &[
    b"gt",
    b"gte",
    b"lt",
    b"lte",
    b"ne",
    b"eq",
    b"nin",
    b"in",
    b"regex",
    b"where",
    b"exists",
    b"or",
    b"and",
    b"nor",
    b"not",
    b"all",
    b"size",
    b"type",
    b"mod",
    b"expr",
    b"function",
    b"accumulator",
    b"elemMatch",
    b"text",
    b"jsonSchema",
    b"lookup",
    b"options",
    b"func",
];

/// The operators looked at in one text.
const DOLLARS_MAX: usize = 500;

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes;
    if !judging.spend(value.len().min(4096)) {
        return;
    }
    if text.marks.any(Marks::DOLLAR)
        && let Some((rule, at)) = operator(value, text.place)
    {
        judging.found(rule, text, at..value.len());
    }
    if let Some(rule) = script(value.get(..value.len().min(1024)).unwrap_or_default()) {
        judging.found(rule, text, 0..value.len());
    }
}

/// An operator where a document has its keys, or in the name of a parameter.
fn operator(value: &[u8], place: Where) -> Option<(&'static Rule, usize)> {
    let document = matches!(value.trim_ascii().first(), Some(b'{' | b'['));
    let mut at = 0;
    for _ in 0..DOLLARS_MAX {
        let here = at + memchr::memchr(b'$', value.get(at..)?)?;
        at = here + 1;
        let rest = value.get(at..)?;
        let length = rest.iter().take(16).take_while(|b| b.is_ascii_alphabetic()).count();
        let name = rest.get(..length)?;
        if !OPERATORS.contains(&name) {
            continue;
        }
        let before = value.get(..here)?.trim_ascii_end().last();
        let after = rest.get(length..)?;
        let key = after.trim_ascii_start();
        let colon =
            key.strip_prefix(b"\"").or_else(|| key.strip_prefix(b"'")).unwrap_or(key).trim_ascii_start().starts_with(b":");
        if place == Where::Name
            && (before.is_none() || matches!(before, Some(b'[' | b'.')))
            && matches!(after.first(), None | Some(b']' | b'.' | b'['))
        {
            return Some((&NAME, here));
        }
        if document && colon && matches!(before, Some(b'{' | b',' | b'"' | b'\'')) {
            return Some((if matches!(name, b"where" | b"function") { &WHERE } else { &OPERATOR }, here));
        }
        // Outside a document: behind a closed value, as in `true, $where: '1 == 1'`.
        if colon && matches!(before, Some(b',')) && matches!(name, b"where" | b"or" | b"and" | b"ne" | b"gt" | b"regex") {
            return Some((if name == b"where" { &WHERE } else { &OPERATOR }, here));
        }
        if name == b"where" && colon && before.is_none() {
            return Some((&WHERE, here));
        }
    }
    None
}

/// JavaScript that makes sense only within a database.
fn script(value: &[u8]) -> Option<&'static Rule> {
    let value = value.trim_ascii();
    let finds = |what: &[u8]| memchr::memmem::find(value, what).is_some();
    if value.starts_with(b"db.") && shell(value) {
        return Some(&SHELL);
    }
    let quote = memchr::memchr2(b'\'', b'"', value).map_or(0, |at| at + 1);
    let tail = value.get(quote..)?.trim_ascii_start();
    let number = value.iter().take_while(|b| b.is_ascii_digit()).count();
    let leaves = quote > 0 || (number > 0 && value.get(number) == Some(&b';')) || value.starts_with(b";");
    let line = memchr::memchr(b'\n', value).unwrap_or(value.len());
    if !leaves || quote > line {
        return None;
    }
    let joined = matches!(tail, [b';' | b'|' | b'&' | b'}', ..]) || quote == 0;
    if !joined {
        return None;
    }
    let this = finds(b"this.") && (finds(b".match(") || finds(b".length") || finds(b"==") || finds(b".charAt(") || finds(b"!="));
    let waits = finds(b"sleep(") || (finds(b"new Date()") && finds(b"while")) || finds(b"while(true)") || finds(b"while(1)");
    let returns = finds(b"return true") || finds(b"return(true)") || finds(b"return 1") || finds(b"return this");
    let near = tail.get(..tail.len().min(40)).unwrap_or_default();
    let equal = tail.starts_with(b"||") && memchr::memmem::find(near, b"==").is_some();
    (this || waits || returns || equal).then_some(&SCRIPT)
}

/// `db.name.drop()`.
fn shell(value: &[u8]) -> bool {
    [
        &b".insert("[..],
        b".drop(",
        b".find(",
        b".remove(",
        b".update(",
        b".dropDatabase(",
        b".deleteMany(",
        b".insertOne(",
        b".eval(",
    ]
    .iter()
    .any(|call| memchr::memmem::find(value, call).is_some_and(|at| at < 64))
}
