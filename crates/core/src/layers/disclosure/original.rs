//! The app's own answer as it may be written down: readable, shortened, and without secrets (CWE-532).

use crate::{exchange::Request, record::is_secret_name};
use http::header;
use regex::{Captures, Regex};
use std::{borrow::Cow, sync::LazyLock};

/// The text from its last traceback on, without markup, with secrets masked.
pub(super) fn shown(body: &[u8], request: &Request, bytes_max: usize) -> String {
    let text = String::from_utf8_lossy(body);
    let text = if looks_like_html(&text) { plain(&text) } else { text };
    let start = text.rfind("Traceback (most recent call last)").unwrap_or(0);
    // The margin is cut off after masking, so that no half of a secret stays at the edge.
    let part = cut(text.get(start..).unwrap_or(&text), bytes_max.saturating_mul(2));
    let masked = mask(&without_own_secrets(part, request));
    let clean: String = masked.chars().filter(|&c| c == '\n' || !c.is_control()).collect();
    let short = cut(clean.trim(), bytes_max);
    if short.len() < clean.trim().len() { format!("{short}…") } else { short.to_owned() }
}

fn looks_like_html(text: &str) -> bool {
    let start = cut(text.trim_start(), 64).to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

/// The text of a page. Comments stay: Werkzeug writes the plain traceback into one.
fn plain(page: &str) -> Cow<'_, str> {
    let text = replace(&MARKUP, page, |_| String::new());
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#34;", "\"");
    let text = text.replace("&#39;", "'").replace("&#x27;", "'").replace("&amp;", "&");
    Cow::Owned(replace(&BLANK_LINES, &text, |_| "\n".to_owned()).into_owned())
}

static MARKUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?is)<!--|-->|<script\b.*?</script\s*>|<style\b.*?</style\s*>|<svg\b.*?</svg\s*>|</?[a-z!][^<>]*>").ok()
});
static BLANK_LINES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\s*\n\s*\n").ok());
static PRIVATE_KEY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*-----|\z)").ok());
static HEADER_LINE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?im)^(\s*(?:set-cookie|cookie|(?:proxy-)?authorization)\s*[:=]\s*).+$").ok());
static PARAMETERS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?s)\[parameters: .*?\]").ok());
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(://[^\s:@/]*):[^\s@/]+@").ok());
static NAMED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"([\w-]+)(\\*["']?\s*(?:=>|==?|:)\s*)(\\*"[^"\n]*"|\\*'[^'\n]*'|[^\s,;&<>)}\]]+)"#).ok());
/// A debug page's tables: a name, and its value on the next line.
static ROW: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?m)^([ \t]*)([\w-]+)(\s*\n\s*)([^\n]+)$").ok());
static OPAQUE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[A-Za-z0-9_+=-]{20,}").ok());
static SQL_LITERAL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:VALUES|WHERE|SET|AND|OR|LIKE|IN)\b[^'\n]{0,80}'[^'\n]*'(?:\s*,\s*'[^'\n]*')*").ok());

const MASK: &str = "***";

fn mask(text: &str) -> String {
    let text = replace(&PRIVATE_KEY, text, |_| "(private key, masked)".to_owned());
    let text = replace(&HEADER_LINE, &text, |found| format!("{}{MASK}", group(found, 1)));
    let text = replace(&PARAMETERS, &text, |_| format!("[parameters: {MASK}]"));
    let text = replace(&ADDRESS, &text, |found| format!("{}:{MASK}@", group(found, 1)));
    let text = replace(&NAMED, &text, named);
    let text = replace(&ROW, &text, row);
    let text = replace(&SQL_LITERAL, &text, sql_literal);
    replace(&OPAQUE, &text, opaque).into_owned()
}

/// A value under the name of a secret. The name of an exception is none, though it may say `Key`.
fn named(found: &Captures<'_>) -> String {
    let (name, between) = (group(found, 1), group(found, 2));
    let secret = is_secret_name(name) && !name.ends_with("Error") && !name.ends_with("Exception");
    if secret { format!("{name}{between}{MASK}") } else { group(found, 0).to_owned() }
}

fn row(found: &Captures<'_>) -> String {
    let (indent, name, between) = (group(found, 1), group(found, 2), group(found, 3));
    if is_secret_name(name) { format!("{indent}{name}{between}{MASK}") } else { group(found, 0).to_owned() }
}

/// A statement with values written into it: the words stay, the values go.
fn sql_literal(found: &Captures<'_>) -> String {
    let text = group(found, 0);
    let words = text.find('\'').and_then(|at| text.get(..at)).unwrap_or_default();
    format!("{words}'{MASK}'")
}

/// What looks like a token: long, of letters and digits.
fn opaque(found: &Captures<'_>) -> String {
    let text = group(found, 0);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().any(|b| b.is_ascii_alphabetic());
    if digits >= 2 && letters { MASK.to_owned() } else { text.to_owned() }
}

/// The request's own cookies and credentials, should the app have printed them.
fn without_own_secrets<'a>(text: &'a str, request: &Request) -> Cow<'a, str> {
    let credentials = request.header(header::AUTHORIZATION).into_iter().flat_map(|value| value.split(' ').skip(1));
    let cookies = request.cookies().map(|(_, value)| value.trim_matches('"'));
    let query = request.target.query().unwrap_or_default();
    let named = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(name, _)| is_secret_name(name));
    let secrets = credentials.chain(cookies).chain(named.map(|(_, value)| value)).filter(|secret| secret.len() >= 6);
    secrets.take(SECRETS_MAX).fold(Cow::Borrowed(text), |text, secret| match text.contains(secret) {
        true => Cow::Owned(text.replace(secret, MASK)),
        false => text,
    })
}

/// At most this many of a request's own secrets are looked for.
const SECRETS_MAX: usize = 64;

fn group<'t>(found: &Captures<'t>, index: usize) -> &'t str {
    found.get(index).map_or("", |part| part.as_str())
}

fn replace<'t>(pattern: &LazyLock<Option<Regex>>, text: &'t str, with: impl FnMut(&Captures<'_>) -> String) -> Cow<'t, str> {
    match pattern.as_ref() {
        Some(pattern) => pattern.replace_all(text, with),
        None => Cow::Borrowed(""), // cannot be: a test builds them all; if it were, nothing leaks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_builds() {
        let all = [&MARKUP, &BLANK_LINES, &PRIVATE_KEY, &HEADER_LINE, &PARAMETERS, &ADDRESS, &NAMED, &ROW, &OPAQUE, &SQL_LITERAL];
        assert!(all.iter().all(|pattern| pattern.is_some()));
    }

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        let text = mask(
            "KeyError: 'name'\npassword='hunter2' user=bob\npostgresql://app:swordfish@db/x\n[parameters: ('a', 'hunter2')]\n\
             INSERT INTO t VALUES ('hunter2', 'b')\nCookie: a=hunter2; b=2\n{'api_key': 'hunter2'}\ntok 9f8a7b6c5d4e3f2a1b0c9d8e\n\
             password\n    'hunter2'\nuser\n    'bob'",
        );
        assert!(!text.contains("hunter2") && !text.contains("swordfish") && !text.contains("9f8a"), "{text}");
        assert!(
            text.contains("KeyError: 'name'") && text.contains("user=bob") && text.contains("INSERT INTO t VALUES"),
            "{text}"
        );
    }

    #[test]
    fn a_page_becomes_its_text() {
        let page = "<!doctype html><style>a{}</style><h1>A &lt;b&gt;</h1><!--\n\nTraceback &amp; more\n\n\n-->";
        assert_eq!(plain(page).trim(), "A <b>\nTraceback & more");
    }
}
