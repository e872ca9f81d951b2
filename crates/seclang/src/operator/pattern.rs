//! From the notation of PCRE to that of `regex-automata`: the same meaning, or a named refusal.
//!
//! The two notations agree on most of the text and differ in silence on the rest: `\<`, `\v`, `[a&&b]`, `a++` and `[[a]` all are
//! valid in both and mean different things. So nothing is passed through that was not understood: literals leave as letters,
//! digits or `\xHH`, classes are taken apart and written anew. The result is ASCII. One liberty is taken: with possessive quantifiers.
//!
//! Patterns match bytes: a character of several bytes in a class is that many members, as PCRE has it without its UTF mode.

mod class;
mod escape;

use std::error::Error as _;

use regex_automata::nfa::thompson;
use regex_automata::util::syntax::Config;
use thiserror::Error;

use escape::Escape;

/// The deepest nesting of groups.
const NESTING_MAX: u32 = 200;

/// The largest automaton a pattern may need, in bytes. The largest of the Core Rule Set needs a sixteenth of it.
const AUTOMATON_BYTES_MAX: usize = 4 << 20;

/// The longest pattern, in bytes. The longest of the Core Rule Set has a fifth of it.
const PATTERN_BYTES_MAX: usize = 64 << 10;

/// Why a pattern was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PatternError {
    /// It is valid elsewhere, but linear time cannot be promised for it, or its meaning here is not the same.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// It is faulty.
    #[error("{0}")]
    Faulty(String),
}

/// How rewritten patterns are to be parsed: bytes, ASCII classes, `.` matches a newline too.
pub fn syntax() -> Config {
    Config::new().unicode(false).utf8(false).dot_matches_new_line(true).nest_limit(NESTING_MAX)
}

/// Whether the rewritten pattern parses, and its automaton has a bearable size.
pub(super) fn check(pattern: &str) -> Result<(), PatternError> {
    let config = thompson::Config::new().nfa_size_limit(Some(AUTOMATON_BYTES_MAX));
    match thompson::Compiler::new().configure(config).syntax(syntax()).build(pattern) {
        Ok(_) => Ok(()),
        Err(error) if error.size_limit().is_some() => Err(PatternError::Unsupported("a pattern that needs more than 4 MiB")),
        Err(error) => Err(PatternError::Faulty(error.source().map_or_else(|| error.to_string(), ToString::to_string))),
    }
}

/// The length in bytes of the shortest value that a rewritten pattern matches.
pub(crate) fn length_min(pattern: &str) -> usize {
    let parsed = regex_automata::util::syntax::parse_with(pattern, &syntax());
    parsed.ok().and_then(|parsed| parsed.properties().minimum_len()).unwrap_or(0)
}

/// Rewrites a pattern.
pub(super) fn rewrite(source: &[u8]) -> Result<String, PatternError> {
    if source.len() > PATTERN_BYTES_MAX {
        return Err(PatternError::Unsupported("a pattern of more than 64 KiB"));
    }
    let mut out = String::with_capacity(source.len() + 16);
    let mut rest = source;
    while let [first, tail @ ..] = rest {
        rest = match first {
            b'\\' => escaped(tail, &mut out)?,
            b'[' => class::rewrite(tail, &mut out)?,
            b'(' => group(tail, &mut out)?,
            b'*' | b'+' | b'?' => quantified(rest, 1, &mut out),
            b'{' if let Some(length) = counted(rest) => quantified(rest, length, &mut out),
            b'.' | b'^' | b'$' | b'|' | b')' => {
                out.push(char::from(*first));
                tail
            }
            _ => {
                literal(*first, &mut out);
                tail
            }
        };
    }
    Ok(out)
}

/// Writes a byte so that it means itself, in and out of classes.
fn literal(byte: u8, out: &mut String) {
    if byte.is_ascii_alphanumeric() {
        out.push(char::from(byte));
    } else {
        out.push_str(&format!("\\x{byte:02x}"));
    }
}

fn escaped<'a>(text: &'a [u8], out: &mut String) -> Result<&'a [u8], PatternError> {
    if let [b'Q', quoted @ ..] = text {
        let end = memchr::memmem::find(quoted, b"\\E").unwrap_or(quoted.len());
        quoted.iter().take(end).for_each(|&byte| literal(byte, out));
        return Ok(quoted.get(end + 2..).unwrap_or_default());
    }
    let (escape, after) = escape::read(text, escape::Place::Outside)?;
    match escape {
        Escape::Byte(byte) => literal(byte, out),
        Escape::Set(set) => out.push_str(&format!("[{set}]")),
        Escape::Other(written) => out.push_str(written),
    }
    Ok(after)
}

/// Copies what begins a group.
fn group<'a>(text: &'a [u8], out: &mut String) -> Result<&'a [u8], PatternError> {
    let refused = |what| Err(PatternError::Unsupported(what));
    match text {
        [b'?', b'#', comment @ ..] => {
            Ok(memchr::memchr(b')', comment).and_then(|end| comment.get(end + 1..)).unwrap_or_default())
        }
        [b'?', b'!', word @ ..] if let Some(word) = last_word(word) => {
            not_followed_by(word, out);
            Ok(&[])
        }
        [b'?', b'=' | b'!', ..] | [b'?', b'<', b'=' | b'!', ..] => refused("look-around"),
        [b'?', b'>', ..] => refused("an atomic group"),
        [b'?', b'|', ..] => refused("a branch reset"),
        [b'?', b'(', ..] => refused("a conditional group"),
        [b'?', b'R' | b'&' | b'+' | b'0'..=b'9', ..] | [b'?', b'P', b'>' | b'=', ..] => refused("recursion"),
        [b'?', b'P', b'<', name @ ..] | [b'?', b'<', name @ ..] => named(name, b'>', out),
        [b'?', b'\'', name @ ..] => named(name, b'\'', out),
        [b'?', flags @ ..] => flagged(flags, out),
        [b'*', ..] => refused("a verb"),
        _ => {
            out.push('(');
            Ok(text)
        }
    }
}

/// The word of a look-ahead that ends the pattern.
fn last_word(text: &[u8]) -> Option<&[u8]> {
    text.strip_suffix(b")").filter(|word| !word.is_empty() && word.len() < 32 && word.iter().all(u8::is_ascii_alphanumeric))
}

/// "No such word follows", `(?!abc)` at the end of a pattern, said without looking ahead: here the value ends, or another byte
/// than `a` follows, or `a` does and after it the same of `bc`. (The match so takes some bytes more.)
fn not_followed_by(word: &[u8], out: &mut String) {
    for &byte in word {
        let byte = char::from(byte);
        out.push_str(&format!("(?:\\z|[^{byte}]|{byte}"));
    }
    out.push_str("[^\\x00-\\xff]");
    out.push_str(&")".repeat(word.len()));
}

/// A named group is a numbered one here: rules know captures by number.
fn named<'a>(text: &'a [u8], end: u8, out: &mut String) -> Result<&'a [u8], PatternError> {
    out.push('(');
    let end = memchr::memchr(end, text).ok_or_else(|| PatternError::Faulty("the name of a group does not end".to_owned()))?;
    Ok(text.get(end + 1..).unwrap_or_default())
}

/// `(?i)`, `(?s-m:`: the flags that both notations share.
fn flagged<'a>(text: &'a [u8], out: &mut String) -> Result<&'a [u8], PatternError> {
    let length = text.iter().take_while(|byte| matches!(byte, b'i' | b'm' | b's' | b'U' | b'-')).count();
    match text.split_at_checked(length) {
        Some((flags, [end @ (b':' | b')'), after @ ..])) => {
            if !(flags.is_empty() && *end == b')') {
                out.push_str("(?");
                out.extend(flags.iter().chain([end]).map(|&byte| char::from(byte)));
            }
            Ok(after)
        }
        Some((_, [b'x', ..])) => Err(PatternError::Unsupported("free spacing (the flag `x`)")),
        _ => Err(PatternError::Unsupported("this kind of group")),
    }
}

/// The length of a counted repetition (`{2}`, `{2,}`, `{2,5}`); any other brace is a literal.
fn counted(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let least = digits(1);
    let comma = usize::from(text.get(1 + least) == Some(&b','));
    let end = 1 + least + comma + if comma == 1 { digits(2 + least) } else { 0 };
    (least > 0 && text.get(end) == Some(&b'}')).then_some(end + 1)
}

/// Copies a quantifier of that length and the `?` that makes it reluctant. A possessive one (`*+`) is read as greedy: what it is
/// for, to spare a backtracking engine work, needs no sparing here. It matches all that the possessive one does.
fn quantified<'a>(text: &'a [u8], length: usize, out: &mut String) -> &'a [u8] {
    let (quantifier, after) = text.split_at_checked(length).unwrap_or((text, &[]));
    out.extend(quantifier.iter().map(|&byte| char::from(byte)));
    if let [b'?', ..] = after {
        out.push('?');
    }
    after.strip_prefix(b"?").or(after.strip_prefix(b"+")).unwrap_or(after)
}
