//! `@pm`, `@pmFromFile`: many phrases at once, in either case.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::{Captures, Files, OperatorError};

/// Phrases and, once it was needed, the automaton that finds them.
#[derive(Debug)]
pub(super) struct Phrases {
    list: Vec<Vec<u8>>,
    automaton: OnceLock<Option<AhoCorasick>>,
}

impl Phrases {
    /// Phrases separated by white space.
    pub(super) fn from_argument(argument: &str) -> Result<Self, OperatorError> {
        let text = unquoted(argument.as_bytes()).unwrap_or_else(|| argument.as_bytes().to_vec());
        let words = text.split(u8::is_ascii_whitespace).map(<[u8]>::to_vec);
        Self::collect("pm", argument, words)
    }

    /// Files named one after another, with a phrase on each line; a line that begins with `#` is a comment.
    pub(super) fn from_files(argument: &str, files: &dyn Files) -> Result<Self, OperatorError> {
        const NAME: &str = "pmFromFile";
        let mut lines = Vec::new();
        for path in argument.split_ascii_whitespace() {
            let content = files.read(path).map_err(|why| OperatorError::File { name: NAME, path: path.to_owned(), why })?;
            let phrases = content.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
            lines.extend(phrases.filter(|line| !line.trim_ascii_start().starts_with(b"#")).map(<[u8]>::to_vec));
        }
        Self::collect(NAME, argument, lines.into_iter())
    }

    fn collect(name: &'static str, argument: &str, phrases: impl Iterator<Item = Vec<u8>>) -> Result<Self, OperatorError> {
        let list: Vec<_> = phrases.filter(|phrase| !phrase.is_empty()).collect();
        if list.is_empty() {
            return Err(OperatorError::Argument { name, argument: argument.to_owned(), why: "expected at least one phrase" });
        }
        Ok(Self { list, automaton: OnceLock::new() })
    }

    pub(super) fn list(&self) -> &[Vec<u8>] {
        &self.list
    }

    /// Whether a phrase occurs; captured is that phrase as the rule writes it.
    pub(super) fn test(&self, value: &[u8], captures: Option<&mut Captures>) -> bool {
        let Some(automaton) = self.automaton.get_or_init(|| automaton(&self.list)) else {
            return self.list.iter().any(|phrase| value.windows(phrase.len()).any(|part| part.eq_ignore_ascii_case(phrase)));
        };
        let Some(found) = automaton.find(value) else { return false };
        if let Some(captures) = captures {
            captures.replace(std::iter::once(self.list.get(found.pattern().as_usize()).map(Vec::as_slice)));
        }
        true
    }
}

/// The compact kind: some lists have thousands of phrases, and few values get past the plan's own sets.
fn automaton(list: &[Vec<u8>]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::ContiguousNFA)).build(list).ok()
}

/// Takes the notation apart that Snort rules brought: quotes around the whole, `|41 42|` for bytes, `\` before `:`, `;`, `"`
/// and `\`. None if the argument is not well-formed in it: then it means itself.
fn unquoted(argument: &[u8]) -> Option<Vec<u8>> {
    let argument = argument.trim_ascii_start();
    let inner = argument.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(argument);
    let (mut out, mut rest) = (Vec::with_capacity(inner.len()), inner);
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'|', bytes @ ..] => hex_until_bar(bytes, &mut out)?,
            [b'\\', quoted @ (b':' | b';' | b'"' | b'\\'), after @ ..] => {
                out.push(*quoted);
                after
            }
            [b'\\', ..] => return None,
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    Some(out)
}

fn hex_until_bar<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let end = memchr::memchr(b'|', text).unwrap_or(text.len());
    let digits: Vec<u8> = text.get(..end)?.iter().copied().filter(|&byte| byte != b' ').collect();
    for pair in digits.chunks(2) {
        out.push(u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?);
    }
    Some(text.get(end + 1..).unwrap_or_default())
}
