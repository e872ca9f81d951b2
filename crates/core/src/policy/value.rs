//! From a TOML value to a typed one.

use std::{collections::BTreeMap, ops::Range, time::Duration};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Why a value was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: String,
    /// Where inside the value, when not all of it is wrong.
    pub span: Option<Range<usize>>,
    /// What else is wrong inside the same value: other items of a list or table.
    pub also: Vec<Wrong>,
}

impl Wrong {
    /// What is wrong and how to mend it.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), span: None, also: Vec::new() }
    }
}

/// A type that a policy value can be read as.
pub trait FromValue: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// When the value has another type or is out of bounds.
    fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong>;
}

fn expected(what: &str, example: &str, value: &DeValue<'_>) -> Wrong {
    Wrong::new(format!("this is {}, not {what}", kind_of(value)), format!("write {what}, such as {example}"))
}

const fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl FromValue for bool {
    fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong> {
        value.as_bool().ok_or_else(|| expected("a boolean", "`true`", value))
    }
}

impl FromValue for String {
    fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong> {
        value.as_str().map(str::to_owned).ok_or_else(|| expected("a text in quotes", "`\"text\"`", value))
    }
}

impl FromValue for i64 {
    fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let number = value.as_integer().ok_or_else(|| expected("a whole number", "`10`", value))?;
        Self::from_str_radix(&number.as_str().replace('_', ""), number.radix())
            .map_err(|_| Wrong::new("this number is too large", "write a smaller number"))
    }
}

macro_rules! narrower {
    ($($t:ty),*) => {$(
        impl FromValue for $t {
            fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong> {
                let number = i64::from_value(value)?;
                number.try_into().map_err(|_| Wrong::new(
                    format!("{number} is out of bounds"),
                    format!("write a whole number from {} to {}", <$t>::MIN, <$t>::MAX.min(i64::MAX as $t)),
                ))
            }
        }
    )*};
}
narrower!(u16, u32, u64, usize);

impl FromValue for Duration {
    fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let text = value.as_str().ok_or_else(|| expected("a duration in quotes", "`\"30s\"`", value))?;
        duration(text).ok_or_else(|| {
            Wrong::new(
                format!("`{text}` is not a duration"),
                "write a number with its unit: \"500ms\", \"30s\", \"5m\", \"12h\" or \"90d\"",
            )
        })
    }
}

/// `"500ms"`, `"30s"`, `"5m"`, `"12h"`, `"90d"`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(split)?;
    let number: u64 = digits.parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).filter(|&ms| ms < 1 << 48).map(Duration::from_millis)
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// As a count of bytes in memory.
    #[must_use]
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromValue for Size {
    fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong> {
        if value.is_integer() {
            return u64::from_value(value).map(Size);
        }
        let text = value.as_str().ok_or_else(|| expected("a size in quotes", "`\"16KiB\"`", value))?;
        size(text).map(Size).ok_or_else(|| {
            Wrong::new(
                format!("`{text}` is not a size"),
                "write a number with its unit: \"512B\", \"16KiB\", \"10MiB\" or \"2GiB\"",
            )
        })
    }
}

fn size(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(split)?;
    let number: u64 = digits.parse().ok()?;
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "KB" | "kB" | "K" => 1 << 10,
        "MiB" | "MB" | "M" => 1 << 20,
        "GiB" | "GB" | "G" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor).filter(|&bytes| bytes < 1 << 48)
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let list = value.as_array().ok_or_else(|| expected("a list", "`[\"a\", \"b\"]`", value))?;
        all(list.iter().map(item))
    }
}

impl<T: FromValue> FromValue for BTreeMap<String, T> {
    fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let table = value.as_table().ok_or_else(|| expected("a table", "`{ name = \"value\" }`", value))?;
        entries(table)
    }
}

fn entries<T: FromValue>(table: &DeTable<'_>) -> Result<BTreeMap<String, T>, Wrong> {
    all(table.iter().map(|(name, value)| Ok((name.get_ref().to_string(), item(value)?))))
}

/// Every item, or everything that is wrong with any of them.
pub(super) fn all<T, C: FromIterator<T>>(items: impl Iterator<Item = Result<T, Wrong>>) -> Result<C, Wrong> {
    let mut wrong: Option<Wrong> = None;
    let good = items.filter_map(|item| match (item, &mut wrong) {
        (Ok(item), _) => Some(item),
        (Err(next), Some(first)) => {
            first.also.push(next);
            None
        }
        (Err(next), none) => {
            *none = Some(next);
            None
        }
    });
    let good = good.collect();
    wrong.map_or(Ok(good), Err)
}

fn item<T: FromValue>(value: &Spanned<DeValue<'_>>) -> Result<T, Wrong> {
    T::from_value(value.get_ref()).map_err(|mut wrong| {
        wrong.span.get_or_insert(value.span());
        wrong
    })
}

/// A type read from a quoted text by its own parser, so that a list or table of them works like any other.
pub trait FromText: Sized {
    /// Reads the text.
    ///
    /// # Errors
    /// When the text has another form.
    fn from_text(text: &str) -> Result<Self, Wrong>;
}

/// Makes a [`FromText`] type readable as a policy value.
#[macro_export]
#[doc(hidden)]
macro_rules! value_from_text {
    ($($t:ty),*) => {$(
        impl $crate::policy::FromValue for $t {
            fn from_value(value: &toml::de::DeValue<'_>) -> Result<Self, $crate::policy::Wrong> {
                let text = <String as $crate::policy::FromValue>::from_value(value)?;
                <$t as $crate::policy::FromText>::from_text(&text)
            }
        }
    )*};
}

#[cfg(test)]
mod tests;
