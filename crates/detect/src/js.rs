//! Values that leave a string of a script, or are a script (CWE-79).
//!
//! Pages put values into `"…"` in their scripts. A value that closes the quote must go on with an operator or a bracket before it can
//! call something; prose and code that merely has quotes in it does not.

use crate::{
    finding::{Judging, Rule, Text},
    leave::{TAIL_BYTES_MAX, leaves},
    marks::Marks,
};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 79, about }
}

const STRING: Rule = rule("js.string", 7, "a closed quote of a script and a call");
const CALL: Rule = rule("js.call", 6, "a call of the browser's functions, written so that filters miss it");
const CALL_PLAIN: Rule = rule("js.call-plain", 4, "a call of the browser's functions");
const THEFT: Rule = rule("js.theft", 6, "a script that takes what the browser keeps elsewhere");
const PROTOTYPE: Rule = rule("js.prototype", 6, "a walk to a constructor or prototype");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[STRING, CALL, CALL_PLAIN, THEFT, PROTOTYPE];

/// A quote to close, a call or a member.
pub(crate) const NEEDS: Marks =
    Marks::SINGLE.or(Marks::DOUBLE).or(Marks::OPEN).or(Marks::TICK).or(Marks::SQUARE).or(Marks::UNDER);

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    for quote in [b'\'', b'"', b'`'] {
        let Some(at) = memchr::memchr(quote, text.bytes) else { continue };
        let tail = text.bytes.get(at + 1..).unwrap_or_default();
        if !judging.spend(tail.len().min(TAIL_BYTES_MAX)) {
            return;
        }
        // `'%20`: an escaped space, which is one in another view; there the same is found.
        if !tail.starts_with(b"%20")
            && let Some(length) = leaves(tail, sink, invoked)
        {
            judging.found(&STRING, text, at..at + 1 + length);
        }
    }
    if let Some(rule) = whole(text.bytes) {
        judging.found(rule, text, 0..text.bytes.len());
    }
    if text.marks.any(Marks::UNDER.or(Marks::OPEN).or(Marks::SQUARE)) && prototype(text.bytes) {
        judging.found(&PROTOTYPE, text, 0..text.bytes.len());
    }
}

/// A function or object of browsers that scripts of attackers begin with.
fn sink(word: &[u8]) -> bool {
    matches!(
        word,
        b"alert"
            | b"confirm"
            | b"prompt"
            | b"eval"
            | b"atob"
            | b"fetch"
            | b"document"
            | b"window"
            | b"location"
            | b"setTimeout"
            | b"setInterval"
            | b"Function"
            | b"constructor"
            | b"import"
            | b"globalThis"
            | b"XMLHttpRequest"
            | b"localStorage"
            | b"execScript"
    )
}

/// Whether a name is called, or has a member taken or assigned.
fn invoked(after: &[u8]) -> bool {
    let after = after.trim_ascii_start();
    let after = after.strip_prefix(b"?.").unwrap_or(after);
    let after = after.strip_prefix(b")").unwrap_or(after);
    matches!(after.first(), Some(b'(' | b'`' | b'[' | b'='))
        || (after.first() == Some(&b'.') && after.get(1).is_some_and(u8::is_ascii_alphabetic))
}

/// A value that as a whole is a call.
fn whole(value: &[u8]) -> Option<&'static Rule> {
    let value = value.trim_ascii();
    if value.starts_with(b"[") && [&b"(alert)"[..], b"(confirm)", b"(prompt)", b"(eval)"].iter().any(|end| value.ends_with(end)) {
        return Some(&CALL);
    }
    let open = value.iter().take_while(|b| matches!(b, b'(' | b'[' | b'!' | b'+' | b'~' | b';' | b'{')).count();
    let inner = value.get(open..)?;
    let length = inner.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$')).count();
    let (name, after) = (inner.get(..length)?, inner.get(length..)?);
    if sink(name) && invoked(after) && closed(value) && takes_away(after) {
        return Some(&THEFT);
    }
    if !matches!(
        name,
        b"alert"
            | b"confirm"
            | b"prompt"
            | b"eval"
            | b"document"
            | b"window"
            | b"top"
            | b"self"
            | b"setTimeout"
            | b"setInterval"
            | b"Function"
    ) || !closed(value)
    {
        return None;
    }
    let odd = [&b"?."[..], b".call(", b".apply(", b".bind(", b"`", b"[", b")("].iter().any(|p| after.starts_with(p));
    let dialog = matches!(name, b"alert" | b"confirm" | b"prompt");
    let trivial = dialog
        && [
            &b"(1)"[..],
            b"()",
            b"(document",
            b"(origin",
            b"(/",
            b"(window",
            b"(location",
            b"(String.",
            b"(XSS",
            b"('XSS",
            b"(\"XSS",
            b"('xss",
            b"(0x",
        ]
        .iter()
        .any(|p| after.starts_with(p));
    let hidden = name == b"eval"
        && [&b"(atob"[..], b"(String", b"(unescape", b"(name", b"(location", b"(decodeURI"].iter().any(|p| after.starts_with(p));
    if odd || trivial || hidden || (open > 0 && dialog && after.starts_with(b"(")) {
        return Some(&CALL);
    }
    matches!(after.first(), Some(b'(' | b'.')).then_some(&CALL_PLAIN)
}

/// An address of another host with cookies or storage put behind it: an ordinary script sends its own headers, not these.
fn takes_away(code: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(code, b"//") else { return false };
    let rest: Vec<u8> = code.iter().skip(at + 2).take(TAIL_BYTES_MAX).filter(|b| !b.is_ascii_whitespace()).copied().collect();
    [&b"+document.cookie"[..], b"{document.cookie", b"(document.cookie", b"+localStorage", b"(localStorage", b"+sessionStorage"]
        .iter()
        .any(|kept| memchr::memmem::find(&rest, kept).is_some())
}

/// A piece of code ends with a sign, a sentence about code goes on.
fn closed(value: &[u8]) -> bool {
    matches!(value.last(), Some(b')' | b'`' | b']' | b'}' | b';' | b'/'))
}

/// `constructor('…')`, `__proto__[`, `constructor.prototype`: on the way to code or to every object (CWE-1321).
fn prototype(value: &[u8]) -> bool {
    let finds = |what: &[u8]| memchr::memmem::find(value, what).is_some();
    let short = value.len() <= 256;
    let proto =
        short && finds(b"__proto__") && (value.starts_with(b"__proto__") || finds(b"__proto__[") || finds(b"[__proto__]"));
    let Some(at) = memchr::memmem::find(value, b"constructor") else { return proto };
    let from = value.get(at.saturating_sub(1)..).unwrap_or_default();
    let finds = |what: &[u8]| memchr::memmem::find(from, what).is_some();
    proto
        || (short && (finds(b"constructor[prototype]") || finds(b"constructor.prototype.")))
        || finds(b"constructor.constructor(")
        || finds(b".constructor('")
        || finds(b".constructor(\"")
        || finds(b"[constructor](")
}
