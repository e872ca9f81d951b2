//! Path patterns of routes.

use super::{FromText, Wrong};
use std::cmp::Ordering;

/// A path pattern: literal segments, `{name}` for one segment, a last `*` for all that follows.
///
/// `/users/{id}` matches `/users/7`; `/static/*` matches `/static`, `/static/` and everything below. A slash at the end makes no
/// difference: Flask and Django answer both spellings, and a rule that knew only one could be gone round (CWE-436).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// Without the empty one behind a last slash; the root alone has an empty one.
    segments: Vec<Segment>,
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Any,
}

impl Pattern {
    /// Whether the decoded path matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut given = path.strip_prefix('/').unwrap_or(path).split('/');
        for segment in &self.segments {
            match (segment, given.next()) {
                (Segment::Literal(literal), Some(text)) if literal == text => {}
                (Segment::Any, Some(text)) if !text.is_empty() => {}
                _ => return false,
            }
        }
        self.open || given.all(str::is_empty)
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches the same paths as the other, whatever its placeholders are called.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.segments == other.segments && self.open == other.open
    }

    /// More specific patterns first: a literal before `{name}`, `{name}` before `*`, longer before shorter.
    #[must_use]
    pub fn by_specificity(&self, other: &Self) -> Ordering {
        let rank = |segment: &Segment| usize::from(*segment == Segment::Any);
        let mine = self.segments.iter().map(rank);
        let theirs = other.segments.iter().map(rank);
        mine.cmp_by_prefix(theirs)
            .then_with(|| other.segments.len().cmp(&self.segments.len()))
            .then_with(|| self.open.cmp(&other.open))
    }
}

/// Comparison over the common prefix only.
trait CmpByPrefix: Iterator<Item = usize> + Sized {
    fn cmp_by_prefix(self, other: impl Iterator<Item = usize>) -> Ordering {
        self.zip(other).map(|(a, b)| a.cmp(&b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}
impl<I: Iterator<Item = usize>> CmpByPrefix for I {}

impl FromText for Pattern {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let help = "write a path such as \"/comments\", \"/users/{id}\" or \"/static/*\"";
        let wrong = |message: &str| Err(Wrong::new(format!("`{text}` {message}"), help));
        let Some(rest) = text.strip_prefix('/') else { return wrong("does not begin with `/`") };
        let (rest, open) = match rest.strip_suffix('*') {
            Some("") => return Ok(Self { text: text.to_owned(), segments: Vec::new(), open: true }),
            Some(head) if head.ends_with('/') => (head.trim_end_matches('/'), true),
            Some(_) => return wrong("has `*` inside a segment; it stands for whole segments, at the end"),
            None => (rest, false),
        };
        if rest.contains('*') {
            return wrong("has `*` before its end");
        }
        let last = rest.matches('/').count();
        let segments: Result<Vec<_>, &str> = rest.split('/').enumerate().map(|(i, text)| segment(text, i == last)).collect();
        match segments {
            Ok(mut segments) => {
                segments.pop_if(|last| rest.contains('/') && *last == Segment::Literal(String::new()));
                Ok(Self { text: text.to_owned(), segments, open })
            }
            Err(message) => wrong(message),
        }
    }
}
crate::value_from_text!(Pattern);

/// Reads one segment. Patterns are matched against decoded paths, from which dot segments and repeated slashes are gone:
/// one that could never match is a mistake.
fn segment(text: &str, last: bool) -> Result<Segment, &'static str> {
    let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match text {
        "." | ".." => Err("has a dot segment, which no path has that reaches the app"),
        "" if !last => Err("has an empty segment, which no path has that reaches the app"),
        _ if text.contains(['?', '#']) => Err("has a query; only the path is matched"),
        _ if text.contains('%') => Err("has a `%`; paths are matched decoded, so write the character itself"),
        _ if name.is_some_and(|name| !name.is_empty() && !name.contains(['{', '}'])) => Ok(Segment::Any),
        _ if text.contains(['{', '}']) => Err("has a brace out of place; `{name}` stands for one whole segment"),
        _ => Ok(Segment::Literal(text.to_owned())),
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::from_text(text).unwrap()
    }

    #[test]
    fn patterns_match_whole_segments() {
        assert!(pattern("/").matches("/"));
        assert!(!pattern("/").matches("/a"));
        assert!(pattern("/*").matches("/a/b"));
        assert!(pattern("/static/*").matches("/static"));
        assert!(pattern("/static/*").matches("/static/a/b.css"));
        assert!(!pattern("/static/*").matches("/staticx"));
        assert!(pattern("/users/{id}").matches("/users/7"));
        assert!(!pattern("/users/{id}").matches("/users/"));
        assert!(!pattern("/users/{id}").matches("/users/7/edit"));
    }

    #[test]
    fn a_slash_at_the_end_makes_no_difference() {
        for text in ["/a", "/a/", "/{x}", "/{x}/"] {
            assert!(pattern(text).matches("/a") && pattern(text).matches("/a/"), "{text}");
            assert!(!pattern(text).matches("/a/b") && !pattern(text).matches("/"), "{text}");
        }
        assert!(pattern("/users/{id}").matches("/users/7/") && !pattern("/users/{id}").matches("/users/"));
        assert!(pattern("/a/").is_like(&pattern("/a")) && !pattern("/a/").is_like(&pattern("/a/*")));
    }

    #[test]
    fn the_more_specific_pattern_comes_first() {
        let mut all: Vec<_> = ["/*", "/users/{id}", "/users/*", "/users/me", "/users/{id}/edit"].map(pattern).into();
        all.sort_by(Pattern::by_specificity);
        let order: Vec<_> = all.iter().map(Pattern::as_str).collect();
        assert_eq!(order, ["/users/me", "/users/{id}/edit", "/users/{id}", "/users/*", "/*"]);
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for text in [
            "comments", "/a*", "/*/b", "", "/a//b", "//a", "/a//", "/a/../b", "/./a", "/a?b=c", "/a#b", "/a%20b", "/{a", "/a}",
            "/x{a}", "/{}", "/{a}{b}",
        ] {
            assert!(Pattern::from_text(text).is_err(), "{text}");
        }
    }
}
