//! What is wrong with a policy: all of it at once, each with its place and a fix.

use std::ops::Range;
use toml::{Spanned, de::DeTable};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy holds, but its author should look.
    Warning,
    /// The policy is refused.
    Error,
}

/// One thing wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The key it concerns, dotted: `csrf.trusted_origins`.
    pub key: String,
    /// Where, in bytes of the file; `None` when it concerns the file as a whole.
    pub span: Option<Range<usize>>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: String,
}

/// Everything wrong with a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds an error.
    pub fn error(&mut self, key: &str, span: Option<Range<usize>>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, key, span, message.into(), help.into());
    }

    /// Adds a warning.
    pub fn warning(&mut self, key: &str, span: Option<Range<usize>>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, key, span, message.into(), help.into());
    }

    fn add(&mut self, severity: Severity, key: &str, span: Option<Range<usize>>, message: String, help: String) {
        self.0.push(Problem { severity, key: key.to_owned(), span, message, help });
    }

    /// Puts them in the order of the file, so that they are mended from top to bottom; what concerns the file as a whole
    /// comes last.
    pub(super) fn sort(&mut self) {
        let place = |problem: &Problem| problem.span.as_ref().map_or((usize::MAX, 0), |span| (span.start, span.end));
        self.0.sort_by_key(place);
    }

    /// Whether any problem makes the policy unusable.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// Finds where something was written.
pub(super) struct Place<'a>(pub(super) &'a DeTable<'a>);

impl Place<'_> {
    /// The value of the first of these keys that is written in the section.
    pub(super) fn find(&self, section: &str, keys: &[&str]) -> Option<Range<usize>> {
        let table = self.0.get(section)?.get_ref().as_table()?;
        keys.iter().find_map(|key| table.get(*key)).map(Spanned::span)
    }

    fn item(&self, section: &str, i: usize) -> Option<&DeTable<'_>> {
        self.0.get(section)?.get_ref().as_array()?.get(i)?.get_ref().as_table()
    }

    /// The value of a key in the section's `i`th table.
    pub(super) fn find_item(&self, section: &str, i: usize, key: &str) -> Option<Range<usize>> {
        self.item(section, i)?.get(key).map(Spanned::span)
    }

    /// Whether a list in the section's `i`th table names a word.
    pub(super) fn item_names(&self, section: &str, i: usize, key: &str, word: &str) -> bool {
        let list = self.item(section, i).and_then(|table| table.get(key)).and_then(|value| value.get_ref().as_array());
        list.is_some_and(|list| list.iter().any(|item| item.get_ref().as_str() == Some(word)))
    }
}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{}: {} ({})", problem.key, problem.message, problem.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
