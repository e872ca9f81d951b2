//! Template expressions (CWE-1336): a value that a template engine would compute.
//!
//! Jinja, Django, Mako, and for the sake of what stands behind a Python app also Java's and JavaScript's engines. `{{ name }}` is
//! what people who write letters and documentation type; an expression that computes or walks attributes is what probes send.

use crate::{
    finding::{Judging, Rule, Text},
    marks::Marks,
};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 1336, about }
}

const COMPUTES: Rule = rule("template.computes", 6, "a template expression that computes with constants, as probes do");
const WALK: Rule = rule("template.walk", 8, "a template expression that walks attributes to code");
const OBJECT: Rule = rule("template.object", 6, "a template expression that asks for what the engine or the app keeps to itself");
const CALL: Rule = rule("template.call", 3, "a template expression that calls something");
const STATEMENT: Rule = rule("template.statement", 6, "a template statement that imports or reads what no visitor may");
const LOOKUP: Rule = rule("template.lookup", 9, "a lookup of a logging library (CVE-2021-44228)");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[COMPUTES, WALK, OBJECT, CALL, STATEMENT, LOOKUP];

/// Every expression begins with one of these.
pub(crate) const NEEDS: Marks = Marks::BRACE.or(Marks::LESS);

/// The longest expression read.
const EXPRESSION_BYTES_MAX: usize = 600;

/// Bytes of all expressions of one text.
const EXPRESSIONS_BYTES_MAX: usize = 200_000;

/// What an expression costs besides its bytes.
const EXPRESSION_COST: usize = 64;

/// How expressions begin and end.
const BRACKETS: &[(&[u8], &[u8])] = &[
    (b"{{", b"}}"),
    (b"${", b"}"),
    (b"#{", b"}"),
    (b"*{", b"}"),
    (b"@{", b"}"),
    (b"{%", b"%}"),
    (b"<%", b"%>"),
    (b"<#", b">"),
    (b"{#", b"#}"),
];

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    if !judging.spend(text.bytes.len()) {
        return;
    }
    let short = memchr::memchr(b'\n', text.bytes.trim_ascii()).is_none();
    let (mut at, mut read) = (0, 0);
    while read < EXPRESSIONS_BYTES_MAX {
        let Some((start, open, close)) = next(text.bytes, at) else { return };
        let inner_at = start + open.len();
        let rest = text.bytes.get(inner_at..).unwrap_or_default();
        let near = rest.get(..rest.len().min(EXPRESSION_BYTES_MAX)).unwrap_or_default();
        // An engine refuses what is not closed.
        let cut = near.len() < rest.len();
        let Some(end) = memchr::memmem::find(near, close).or(cut.then_some(near.len())) else {
            at = inner_at;
            continue;
        };
        let inner = near.get(..end).unwrap_or_default();
        read += inner.len() + EXPRESSION_COST;
        if !judging.spend(inner.len() * 4) {
            return;
        }
        // `<%s` is a format of C.
        if open == b"<%" && inner.first().is_some_and(u8::is_ascii_alphanumeric) {
            at = inner_at;
            continue;
        }
        let inner = inner.trim_ascii();
        let alone = start == 0 && text.bytes.len() <= inner_at + end + close.len() + 8;
        if let Some(rule) = expression(open, inner, alone, short) {
            judging.found(rule, text, start..inner_at + end);
        }
        at = inner_at;
    }
    // More expressions than any page has: what is behind them was not looked at.
    judging.findings.exhausted = true;
}

/// The next beginning of an expression from a place on.
fn next(text: &[u8], from: usize) -> Option<(usize, &'static [u8], &'static [u8])> {
    let mut at = from;
    loop {
        let sign = at + memchr::memchr2(b'{', b'<', text.get(at..)?)?;
        // `${` begins before its brace, `{{` and `<%` at their own.
        for found in [sign.checked_sub(1).filter(|before| *before >= from), Some(sign)].into_iter().flatten() {
            let here = text.get(found..found + 2).unwrap_or_default();
            if let Some((open, close)) = BRACKETS.iter().find(|(open, _)| *open == here) {
                return Some((found, open, close));
            }
        }
        at = sign + 1;
    }
}

/// What an expression does; `short`: it was sent by itself or in a line, not in a listing.
fn expression(open: &[u8], inner: &[u8], alone: bool, short: bool) -> Option<&'static Rule> {
    let lower = inner.to_ascii_lowercase();
    if open == b"${" && lookup(&lower) {
        return Some(&LOOKUP);
    }
    if walks(&lower) {
        return Some(&WALK);
    }
    match open {
        b"{%" | b"<%" | b"<#" => statement(&lower, open),
        b"{#" => None,
        _ if short && computes(inner) => Some(&COMPUTES),
        _ if object(&lower, alone) => Some(&OBJECT),
        b"{{" if memchr::memchr(b'(', inner).is_some() => Some(&CALL),
        _ => None,
    }
}

/// `${jndi:ldap://…}`, also nested: `${${lower:j}ndi:…}`.
fn lookup(lower: &[u8]) -> bool {
    let finds = |what: &[u8]| memchr::memmem::find(lower, what).is_some();
    lower.starts_with(b"jndi:")
        || [&b"${lower:"[..], b"${upper:", b"${::-", b"${env:", b"${sys:", b"${date:"].iter().any(|p| lower.starts_with(p))
        || (finds(b"ndi:") && finds(b"://"))
}

/// Whether an expression goes to the classes, globals or builtins behind an object.
fn walks(lower: &[u8]) -> bool {
    const STEPS: &[&[u8]] = &[
        b"__class__",
        b"__mro__",
        b"__base",
        b"__subclasses__",
        b"__globals__",
        b"__builtins__",
        b"__import__",
        b"__init__",
        b"__getattribute__",
        b"__getitem__",
        b"__dict__",
        b"|attr(",
        b"| attr(",
        b"|attr (",
        b"mro()",
        b"lipsum",
        b"cycler.",
        b"joiner.",
        b"popen(",
        b"getruntime",
        b"t(java.",
        b"java.lang",
        b"processbuilder",
        b"?new()",
        b"execute\"",
        b"registerundefinedfiltercallback",
        b"constructor.constructor",
        b"class.classloader",
        b"_self.env",
        b"application.__",
        b"get_flashed_messages.",
        b"url_for.",
        b"os.system",
        b"subprocess.",
        b"self.module.",
        b"namespace.",
        b"\\x5f\\x5f",
        b"forname(",
        b".getclass",
        b"child_process",
    ];
    STEPS.iter().any(|step| memchr::memmem::find(lower, step).is_some())
}

/// Whether nothing but constants is computed: `7*7`, `7*'7'`, `'a'.upper()`, `"a".join("bc")`.
fn computes(inner: &[u8]) -> bool {
    let first_part = inner.split(|b| *b == b'|').next().unwrap_or_default();
    let signs = inner.iter().any(|b| matches!(b, b'*' | b'/' | b'+' | b'-' | b'%' | b'~' | b'|' | b'^'));
    let digits = first_part.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = first_part.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let first = inner.iter().find(|b| !matches!(b, b'(' | b'{' | b' ' | b'-' | b'@' | b'='));
    let sum = signs && digits >= 2 && letters <= 3 && first.is_some_and(|b| b.is_ascii_digit() || matches!(b, b'\'' | b'"'));
    let literal = (matches!(inner.first(), Some(b'\'' | b'"' | b'[')) || inner.starts_with(b"()"))
        && inner.windows(2).any(|w| matches!(w, [b'\'' | b'"' | b']' | b')', b'.' | b'[' | b'|'] | [b'\'' | b'"', b'*' | b'%']))
        && memchr::memchr(b':', inner).is_none();
    let nested =
        [&b"@print("[..], b"print(", b"@system(", b"phpinfo(", b"system(", b"md5("].iter().any(|call| inner.starts_with(call));
    sum || literal || nested
}

/// Whether an expression asks for the engine's or the app's own objects; their bare names count where nothing else is sent.
fn object(lower: &[u8], alone: bool) -> bool {
    let begins = |names: &[&[u8]], next: &[u8]| {
        names.iter().any(|n| lower.strip_prefix(*n).is_some_and(|r| r.first().is_some_and(|b| next.contains(b))))
    };
    let members =
        begins(&[b"config", b"settings", b"self", b"request.environ", b"request.application", b"g", b"app", b"session"], b".[")
            && [&b"secret"[..], b"items(", b"environ", b"from_object", b"_tojson", b"__", b"database", b"password", b"key"]
                .iter()
                .any(|m| memchr::memmem::find(lower, m).is_some());
    let bare = matches!(
        lower,
        b"config"
            | b"self"
            | b"settings"
            | b"request.environ"
            | b"dump(app)"
            | b"app.request.server.all|join(',')"
            | b"config|pprint"
            | b"debug"
            | b"."
    );
    members || (alone && bare)
}

/// Whether a statement does more than templates do all day.
fn statement(lower: &[u8], open: &[u8]) -> Option<&'static Rule> {
    let lower = lower.strip_prefix(b"=").unwrap_or(lower).trim_ascii();
    let first = |word: &[u8]| lower.strip_prefix(word).filter(|rest| rest.first().is_none_or(|b| !b.is_ascii_alphanumeric()));
    if first(b"debug").is_some_and(<[u8]>::is_empty) {
        return Some(&STATEMENT);
    }
    for word in [&b"include"[..], b"import", b"from", b"extends", b"ssi"] {
        let Some(rest) = first(word) else { continue };
        let path = rest.trim_ascii().trim_ascii_start();
        let reads = path.starts_with(b"'/") || path.starts_with(b"\"/") || memchr::memmem::find(path, b"../").is_some();
        if reads || (open == b"<%" && word == b"import" && path.starts_with(b"os")) {
            return Some(&STATEMENT);
        }
    }
    (open != b"{%" && memchr::memchr(b'\n', lower).is_none() && computes(lower)).then_some(&COMPUTES)
}
