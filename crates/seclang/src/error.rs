//! What can be wrong with a rule file: each fault has its name, its place and, where one exists, its mending.

use std::fmt;

/// A fault in a rule file, with the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// Where it stands.
    pub at: Place,
    /// The `id` of the rule it is about, once one is known.
    pub rule: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

/// A place in a rule file; lines and columns count from 1, columns in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The file as the caller named it.
    pub file: std::sync::Arc<str>,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        if let Some(id) = self.rule {
            write!(f, "rule {id}: ")?;
        }
        write!(f, "{}", self.fault)?;
        match self.fault.help() {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for LoadError {}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A directive this engine has never heard of.
    #[error("unknown directive `{name}`")]
    Directive {
        /// As written.
        name: String,
        /// The nearest one that exists.
        near: Option<&'static str>,
    },
    /// A directive that is known and cannot be honoured: to pass over it in silence would lose a defence.
    #[error("`{name}` is not supported: {why}")]
    Unsupported {
        /// As written.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// An argument is missing or superfluous.
    #[error("`{directive}` takes {wants}")]
    Arguments {
        /// The directive.
        directive: String,
        /// What it takes.
        wants: &'static str,
    },
    /// A quotation mark is opened and never closed.
    #[error("a quotation mark is opened here and never closed")]
    Quote,
    /// An argument that is not one of those possible.
    #[error("`{value}` is no {what}")]
    Value {
        /// What is expected.
        what: &'static str,
        /// As written.
        value: String,
    },
    /// No such variable.
    #[error("unknown variable `{name}`")]
    Variable {
        /// As written.
        name: String,
        /// The nearest one that exists.
        near: Option<&'static str>,
    },
    /// No such operator, or its argument cannot be used (a pattern that needs backtracking, an unreadable file).
    #[error("{0}")]
    Operator(String),
    /// No such transformation.
    #[error("unknown transformation `t:{0}`")]
    Transformation(String),
    /// No such action.
    #[error("unknown action `{name}`")]
    Action {
        /// As written.
        name: String,
        /// The nearest one that exists.
        near: Option<&'static str>,
    },
    /// A rule without a number cannot be named in a log nor excepted.
    #[error("the rule has no `id`")]
    NoId,
    /// Two rules with one number.
    #[error("the id is already taken by a rule at {first}")]
    TwiceId {
        /// The place of the other one.
        first: Place,
    },
    /// `chain` and no rule behind it.
    #[error("`chain` is followed by no rule")]
    OpenChain,
    /// An action that only the first rule of a chain may have.
    #[error("`{0}` may stand only in the first rule of a chain")]
    InChain(String),
    /// `skipAfter` to a mark that is nowhere.
    #[error("`skipAfter:{0}` leads to no SecMarker")]
    Marker(String),
    /// A file that cannot be had.
    #[error("cannot read `{path}`: {why}")]
    File {
        /// As written.
        path: String,
        /// What the host said.
        why: String,
    },
    /// Files that include each other, or too many of them.
    #[error("files include each other more than {0} deep")]
    Depth(usize),
}

impl Fault {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let near = |near: &Option<&'static str>| near.map(|n| format!("did you mean `{n}`?"));
        match self {
            Fault::Directive { near: None, .. } => {
                Some("remove the line, or put it into the file of the server it belongs to".into())
            }
            Fault::Directive { near: n, .. } | Fault::Variable { near: n, .. } | Fault::Action { near: n, .. } => near(n),
            Fault::Quote => Some("close it on this line, or end the line with a backslash to go on in the next".into()),
            Fault::NoId => Some("add `id:NUMBER` to its actions".into()),
            Fault::TwiceId { .. } => Some("load the file only once, or give the rule a number of its own".into()),
            Fault::Marker(name) => Some(format!("add `SecMarker {name}` where evaluation should go on")),
            _ => None,
        }
    }
}

/// The candidate nearest to `word`, if it is near enough to be a slip of the pen.
pub(crate) fn nearest(word: &str, candidates: &[&'static str]) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let limit = word.len() / 4 + 1;
    candidates.iter().map(|c| (distance(&word, &c.to_ascii_lowercase()), *c)).filter(|(d, _)| *d <= limit).min().map(|(_, c)| c)
}

/// Edit distance (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut left = i + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for ((y, up), corner) in b.bytes().zip(row.iter().skip(1)).zip(&row) {
            left = (corner + usize::from(x != y)).min(up + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_a_stranger_is_not() {
        assert_eq!(nearest("SecRul", &["SecRule", "SecMarker"]), Some("SecRule"));
        assert_eq!(nearest("ARG", &["ARGS", "TX"]), Some("ARGS"));
        assert_eq!(nearest("Frobnicate", &["SecRule", "SecMarker"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
