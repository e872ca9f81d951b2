//! SQL injection (CWE-89): does a value, put where apps put values, change the statement around it?
//!
//! A value stands in single quotes, double quotes, backquotes, a comment, or bare as a number or a name. In each of these places the
//! rest of the value after the place was left is cut into tokens, and the tokens must go on with a statement as some dialect
//! (SQLite, PostgreSQL, MySQL, SQL Server, Oracle) would. `O'Brien` leaves its quotes too, but what follows is no operator.
//!
//! A whole statement is no injection: no app puts a value where a statement begins. So `SELECT` in a text about SQL passes.

mod lex;
mod parse;
mod seen;
mod statement;
mod words;

use crate::{
    finding::{Judging, Rule, Text, Where},
    marks::Marks,
};
use lex::{Lexer, close};
use parse::read;
use seen::{Rest, Seen, Start, Tail};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 89, about }
}

const UNION: Rule = rule("sql.union", 9, "UNION SELECT that reads other tables");
const UNION_WORDS: Rule = rule("sql.union-words", 4, "UNION SELECT and words, as prose has them");
const STACKED: Rule = rule("sql.stacked", 9, "a semicolon and another statement");
const STACKED_WORDS: Rule = rule("sql.stacked-words", 4, "a semicolon and words that could be another statement");
const SUBSELECT: Rule = rule("sql.subselect", 8, "a SELECT within an expression");
const DANGER: Rule = rule("sql.function", 8, "a function that waits, reads files, runs commands or speaks through errors");
const OUTFILE: Rule = rule("sql.outfile", 9, "a result that is written into a file");
const TAUTOLOGY: Rule = rule("sql.tautology", 8, "a condition that is always true or always false");
const TAUTOLOGY_TALK: Rule = rule("sql.tautology-talk", 4, "a condition that is always true, in a text that is no SQL");
const BOOLEAN: Rule = rule("sql.boolean", 6, "a further condition behind a closed quote or number");
const BOOLEAN_WEAK: Rule = rule("sql.boolean-weak", 3, "words joined by AND or OR, as searches have them");
const PROBE: Rule = rule("sql.probe", 6, "a function that takes data apart, within an expression");
const CLAUSE: Rule = rule("sql.clause", 6, "ORDER BY, GROUP BY, HAVING or LIMIT behind a closed quote or number");
const CLAUSE_WEAK: Rule = rule("sql.clause-weak", 3, "a clause behind a name");
const COMMENT: Rule = rule("sql.comment", 6, "a closed quote and a comment that hides the rest of the statement");
const COMMENT_WEAK: Rule = rule("sql.comment-weak", 4, "a closed quote and two dashes or a hash, as prose has them");
const OPERATOR: Rule = rule("sql.operator", 3, "a closed quote, an operator and another quote");
const CASE: Rule = rule("sql.case", 6, "CASE WHEN with a condition that is a constant or a function");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[
    UNION,
    UNION_WORDS,
    STACKED,
    STACKED_WORDS,
    SUBSELECT,
    DANGER,
    OUTFILE,
    TAUTOLOGY,
    TAUTOLOGY_TALK,
    BOOLEAN,
    BOOLEAN_WEAK,
    PROBE,
    CLAUSE,
    CLAUSE_WEAK,
    COMMENT,
    COMMENT_WEAK,
    OPERATOR,
    CASE,
];

/// What a statement-changing value needs besides letters and digits.
pub(crate) const NEEDS: Marks = Marks::SINGLE
    .or(Marks::DOUBLE)
    .or(Marks::TICK)
    .or(Marks::OPEN)
    .or(Marks::SPACE)
    .or(Marks::BREAK)
    .or(Marks::CONTROL)
    .or(Marks::SEMI)
    .or(Marks::PIPE)
    .or(Marks::AMP)
    .or(Marks::SIGN)
    .or(Marks::STAR)
    .or(Marks::PLUS);

/// The parts of a path looked at.
const SEGMENTS_MAX: usize = 32;

/// Where the value is put into the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// Between two of these quotes.
    Quote(u8),
    /// Between two of these quotes, backslash escapes them.
    Escaped(u8),
    /// Bare, from this place on: a number, a column, a direction.
    Bare(usize),
    /// Within a comment that the value closes.
    Comment,
}

/// Judges one text in every context.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    if text.place == Where::Path && !text.marks.any(Marks::SINGLE.or(Marks::OPEN).or(Marks::SPACE).or(Marks::DOUBLE)) {
        return;
    }
    if text.place == Where::Path {
        segments(text, judging);
    } else {
        context(text, judging, Context::Bare(0));
    }
    for (mark, quote) in [(Marks::SINGLE, b'\''), (Marks::DOUBLE, b'"'), (Marks::TICK, b'`')] {
        if text.marks.any(mark) {
            context(text, judging, Context::Quote(quote));
            if quote != b'`' && text.marks.any(Marks::BACKSLASH) {
                context(text, judging, Context::Escaped(quote));
            }
        }
    }
    if text.marks.all(Marks::STAR.or(Marks::SLASH)) {
        context(text, judging, Context::Comment);
    }
}

/// The parts of a path, each of which may be a value.
fn segments(text: &Text<'_>, judging: &mut Judging<'_>) {
    for at in memchr::memchr_iter(b'/', text.bytes).take(SEGMENTS_MAX) {
        context(text, judging, Context::Bare(at + 1));
    }
}

fn context(text: &Text<'_>, judging: &mut Judging<'_>, context: Context) {
    let backslash = matches!(context, Context::Escaped(_));
    let from = match context {
        Context::Quote(quote) | Context::Escaped(quote) => close(text.bytes, 0, quote, backslash),
        Context::Bare(from) => Some(from),
        Context::Comment => left_comment(text.bytes),
    };
    let Some(from) = from else {
        judging.spend(text.bytes.len());
        return;
    };
    let start = if matches!(context, Context::Bare(_)) { Start::Nothing } else { Start::Operand };
    let seen = read(Lexer::new(text.bytes, from, backslash), start);
    if !judging.spend(seen.end) {
        return;
    }
    let found = match context {
        Context::Bare(_) => bare(&seen, !seen.number_first),
        _ => quoted(&seen, Prefix::of(text.bytes.get(..from).unwrap_or_default(), context)),
    };
    if let Some(rule) = found {
        judging.found(rule, text, from.saturating_sub(1)..seen.end);
    }
}

/// The place after the first `*/` that closes a comment the value did not open.
fn left_comment(text: &[u8]) -> Option<usize> {
    let end = memchr::memmem::find(text, b"*/")?;
    let opened = memchr::memmem::find(text.get(..end)?, b"/*").is_some();
    (!opened).then_some(end + 2)
}

/// What stands before the closing quote.
#[derive(Clone, Copy)]
struct Prefix {
    /// What people type into a field: one line, no code.
    field: bool,
    /// One word: a name somebody logs in with.
    login: bool,
}

impl Prefix {
    fn of(before: &[u8], context: Context) -> Self {
        let field = before.len() <= 256 && memchr::memchr(b'\n', before).is_none() && context != Context::Quote(b'`');
        let login = field && (2..=64).contains(&before.len()) && !before.iter().any(u8::is_ascii_whitespace);
        Self { field, login }
    }
}

/// What a value does that left its quotes.
fn quoted(seen: &Seen, Prefix { field, login }: Prefix) -> Option<&'static Rule> {
    let whole = seen.tail != Tail::Broken;
    let hides = matches!(seen.tail, Tail::Comment(_) | Tail::Open(_));
    if let Some(rule) = worst(seen, false) {
        return Some(rule);
    }
    if seen.tautology {
        return Some(if whole { &TAUTOLOGY } else { &TAUTOLOGY_TALK });
    }
    if !whole {
        return None;
    }
    if seen.boolean && (seen.compared || seen.first_compared || seen.truth || seen.call || hides) {
        let weak = !seen.compared && !seen.first_compared && !seen.call && seen.tail == Tail::Open(false);
        return Some(if weak { &BOOLEAN_WEAK } else { &BOOLEAN });
    }
    if seen.probe || (seen.call && hides && seen.balanced) {
        return Some(&PROBE);
    }
    if seen.clause && seen.tail != Tail::Open(false) {
        return Some(&CLAUSE);
    }
    match seen.tail {
        Tail::Comment(_) if login => Some(&COMMENT),
        Tail::Comment(Rest::Signs) if field => Some(&COMMENT),
        Tail::Comment(Rest::Words) if field && (seen.comma || seen.unopened) => Some(&COMMENT),
        Tail::Comment(_) => Some(&COMMENT_WEAK),
        Tail::Open(_) if seen.operator => Some(&OPERATOR),
        _ => None,
    }
}

/// What a bare value does.
fn bare(seen: &Seen, name: bool) -> Option<&'static Rule> {
    let whole = seen.tail != Tail::Broken;
    // After a number no sentence goes on with UNION SELECT.
    if seen.union_words && !name {
        return Some(&UNION);
    }
    if let Some(rule) = worst(seen, name) {
        return Some(rule);
    }
    if seen.tautology {
        let sums = seen.first_compared && !matches!(seen.tail, Tail::Comment(_));
        return Some(if whole && !sums { &TAUTOLOGY } else { &TAUTOLOGY_TALK });
    }
    if !whole {
        return None;
    }
    if seen.case && (seen.call || seen.truth) {
        return Some(&CASE);
    }
    let commented = matches!(seen.tail, Tail::Comment(_));
    if seen.boolean {
        let strong = !name && (seen.compared || seen.call || (seen.truth && commented));
        return Some(if strong { if seen.probe { &PROBE } else { &BOOLEAN } } else { &BOOLEAN_WEAK });
    }
    if seen.clause {
        let hides = seen.tail == Tail::Comment(Rest::Signs);
        return Some(if name && !hides { &CLAUSE_WEAK } else { &CLAUSE });
    }
    None
}

/// What is an attack in every context, unless a name comes first and the rest could be the first words of a sentence.
fn worst(seen: &Seen, name: bool) -> Option<&'static Rule> {
    if seen.union {
        return Some(&UNION);
    }
    if seen.outfile {
        return Some(&OUTFILE);
    }
    if seen.stacked {
        return Some(if seen.stacked_sure || !name { &STACKED } else { &STACKED_WORDS });
    }
    if seen.subselect {
        return Some(&SUBSELECT);
    }
    // A name and a call that no statement goes on from is a line of code.
    if seen.danger && !(name && seen.tail == Tail::Broken) {
        return Some(&DANGER);
    }
    let hides = seen.tail == Tail::Comment(Rest::Signs) || (!name && seen.comma && seen.tail != Tail::Broken);
    seen.union_words.then_some(if seen.system || hides { &UNION } else { &UNION_WORDS })
}
