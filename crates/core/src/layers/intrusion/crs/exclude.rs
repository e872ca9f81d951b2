//! Exceptions from rules as a policy writes them, and as SecLang.

use crate::policy::{FromText, Wrong};
use std::fmt::{self, Write as _};

/// Which rules do not hold, of which value, on which paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exclude {
    /// Rules with this tag, everywhere.
    Tag(String),
    /// Rules with these numbers: of one variable, or altogether; on one path, or everywhere.
    Rules { ids: (u64, u64), variable: Option<String>, path: Option<String> },
}

/// Numbers of the rules that stand for exceptions by path; rule sets keep theirs elsewhere.
const FIRST_ID: usize = 200_200;

/// More exceptions than this are a policy to be thought over.
pub(super) const EXCLUDES_MAX: usize = 500;

const HELP: &str = "write a rule (\"942100\"), rules (\"942000-942999\"), a tag (\"attack-sqli\"), or a rule with a variable and a path \
                    (\"942100 ARGS:q /search\")";

impl FromText for Exclude {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = || Wrong::new(format!("`{text}` names no rule"), HELP);
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let first = words.next().ok_or_else(wrong)?;
        let rest: Vec<&str> = words.collect();
        let Some(ids) = ids(first) else {
            return if rest.is_empty() && is_tag(first) { Ok(Self::Tag(first.to_owned())) } else { Err(wrong()) };
        };
        let (variable, path) = match rest.as_slice() {
            [] => (None, None),
            [path] if path.starts_with('/') => (None, Some(*path)),
            [variable] => (Some(*variable), None),
            [variable, path] => (Some(*variable), Some(*path)),
            _ => return Err(wrong()),
        };
        if !variable.is_none_or(is_variable) || !path.is_none_or(is_path) {
            return Err(wrong());
        }
        Ok(Self::Rules { ids, variable: variable.map(str::to_owned), path: path.map(str::to_owned) })
    }
}
crate::value_from_text!(Exclude);

fn ids(word: &str) -> Option<(u64, u64)> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    match word.split_once('-') {
        Some((from, to)) => Some((number(from)?, number(to)?)).filter(|(from, to)| from <= to),
        None => number(word).map(|id| (id, id)),
    }
}

fn is_tag(word: &str) -> bool {
    word.len() <= 200 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:".contains(&b))
}

/// A variable, perhaps with a name in it. Nothing that means something to a rule's own text.
fn is_variable(word: &str) -> bool {
    let (name, member) = word.split_once(':').unwrap_or((word, "x"));
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\,;|%!&/".contains(&byte);
    let is_xml = name == "XML" && matches!(member, "/*" | "//@*");
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        && (is_xml || (!member.is_empty() && member.len() <= 200 && member.bytes().all(plain)))
}

fn is_path(word: &str) -> bool {
    word.starts_with('/')
        && word.len() <= 500
        && word.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'\\,;|%".contains(&byte))
}

impl fmt::Display for Exclude {
    /// As in a policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Rules { ids, variable, path } => {
                f.write_str(&range(*ids))?;
                variable.iter().chain(path).try_for_each(|word| write!(f, " {word}"))
            }
        }
    }
}

fn range((from, to): (u64, u64)) -> String {
    if from == to { from.to_string() } else { format!("{from}-{to}") }
}

impl Exclude {
    /// The narrowest exception for a rule that matched this variable on this path.
    pub(super) fn narrowest(rule: u64, variable: &str, path: &str) -> Self {
        let of_request = !variable.starts_with("TX") && !variable.starts_with("MATCHED");
        let variable = Some(variable).filter(|variable| of_request && is_variable(variable)).map(str::to_owned);
        let whole = !path.contains(['*', '…']);
        Self::Rules { ids: (rule, rule), variable, path: Some(path).filter(|path| whole && is_path(path)).map(str::to_owned) }
    }

    /// Whether these rules have what it excepts from, as far as their text says.
    pub(super) fn is_of(&self, rules: &str) -> bool {
        match self {
            Self::Tag(tag) => {
                [("'", "'"), ("", ","), ("", "\"")].iter().any(|(open, end)| rules.contains(&format!("tag:{open}{tag}{end}")))
            }
            Self::Rules { ids: (from, to), .. } => rules.split("id:").skip(1).any(|rest| {
                let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
                digits.parse::<u64>().is_ok_and(|id| (*from..=*to).contains(&id))
            }),
        }
    }

    /// What stands before the rules: exceptions by path, which are rules themselves. `number` tells them apart.
    pub(super) fn before(&self, number: usize, out: &mut String) {
        let Self::Rules { ids, variable, path: Some(path) } = self else { return };
        let (operator, path) = path.strip_suffix('*').map_or(("@streq", path.as_str()), |start| ("@beginsWith", start));
        let ids = range(*ids);
        let action = match variable {
            Some(variable) => format!("ctl:ruleRemoveTargetById={ids};{variable}"),
            None => format!("ctl:ruleRemoveById={ids}"),
        };
        let id = FIRST_ID + number;
        // Writing to a string cannot fail.
        let _infallible =
            writeln!(out, "SecRule REQUEST_FILENAME \"{operator} {path}\" \"id:{id},phase:1,pass,nolog,t:none,{action}\"");
    }

    /// What stands behind the rules: exceptions everywhere, which change them.
    pub(super) fn after(&self, out: &mut String) {
        let _infallible = match self {
            Self::Tag(tag) => writeln!(out, "SecRuleRemoveByTag \"^{}$\"", regex::escape(tag)),
            Self::Rules { path: Some(_), .. } => Ok(()),
            Self::Rules { ids, variable: Some(variable), .. } => {
                writeln!(out, "SecRuleUpdateTargetById {} \"!{variable}\"", range(*ids))
            }
            Self::Rules { ids, variable: None, .. } => writeln!(out, "SecRuleRemoveById {}", range(*ids)),
        };
    }
}
