//! The variables of a rule: `ARGS|!ARGS:token|&TX:/^score_/|XML://@*`.

use crate::error::{Fault, nearest};
use crate::variable::Variable;

/// One variable of a rule, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) variable: Variable,
    /// `!`: what another target would take is not looked at.
    pub(crate) excluded: bool,
    /// `&`: the number of values, not the values.
    pub(crate) counted: bool,
    pub(crate) selector: Selection,
}

/// Which of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    /// The ones with this name (without regard to case).
    Name(String),
    /// The ones whose name this pattern finds.
    Pattern(String),
}

/// Reads a whole list.
pub(crate) fn targets(text: &str) -> Result<Vec<Written>, Fault> {
    split(text).into_iter().filter(|part| !part.is_empty()).map(target).collect()
}

fn target(part: &str) -> Result<Written, Fault> {
    let (excluded, part) = part.strip_prefix('!').map_or((false, part), |rest| (true, rest));
    let (counted, part) = part.strip_prefix('&').map_or((false, part), |rest| (true, rest));
    let (name, selector) = part.split_once(':').map_or((part, None), |(name, selector)| (name, Some(selector)));
    let variable =
        Variable::named(name).ok_or_else(|| Fault::Variable { name: name.to_owned(), near: nearest(name, Variable::NAMES) })?;
    let selector = match selector {
        None => Selection::All,
        Some(path) if variable == Variable::Xml => xml(path)?,
        Some(selector) => selection(selector),
    };
    Ok(Written { variable, excluded, counted, selector })
}

/// Only the two paths that rules use: all texts and all attributes.
fn xml(path: &str) -> Result<Selection, Fault> {
    match path {
        "/*" | "//@*" => Ok(Selection::Name(path.to_owned())),
        _ => Err(Fault::Value { what: "path for XML (`/*` or `//@*`)", value: path.to_owned() }),
    }
}

fn selection(text: &str) -> Selection {
    let bare = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(text);
    match bare.strip_prefix('/').and_then(|t| t.strip_suffix('/')) {
        Some(pattern) => Selection::Pattern(pattern.replace("\\/", "/")),
        None => Selection::Name(bare.to_owned()),
    }
}

/// Splits at `|` (and at `,`, which exclusions may use), but not within a pattern or quotation marks.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut within, mut before) = (0, None, '|');
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match within {
            Some(mark) if c == mark && !escaped => within = None,
            Some(_) => {}
            None if c == '|' || c == ',' => {
                parts.extend(text.get(start..at).map(str::trim));
                start = at + 1;
            }
            None if c == '\'' && before == ':' => within = Some('\''),
            None if c == '/' && before == ':' && !text.get(start..at).is_some_and(is_xml) => within = Some('/'),
            None => {}
        }
        escaped = c == '\\' && !escaped;
        before = c;
    }
    parts.extend(text.get(start..).map(str::trim));
    parts
}

fn is_xml(part: &str) -> bool {
    part.trim_start().trim_start_matches(['!', '&']).get(..4).is_some_and(|name| name.eq_ignore_ascii_case("XML:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_patterns_counts_exclusions_and_paths() {
        let got =
            targets("ARGS|!ARGS:/^a|b$/|&tx:'/x\\/y/'|XML:/*|XML://@*|REQUEST_HEADERS:User-Agent").expect("they are well-formed");
        let seen: Vec<_> = got.iter().map(|t| (t.variable, t.excluded, t.counted, t.selector.clone())).collect();
        let name = |n: &str| Selection::Name(n.into());
        let pattern = |p: &str| Selection::Pattern(p.into());
        assert_eq!(
            seen,
            [
                (Variable::Args, false, false, Selection::All),
                (Variable::Args, true, false, pattern("^a|b$")),
                (Variable::Tx, false, true, pattern("x/y")),
                (Variable::Xml, false, false, name("/*")),
                (Variable::Xml, false, false, name("//@*")),
                (Variable::RequestHeaders, false, false, name("User-Agent")),
            ]
        );
    }

    #[test]
    fn an_unknown_variable_is_named_with_the_nearest() {
        let fault = targets("ARGS|REQUEST_COOKIE").expect_err("there is no such variable");
        assert_eq!(fault.to_string(), "unknown variable `REQUEST_COOKIE`");
        assert_eq!(fault.help().as_deref(), Some("did you mean `REQUEST_COOKIES`?"));
        assert!(targets("XML:/a/b").is_err());
    }
}
