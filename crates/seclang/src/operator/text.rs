//! Operators that compare bytes: `@streq`, `@contains`, `@within` and their like. All respect case.

use memchr::memmem::{find, find_iter};

/// A comparison of the value with the argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equals,
    Contains,
    ContainsWord,
    BeginsWith,
    EndsWith,
    Within,
}

impl Compare {
    pub(super) fn named(lower_name: &str) -> Option<Self> {
        Some(match lower_name {
            "streq" => Self::Equals,
            "contains" | "strmatch" => Self::Contains,
            "containsword" => Self::ContainsWord,
            "beginswith" => Self::BeginsWith,
            "endswith" => Self::EndsWith,
            "within" => Self::Within,
            _ => return None,
        })
    }

    pub(super) fn test(self, value: &[u8], argument: &[u8]) -> bool {
        match self {
            Self::Equals => value == argument,
            Self::Contains => find(value, argument).is_some(),
            Self::ContainsWord => contains_word(value, argument),
            Self::BeginsWith => value.starts_with(argument),
            Self::EndsWith => value.ends_with(argument),
            Self::Within => is_within(value, argument),
        }
    }
}

/// Whether the value stands in the argument. Arguments are short lists, with a mark between their words: the value is looked for by
/// its first letter or digit, and a searcher made for each value would cost more than it spares.
fn is_within(value: &[u8], argument: &[u8]) -> bool {
    const SHORT: usize = 1024;
    if value.is_empty() || value.len() > argument.len() {
        return value.is_empty();
    }
    let before = value.iter().position(u8::is_ascii_alphanumeric).unwrap_or(0);
    let Some(telling) = value.get(before).filter(|_| argument.len() <= SHORT) else { return find(argument, value).is_some() };
    let starts = memchr::memchr_iter(*telling, argument).filter_map(|at| at.checked_sub(before));
    starts.into_iter().any(|at| argument.get(at..).is_some_and(|rest| rest.starts_with(value)))
}

/// Whether the word stands in the value with no ASCII letter on either side. The empty word stands everywhere.
fn contains_word(value: &[u8], word: &[u8]) -> bool {
    let letter_at = |at: usize| value.get(at).is_some_and(u8::is_ascii_alphabetic);
    let mut places = find_iter(value, word);
    word.is_empty() || places.any(|at| !at.checked_sub(1).is_some_and(letter_at) && !letter_at(at + word.len()))
}
