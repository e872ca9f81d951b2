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
            Self::Within => find(argument, value).is_some(),
        }
    }
}

/// Whether the word stands in the value with no ASCII letter on either side. The empty word stands everywhere.
fn contains_word(value: &[u8], word: &[u8]) -> bool {
    let letter_at = |at: usize| value.get(at).is_some_and(u8::is_ascii_alphabetic);
    let mut places = find_iter(value, word);
    word.is_empty() || places.any(|at| !at.checked_sub(1).is_some_and(letter_at) && !letter_at(at + word.len()))
}
