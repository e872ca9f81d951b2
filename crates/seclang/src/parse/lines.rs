//! Lines and words: a backslash at the end of a line continues it, quotation marks hold words together.

use crate::error::{Fault, LoadError, Place};
use std::sync::Arc;

/// One directive with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directive {
    /// As written; directives are compared without regard to case.
    pub(crate) name: Word,
    pub(crate) words: Vec<Word>,
}

/// A word without its quotation marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) at: Place,
}

/// All directives of a file, and what could not be read as one.
pub(crate) fn directives(file: &str, text: &str) -> (Vec<Directive>, Vec<LoadError>) {
    let file: Arc<str> = file.into();
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    let mut lines = (1u32..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let mut whole = Whole::default();
        whole.add(number, line);
        while whole.goes_on() {
            let Some((number, line)) = lines.next() else { break };
            whole.add(number, line);
        }
        match whole.words(&file) {
            Ok(words) => found.extend(directive(words)),
            Err(fault) => faults.push(fault),
        }
    }
    (found, faults)
}

fn directive(mut words: Vec<Word>) -> Option<Directive> {
    if words.is_empty() {
        return None;
    }
    let name = words.remove(0);
    Some(Directive { name, words })
}

/// A line with its continuations, and where each of them starts.
#[derive(Default)]
struct Whole {
    text: String,
    starts: Vec<(usize, u32)>,
}

impl Whole {
    fn add(&mut self, number: u32, line: &str) {
        self.starts.push((self.text.len(), number));
        self.text.push_str(line.trim_end());
    }

    /// Takes the backslash at the end away, if there is one.
    fn goes_on(&mut self) -> bool {
        let goes_on = self.text.ends_with('\\');
        if goes_on {
            self.text.pop();
        }
        goes_on
    }

    fn place(&self, file: &Arc<str>, offset: usize) -> Place {
        let (start, line) = self.starts.iter().rev().find(|(start, _)| *start <= offset).copied().unwrap_or_default();
        Place { file: file.clone(), line, column: u32::try_from(offset - start).unwrap_or(u32::MAX).saturating_add(1) }
    }

    fn words(&self, file: &Arc<str>) -> Result<Vec<Word>, LoadError> {
        let mut words = Vec::new();
        let mut rest = self.text.as_str();
        loop {
            rest = rest.trim_start();
            let offset = self.text.len() - rest.len();
            let at = self.place(file, offset);
            let Some(first) = rest.chars().next() else { return Ok(words) };
            let (text, after) = match first {
                '"' | '\'' => quoted(rest, first).ok_or_else(|| LoadError { at: at.clone(), rule: None, fault: Fault::Quote })?,
                _ => bare(rest),
            };
            words.push(Word { text, at });
            rest = after;
        }
    }
}

fn bare(rest: &str) -> (String, &str) {
    let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
    (word.to_owned(), after)
}

/// A word in quotation marks; within it a backslash takes the meaning from a quotation mark and stays before all else.
fn quoted(rest: &str, mark: char) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == mark {
            return Some((text, rest.get(at + mark.len_utf8()..)?));
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        let (_, next) = chars.next()?;
        if next != mark {
            text.push('\\');
        }
        text.push(next);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let (found, faults) = directives("a.conf", text);
        assert_eq!(faults, []);
        found.into_iter().map(|d| std::iter::once(d.name).chain(d.words).map(|w| w.text).collect()).collect()
    }

    #[test]
    fn a_rule_over_several_lines_is_one_directive() {
        let text = "# a comment\n\nSecRule ARGS \"@rx a\\\"b\\d\" \\\n    \"id:1,\\\n    msg:'it\\'s'\"\nSecMarker END\n";
        assert_eq!(words(text), [vec!["SecRule", "ARGS", "@rx a\"b\\d", "id:1,    msg:'it\\'s'"], vec!["SecMarker", "END"]]);
    }

    #[test]
    fn places_count_in_the_file_as_written() {
        let (found, _) = directives("a.conf", "\nSecRule ARGS \\\n  \"@rx a\" \"id:1\"\n");
        let at: Vec<_> = found[0].words.iter().map(|w| (w.at.line, w.at.column)).collect();
        assert_eq!(at, [(2, 9), (3, 3), (3, 11)]);
    }

    #[test]
    fn an_open_quotation_mark_is_named_and_the_next_line_still_read() {
        let (found, faults) = directives("a.conf", "SecRule ARGS \"@rx a\nSecMarker END\n");
        assert_eq!(found.len(), 1);
        assert_eq!(faults[0].to_string().lines().next(), Some("a.conf:1:14: a quotation mark is opened here and never closed"));
    }
}
