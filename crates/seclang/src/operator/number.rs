//! `@eq`, `@ne`, `@lt`, `@le`, `@gt`, `@ge`.

/// A comparison of the value with the argument, both read as integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Compare {
    pub(super) fn named(lower_name: &str) -> Option<Self> {
        Some(match lower_name {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    pub(super) fn test(self, value: i64, argument: i64) -> bool {
        match self {
            Self::Equal => value == argument,
            Self::NotEqual => value != argument,
            Self::Less => value < argument,
            Self::LessOrEqual => value <= argument,
            Self::Greater => value > argument,
            Self::GreaterOrEqual => value >= argument,
        }
    }
}

/// Reads an integer as C does: white space, a sign, digits as far as they go; nothing reads as 0, too much saturates.
pub(super) fn read(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let size = digits.fold(0i64, |size, digit| size.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -size } else { size }
}
