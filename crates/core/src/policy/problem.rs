//! What is wrong with a policy: all of it at once, each with its place and a fix.

use std::ops::Range;

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

    /// Whether any problem makes the policy unusable.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
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
