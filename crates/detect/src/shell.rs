//! Shell words (CWE-78): does a value end the command it is put into and begin another?
//!
//! A value is an argument: it stands bare, or in quotes. It does harm where a separator or a substitution brings a word of it into
//! command position, and that word is a command. Prose has semicolons and dashes too, but what follows is no command with arguments.

mod commands;

use crate::{
    finding::{Judging, Rule, Text, Where},
    marks::Marks,
};
use commands::{Command, command};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 78, about }
}

const COMMAND: Rule = rule("shell.command", 7, "a separator of shells and a command with arguments");
const COMMAND_WEAK: Rule = rule("shell.command-weak", 4, "a separator and a command within a text or behind another command");
const SUBSTITUTION: Rule = rule("shell.substitution", 7, "a command whose output the shell puts in place");
const HIDDEN: Rule = rule("shell.hidden", 8, "a command spelled so that filters miss it");
const FIELD: Rule = rule("shell.ifs", 8, "$IFS in place of a space");
const FUNCTION: Rule = rule("shell.function", 9, "a function definition in a variable (CVE-2014-6271)");
const SECRET: Rule = rule("shell.secret", 6, "a command that reads a file no visitor may read");
const DEVICE: Rule = rule("shell.device", 8, "a connection through a shell's own device, or an interactive shell");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[COMMAND, COMMAND_WEAK, SUBSTITUTION, HIDDEN, FIELD, FUNCTION, SECRET, DEVICE];

/// A separator or a substitution.
pub(crate) const NEEDS: Marks = Marks::SEMI
    .or(Marks::PIPE)
    .or(Marks::AMP)
    .or(Marks::TICK)
    .or(Marks::DOLLAR)
    .or(Marks::BREAK)
    .or(Marks::SLASH)
    .or(Marks::OPEN);

/// The separators looked at in one text.
const SEPARATORS_MAX: usize = 2000;

/// Bytes of a command and its arguments looked at behind a separator.
const COMMAND_BYTES_MAX: usize = 160;

/// The longest row of a table, to either side of a bar.
const ROW_BYTES_MAX: usize = 1024;

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes;
    if !judging.spend(value.len()) {
        return;
    }
    idioms(text, judging);
    let shape = Shape::of(value);
    if secret(value.get(shape.start..).unwrap_or_default()) {
        judging.found(&SECRET, text, 0..value.len());
    }
    let (mut at, mut seen) = (0, 0);
    let separators = Separators::of(text.marks);
    while let Some(found) = value.get(at..).and_then(|rest| separators.find(rest)) {
        let place = at + found;
        let Some((length, kind)) = separator(value.get(place..).unwrap_or_default()) else {
            at = place + 1;
            continue;
        };
        at = place + length;
        seen += 1;
        if seen > SEPARATORS_MAX || !judging.spend(COMMAND_BYTES_MAX / 4) {
            return;
        }
        if let Some(rule) = behind(value, place, at, kind, text.place, &shape) {
            let end = value.len().min(at + COMMAND_BYTES_MAX);
            judging.found(rule, text, place..end);
        }
    }
}

/// A command that is the whole value and reads a secret: some apps run what they get.
fn secret(value: &[u8]) -> bool {
    let line = value.get(..value.len().min(COMMAND_BYTES_MAX)).unwrap_or_default();
    command(line).is_some_and(|(found, arguments)| found != Command::Start && reads_secret(arguments))
        && memchr::memchr(b'\n', value.trim_ascii_end()).is_none()
}

/// Whether an argument is the path of a secret; `/etc/hosts` and logs are in every manual.
fn reads_secret(arguments: &[u8]) -> bool {
    let words = arguments.split(u8::is_ascii_whitespace).filter(|w| w.first() == Some(&b'/')).take(8);
    words
        .filter(|w| !w.ends_with(b"hosts") && !w.ends_with(b"fstab") && !w.starts_with(b"/var/log/"))
        .any(crate::path::names_secret)
}

/// Pieces that mean one thing only.
fn idioms(text: &Text<'_>, judging: &mut Judging<'_>) {
    let value = text.bytes;
    let find = |what: &[u8]| memchr::memmem::find(value, what);
    if text.marks.any(Marks::DOLLAR)
        && let Some(at) = find(b"$IFS").or_else(|| find(b"${IFS"))
        && at.checked_sub(1).and_then(|before| value.get(before)).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b')')
    {
        judging.found(&FIELD, text, at..value.len());
    }
    if text.marks.all(Marks::OPEN.or(Marks::BRACE))
        && let Some(at) = find(b"() {").or_else(|| find(b"(){"))
        && at < 4
        && value.get(at..).unwrap_or_default().iter().filter(|b| !b.is_ascii_whitespace()).take(5).eq(b"(){:;")
    {
        judging.found(&FUNCTION, text, at..value.len());
    }
    if text.marks.any(Marks::SLASH)
        && let Some(at) = find(b"/dev/")
        && (find(b"/dev/tcp/").is_some() || find(b"/dev/udp/").is_some())
    {
        judging.found(&DEVICE, text, at..value.len());
    }
}

/// How a word gets into command position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `;`, `&`, `&&`, `||`.
    Next,
    /// `|`, which tables have too.
    Pipe,
    /// A new line, as every text has.
    Line,
    /// `$(`, `<(`, a backquote.
    Substitution,
}

/// The separators that occur in a text at all: most texts have one or two kinds, and these are found fast.
struct Separators {
    bytes: [u8; 6],
    count: usize,
}

impl Separators {
    fn of(marks: Marks) -> Self {
        let kinds = [
            (Marks::SEMI, b';'),
            (Marks::PIPE, b'|'),
            (Marks::AMP, b'&'),
            (Marks::TICK, b'`'),
            (Marks::BREAK, b'\n'),
            (Marks::DOLLAR.or(Marks::LESS).or(Marks::OTHER), b'('),
        ];
        let (mut bytes, mut count) = ([b';'; 6], 0);
        for (place, (_, byte)) in bytes.iter_mut().zip(kinds.iter().filter(|(mark, _)| marks.any(*mark))) {
            *place = *byte;
            count += 1;
        }
        Self { bytes, count }
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        match (self.count, self.bytes) {
            (0, _) => None,
            (1..=3, [a, b, c, ..]) => memchr::memchr3(a, b, c, text),
            (_, bytes) => text.iter().position(|b| bytes.contains(b)),
        }
    }
}

/// The separator a text begins with, and its length. A bracket counts behind `$`, `<` or `>`, which [`behind`] looks for.
fn separator(text: &[u8]) -> Option<(usize, Kind)> {
    match text {
        [b'|', b'|', ..] | [b'&', b'&', ..] => Some((2, Kind::Next)),
        [b';' | b'&', ..] => Some((1, Kind::Next)),
        [b'|', b'&', ..] => Some((2, Kind::Pipe)),
        [b'|', ..] => Some((1, Kind::Pipe)),
        [b'\n', ..] => Some((1, Kind::Line)),
        // Two are no substitution: a code fence.
        [b'`', b'`', ..] => Some((text.iter().take_while(|b| **b == b'`').count(), Kind::Line)),
        [b'`' | b'(', ..] => Some((1, Kind::Substitution)),
        _ => None,
    }
}

/// What a separator at `place`, whose command begins at `at`, does.
fn behind(value: &[u8], place: usize, at: usize, kind: Kind, of: Where, shape: &Shape) -> Option<&'static Rule> {
    let before = value.get(..place)?;
    let bracket = value.get(place) == Some(&b'(');
    if bracket && !matches!(before.last(), Some(b'$' | b'<' | b'>')) {
        return None;
    }
    let near = value.get(at..value.len().min(at + COMMAND_BYTES_MAX))?;
    let (found, arguments) = command(near)?;
    let near = if place <= shape.start { near.trim_ascii_start() } else { near };
    let shaped = arguments_fit(found, arguments, kind, near);
    // A function of another language, or a list.
    let list = arguments.starts_with(b",") && !near.starts_with(b"{");
    if list || arguments.trim_ascii_start().starts_with(b"(") {
        return None;
    }
    let rule = match kind {
        Kind::Substitution => &SUBSTITUTION,
        _ if found == Command::Hidden => &HIDDEN,
        _ => &COMMAND,
    };
    if kind == Kind::Line && of.is_value() {
        let whole = place < shape.start && value.get(at..).is_some_and(|rest| memchr::memchr(b'\n', rest.trim_ascii()).is_none());
        if whole && shaped && found != Command::Tool && before.is_empty() {
            return Some(&COMMAND);
        }
        return line(before.get(shape.start..).unwrap_or_default(), found, arguments);
    }
    if kind == Kind::Pipe && is_table(value, place) {
        return None;
    }
    let before = if bracket { before.split_last()?.1 } else { before };
    let alone = match kind {
        Kind::Substitution => before.len() <= shape.space && !assigns(before) && !is_span(value, place),
        Kind::Pipe if filters(found, near, arguments) => false,
        _ => stands_alone(before, value, at, shape),
    };
    match (shaped, alone) {
        (true, true) => Some(rule),
        (true, false) if kind != Kind::Substitution && (found == Command::Hidden || reads_secret(arguments)) => Some(rule),
        (true, false) => Some(&COMMAND_WEAK),
        (false, _) => None,
    }
}

/// Whether a backquote begins a code span of Markdown that prose follows.
fn is_span(value: &[u8], place: usize) -> bool {
    let inner = value.get(place + 1..).unwrap_or_default();
    let near = inner.get(..inner.len().min(COMMAND_BYTES_MAX)).unwrap_or_default();
    let Some(end) = memchr::memchr(b'`', near).filter(|_| value.get(place) == Some(&b'`')) else { return false };
    matches!(inner.get(end + 1..), Some([b' ' | b'.' | b',' | b':' | b'\n', next, ..]) if next.is_ascii_alphanumeric() || *next == b' ')
}

/// Whether a text is the left side of an assignment, as scripts have it before a substitution.
fn assigns(before: &[u8]) -> bool {
    let name = before.strip_suffix(b"\"").unwrap_or(before).strip_suffix(b"=").unwrap_or_default();
    !name.is_empty() && name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
}

/// Whether a command behind a bar only filters what comes before, as in every manual: a space, a filter, no file.
fn filters(found: Command, near: &[u8], arguments: &[u8]) -> bool {
    const FILTERS: &[&[u8]] = &[
        b"grep ", b"egrep ", b"awk ", b"sed ", b"sort ", b"uniq ", b"wc ", b"head ", b"tail ", b"cut ", b"xargs ", b"tee ",
        b"less", b"more",
    ];
    let word = near.trim_ascii_start();
    found != Command::Hidden
        && near.first() == Some(&b' ')
        && FILTERS.iter().any(|f| word.starts_with(f))
        && !arguments.windows(2).any(|w| matches!(w, [b' ', b'/']))
}

/// Where a text has its first space and its first quotes: what stands before is one argument, or within quotes.
struct Shape {
    /// Behind white space at the beginning.
    start: usize,
    /// The first white space behind the first word; within a text, backquotes mark code.
    space: usize,
    /// The end of the first line.
    line: usize,
    single: Option<usize>,
    double: Option<usize>,
}

impl Shape {
    fn of(text: &[u8]) -> Self {
        let start = text.len() - text.trim_ascii_start().len();
        let rest = text.get(start..).unwrap_or_default();
        let space = start + rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let line = start + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        Self { start, space, line, single: memchr::memchr(b'\'', text), double: memchr::memchr(b'"', text) }
    }
}

/// Whether what stands before a separator is an argument, or nothing, rather than a text or another command.
fn stands_alone(before: &[u8], value: &[u8], at: usize, shape: &Shape) -> bool {
    // A few spaces before the separator belong to neither side.
    let spaces = before.iter().rev().take(8).take_while(|b| b.is_ascii_whitespace()).count();
    let end = before.len() - spaces;
    if end <= shape.space {
        let glued = value.get(at).is_some_and(|b| !b.is_ascii_whitespace());
        let word = before.get(..end).unwrap_or_default();
        return glued || !matches!(command(word), Some((Command::Sure | Command::Tool | Command::English | Command::Start, _)));
    }
    // Otherwise it must leave its quotes: the first is the last thing before the separator.
    let last = end.checked_sub(1);
    place_in_line(end, shape) && last.is_some() && (last == shape.single || last == shape.double)
}

/// Whether a place is in the first line: whoever leaves quotes does not write a listing first.
fn place_in_line(place: usize, shape: &Shape) -> bool {
    place <= shape.line
}

/// Whether what follows a command looks like its arguments.
fn arguments_fit(found: Command, arguments: &[u8], kind: Kind, near: &[u8]) -> bool {
    let arguments = arguments.get(..end_of_command(arguments)).unwrap_or_default();
    let alone = arguments.trim_ascii().is_empty();
    let spaced = near.first() == Some(&b' ');
    let shaped = arguments
        .iter()
        .any(|b| matches!(b, b'-' | b'/' | b'$' | b'*' | b'~' | b'=' | b'<' | b'>' | b'"' | b'\'' | b'\\' | b'@' | b'0'..=b'9'))
        || arguments.windows(2).any(|w| matches!(w, [b'.', b] if b.is_ascii_alphanumeric()));
    let short = arguments.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty()).count() <= 2;
    match found {
        Command::Hidden => true,
        Command::Sure => alone || shaped || short,
        Command::Tool => shaped || (alone && !spaced),
        Command::English => shaped || (alone && (!spaced || kind == Kind::Substitution)),
        Command::Start => false,
    }
}

/// Where the arguments of a command end.
fn end_of_command(arguments: &[u8]) -> usize {
    arguments.iter().position(|b| matches!(b, b';' | b'|' | b'&' | b'\n' | b'\r' | b'`' | b')' | b'#')).unwrap_or(arguments.len())
}

/// A command in a line of its own, behind a single word: `127.0.0.1` and, on the next line, `cat /etc/passwd`.
fn line(before: &[u8], found: Command, arguments: &[u8]) -> Option<&'static Rule> {
    if before.is_empty() || before.len() > 128 || before.iter().any(u8::is_ascii_whitespace) {
        return None;
    }
    let plain = before.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b':' | b'-' | b'_' | b'@'))
        && command(before).is_none()
        && before.iter().any(|b| b.is_ascii_digit() || *b == b'.');
    let fits = arguments_fit(found, arguments, Kind::Line, b" ") && !arguments.trim_ascii().is_empty();
    (plain && fits).then_some(if found == Command::Hidden { &HIDDEN } else { &COMMAND })
}

/// Whether a bar belongs to a table: its line begins or ends with one, or has several with space around them.
fn is_table(value: &[u8], place: usize) -> bool {
    let before = value.get(place.saturating_sub(ROW_BYTES_MAX)..place).unwrap_or_default();
    let rest = value.get(place..value.len().min(place + ROW_BYTES_MAX)).unwrap_or_default();
    let head = before.get(memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)..).unwrap_or_default();
    let tail = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or_default();
    let first = head.trim_ascii_start().first().or(tail.first());
    let second = head.trim_ascii_start().get(1).or(if head.trim_ascii().is_empty() { tail.get(1) } else { None });
    second.is_some_and(|b| matches!(b, b' ' | b'\t' | b'-' | b':'))
        && first == Some(&b'|')
        && tail.trim_ascii_end().last() == Some(&b'|')
        && head.len() + tail.trim_ascii_end().len() > 1
}
