//! Python expressions (CWE-95): values that `eval`, `exec` or `str.format` would turn into code.

use crate::{
    finding::{Judging, Rule, Text},
    leave::leaves,
    marks::Marks,
};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 95, about }
}

const WALK: Rule = rule("python.walk", 8, "a walk over attributes to all classes, globals or builtins");
const DUNDER: Rule = rule("python.dunder", 3, "a special attribute by itself, as code and texts about Python have it");
const FORMAT: Rule = rule("python.format", 7, "a format string that walks attributes");
const IMPORT: Rule = rule("python.import", 8, "an import within an expression");
const STRING: Rule = rule("python.string", 7, "a closed quote of Python and a call");
const CALL: Rule = rule("python.call", 6, "a value that as a whole is a call that runs or reads something");
const POLLUTION: Rule =
    Rule { name: "python.pollution", score: 8, cwe: 915, about: "a name that leads into the class or globals of an object" };

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[WALK, DUNDER, FORMAT, IMPORT, STRING, CALL, POLLUTION];

/// Special attributes have underscores, calls have brackets.
pub(crate) const NEEDS: Marks = Marks::UNDER.or(Marks::OPEN);

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes;
    if !judging.spend(value.len()) {
        return;
    }
    if text.marks.any(Marks::UNDER)
        && let Some((rule, at)) = dunders(value, text)
    {
        judging.found(rule, text, at..value.len());
    }
    if !text.marks.any(Marks::OPEN) {
        return;
    }
    for quote in [b'\'', b'"'] {
        let Some(at) = memchr::memchr(quote, value) else { continue };
        let after = value.get(at + 1..).unwrap_or_default();
        // `'%20`: an escaped space, which is one in another view; there the same is found.
        let escape = after.starts_with(b"%20");
        if !escape && let Some(length) = leaves(after, sink, invoked) {
            judging.found(&STRING, text, at..at + 1 + length);
        }
    }
    if whole(value) {
        judging.found(&CALL, text, 0..value.len());
    }
}

/// Attributes that lead from any object to code.
const STEPS: &[&[u8]] = &[
    b"mro",
    b"base",
    b"bases",
    b"subclasses",
    b"globals",
    b"builtins",
    b"import",
    b"reduce",
    b"reduce_ex",
    b"code",
    b"closure",
    b"getattribute",
    b"loader",
    b"spec",
];

/// Judges the special attributes of a text.
fn dunders(value: &[u8], text: &Text<'_>) -> Option<(&'static Rule, usize)> {
    let short = value.len() <= 300 && memchr::memchr(b'\n', value).is_none();
    let (mut at, mut previous, mut first) = (0, None::<usize>, None);
    while let Some(found) = memchr::memmem::find(value.get(at..)?, b"__") {
        let start = at + found;
        let Some((name, end)) =
            dunder(value, start).filter(|(name, end)| text.place != crate::Where::Name || leads(value, start, name, *end))
        else {
            at = start + 2;
            continue;
        };
        first = first.or(Some(start));
        let step = STEPS.contains(&name);
        if name == b"import" && imports(value.get(end..)?) {
            return Some((&IMPORT, start));
        }
        if step && in_braces(value, start) {
            return Some((&FORMAT, start));
        }
        // Two in one chain: `__class__.__mro__`, `__init__['__globals__']`.
        let chained = previous
            .is_some_and(|before| start.saturating_sub(before) <= 24 && is_chain(value.get(before..start).unwrap_or_default()));
        let used = matches!(value.get(end), Some(b'[' | b'(' | b'.'))
            && matches!(name, b"globals" | b"subclasses" | b"builtins" | b"mro");
        let alone = used && start == 0;
        let last = attribute_alone(value, start, end) && matches!(name, b"globals" | b"subclasses" | b"builtins");
        // In longer code a class's bases are ordinary; its globals and subclasses are not.
        let deep = matches!(name, b"globals" | b"subclasses" | b"builtins" | b"import") || short;
        if step && deep && (chained || alone || last || (used && !before_is_space(value, start))) {
            let name_of = text.place == crate::Where::Name;
            return Some((if name_of { &POLLUTION } else { &WALK }, start));
        }
        previous = Some(end);
        at = end;
    }
    let place = first?;
    let named = text.place == crate::Where::Name;
    Some((if named { &POLLUTION } else { &DUNDER }, place))
}

/// Whether a parameter's name has a special attribute there. Django's lookups have underscores within words (`author__name__in`), and
/// its formsets number their forms where they say `__prefix__`.
fn leads(value: &[u8], start: usize, name: &[u8], end: usize) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| value.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    name != b"prefix" && !word(start.checked_sub(1)) && !word(Some(end))
}

/// The special name at a place and its end: `__name__`.
fn dunder(value: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let inner = value.get(start + 2..)?;
    let length = inner.iter().take(24).take_while(|b| b.is_ascii_lowercase() || **b == b'_').count();
    let name = inner.get(..length)?;
    let end = memchr::memmem::find(name, b"__").filter(|end| *end > 0)?;
    Some((name.get(..end)?, start + end + 4))
}

/// Whether nothing but signs and short calls stand between two names of a chain.
fn is_chain(between: &[u8]) -> bool {
    !between.is_empty()
        && between.iter().all(|b| !b.is_ascii_whitespace())
        && matches!(between.first(), Some(b'.' | b'[' | b'(' | b'|' | b'"' | b'\'' | b')' | b']'))
}

/// Whether the value is one expression without spaces that ends with this attribute.
fn attribute_alone(value: &[u8], start: usize, end: usize) -> bool {
    let before = value.get(..start).unwrap_or_default();
    end == value.len() && before.len() < 256 && before.last() == Some(&b'.') && !before.iter().any(u8::is_ascii_whitespace)
}

fn before_is_space(value: &[u8], start: usize) -> bool {
    value.get(..start).and_then(<[u8]>::last).is_none_or(|b| b.is_ascii_whitespace() || *b == b'`')
}

/// `__import__('os')` with a module that does harm.
fn imports(after: &[u8]) -> bool {
    let inner = after.strip_prefix(b"(").unwrap_or_default().trim_ascii_start();
    let name = inner.get(1..).unwrap_or_default();
    let modules = [
        &b"os"[..],
        b"subprocess",
        b"sys",
        b"pty",
        b"socket",
        b"builtins",
        b"importlib",
        b"commands",
        b"shutil",
        b"time",
        b"ctypes",
        b"platform",
        b"urllib",
    ];
    matches!(inner.first(), Some(b'\'' | b'"')) && modules.iter().any(|m| name.starts_with(m))
}

/// Whether a place stands in `{…}` as `str.format` reads it: `{user.__init__.__globals__}`.
fn in_braces(value: &[u8], at: usize) -> bool {
    let before = value.get(at.saturating_sub(120)..at).unwrap_or_default();
    let Some(open) = memchr::memrchr(b'{', before) else { return false };
    let inside = before.get(open + 1..).unwrap_or_default();
    let twice = open > 0 && before.get(open - 1) == Some(&b'{');
    !twice && inside.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'[' | b']'))
}

fn sink(word: &[u8]) -> bool {
    matches!(
        word,
        b"os"
            | b"subprocess"
            | b"eval"
            | b"exec"
            | b"open"
            | b"__import__"
            | b"globals"
            | b"locals"
            | b"compile"
            | b"getattr"
            | b"pty"
            | b"breakpoint"
    )
}

/// Whether a name is called, or its function that runs something is.
fn invoked(after: &[u8]) -> bool {
    let after = after.trim_ascii_start();
    match after.strip_prefix(b".") {
        None => after.starts_with(b"("),
        Some(member) => runs(member),
    }
}

/// A function that runs something, called.
fn runs(member: &[u8]) -> bool {
    const FUNCTIONS: &[&[u8]] = &[
        b"system(",
        b"popen(",
        b"Popen(",
        b"check_output(",
        b"call(",
        b"run(",
        b"getoutput(",
        b"exec",
        b"spawn",
        b"fork(",
        b"environ",
        b"remove(",
        b"unlink(",
        b"listdir(",
        b"check_call(",
        b"getstatusoutput(",
    ];
    FUNCTIONS.iter().any(|f| member.starts_with(f))
}

/// A value that as a whole is a call; within a longer code it is content.
fn whole(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    if value.len() > 1024
        || memchr::memchr(b'\n', value).is_some()
        || !matches!(value.last(), Some(b')' | b']' | b'\'' | b'"' | b'#'))
    {
        return false;
    }
    let mut rest = value;
    for prefix in [
        &b"import os;"[..],
        b"import os,sys;",
        b"import subprocess;",
        b"import pty;",
        b"from os import system;",
        b"print(",
        b"str(",
        b"exec(",
        b"eval(",
    ] {
        rest = rest.strip_prefix(prefix).map_or(rest, |r| r.trim_ascii_start());
    }
    let code = rest.len() < value.len()
        && value.starts_with(b"e")
        && matches!(rest.first(), Some(b'\'' | b'"' | b'_' | b'b' | b'c' | b'r'));
    let module = [&b"os."[..], b"subprocess.", b"posix.", b"pty."].iter().any(|m| rest.strip_prefix(*m).is_some_and(runs));
    let reads = rest.starts_with(b"open('/")
        || rest.starts_with(b"open(\"/")
        || rest.starts_with(b"system('")
        || rest.starts_with(b"().__")
        || rest.starts_with(b"globals()[");
    code || module || reads
}
