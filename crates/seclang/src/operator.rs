//! Operators: the question a rule asks of a value (`@rx`, `@pm`, `@eq` ...).
//!
//! The semantics are those of ModSecurity 3 with two exceptions named where they are made: anchors ([`rx`](Operator::as_pattern))
//! and what it takes for a valid character. Negation (`!@`) belongs to the rule, not to its operator.

mod captures;
mod injection;
mod network;
mod number;
mod pattern;
mod phrases;
mod rx;
mod sqli;
mod text;
mod validate;

use thiserror::Error;

pub use captures::Captures;
pub(crate) use pattern::length_min as pattern_length_min;
pub use pattern::{PatternError, syntax};

use crate::transform::ByteSet;

pub use crate::files::Files;

/// Why an operator cannot be had.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OperatorError {
    /// No engine knows an operator of this name.
    #[error("there is no operator `@{0}`")]
    Unknown(String),
    /// The operator is known and deliberately not here. A rule with it can be left out, but not judged.
    #[error("`@{name}` is not offered: {why}")]
    Unavailable {
        /// Its name as documented.
        name: &'static str,
        /// What it would need.
        why: &'static str,
    },
    /// The argument does not say what the operator needs.
    #[error("`@{name}` cannot use `{argument}`: {why}")]
    Argument {
        /// The operator's name.
        name: &'static str,
        /// The part of the argument that is at fault.
        argument: String,
        /// What was expected.
        why: &'static str,
    },
    /// The pattern of an `@rx` is faulty, or needs more than linear time.
    #[error("`@rx` cannot use its pattern: {0}")]
    Pattern(#[from] PatternError),
    /// A list could not be read.
    #[error("`@{name}` cannot read `{path}`: {why}")]
    File {
        /// The operator's name.
        name: &'static str,
        /// The file as the rule names it.
        path: String,
        /// What the reader said.
        why: String,
    },
}

/// A compiled operator. Cheap to make: patterns are checked at once, engines built when first used.
#[derive(Debug)]
pub struct Operator(Kind);

#[derive(Debug)]
enum Kind {
    Always,
    Never,
    Rx(rx::Rx),
    RxMacro,
    Phrases(phrases::Phrases),
    Text { compare: text::Compare, fixed: Option<Vec<u8>> },
    Number { compare: number::Compare, fixed: Option<i64> },
    Networks(network::Networks),
    BytesOutside(ByteSet),
    UrlEncoding,
    Utf8Encoding,
    Sqli,
    Xss,
}

impl Operator {
    /// Compiles an operator by its name (without `@`, in any case) and its argument as written in the rule.
    pub fn compile(name: &str, argument: &str, files: &dyn Files) -> Result<Self, OperatorError> {
        let name = name.to_ascii_lowercase();
        if let Some(compare) = text::Compare::named(&name) {
            let fixed = (!has_macro(argument)).then(|| argument.as_bytes().to_vec());
            return Ok(Self(Kind::Text { compare, fixed }));
        }
        if let Some(compare) = number::Compare::named(&name) {
            let fixed = (!has_macro(argument)).then(|| number::read(argument.as_bytes()));
            return Ok(Self(Kind::Number { compare, fixed }));
        }
        Ok(Self(match name.as_str() {
            "unconditionalmatch" => Kind::Always,
            "nomatch" => Kind::Never,
            "rx" if has_macro(argument) => Kind::RxMacro,
            "rx" => Kind::Rx(rx::Rx::new(argument)?),
            "pm" => Kind::Phrases(phrases::Phrases::from_argument(argument)?),
            "pmfromfile" | "pmf" => Kind::Phrases(phrases::Phrases::from_files(argument, files)?),
            "ipmatch" => Kind::Networks(network::Networks::from_argument(argument)?),
            "ipmatchfromfile" | "ipmatchf" => Kind::Networks(network::Networks::from_files(argument, files)?),
            "validatebyterange" => Kind::BytesOutside(validate::byte_range(argument)?),
            "validateurlencoding" => Kind::UrlEncoding,
            "validateutf8encoding" => Kind::Utf8Encoding,
            "detectsqli" => Kind::Sqli,
            "detectxss" => Kind::Xss,
            _ => return Err(unavailable(&name).unwrap_or(OperatorError::Unknown(name))),
        }))
    }

    /// Why a rule with this operator is right elsewhere and cannot be judged here: its operator is deliberately not offered, or its
    /// pattern needs more than linear time. Such a rule can be left out, by name; any other error is a fault of the rule.
    pub fn refused(name: &str, argument: &str) -> Option<OperatorError> {
        let name = name.to_ascii_lowercase();
        if name != "rx" {
            return unavailable(&name);
        }
        let why = pattern::rewrite(argument.as_bytes()).err()?;
        matches!(why, PatternError::Unsupported(_)).then_some(OperatorError::Pattern(why))
    }

    /// Whether the operator matches. `argument` is the rule's argument after its macros were expanded; it is not looked at where
    /// it holds none. On a match with `captures` given, these are what `TX.0` to `TX.9` shall be.
    pub fn test(&self, value: &[u8], argument: &[u8], captures: Option<&mut Captures>) -> bool {
        match &self.0 {
            Kind::Always => true,
            Kind::Never => false,
            Kind::Rx(rx) => rx.test(value, captures),
            Kind::RxMacro => rx::test_once(argument, value, captures),
            Kind::Phrases(phrases) => phrases.test(value, captures),
            Kind::Text { compare, fixed } => compare.test(value, fixed.as_deref().unwrap_or(argument)),
            Kind::Number { compare, fixed } => compare.test(number::read(value), fixed.unwrap_or_else(|| number::read(argument))),
            Kind::Networks(networks) => networks.contain(value),
            Kind::BytesOutside(allowed) => value.iter().any(|&byte| !allowed.contains(byte)),
            Kind::UrlEncoding => validate::is_badly_url_encoded(value),
            Kind::Utf8Encoding => std::str::from_utf8(value).is_err(),
            Kind::Sqli => injection::is_sqli(value, captures),
            Kind::Xss => injection::is_xss(value, captures),
        }
    }

    /// The pattern of an `@rx` without macros, rewritten for `regex-automata` with [`syntax()`]: several can stand in one set.
    ///
    /// `.` matches a newline, `^` and `$` only the ends of the value: so ModSecurity 2 compiles patterns, and so the Core Rule Set
    /// means them. (Version 3 lets anchors match at each line, by which a second line passes a negated rule.)
    pub fn as_pattern(&self) -> Option<&str> {
        let Kind::Rx(rx) = &self.0 else { return None };
        Some(rx.pattern())
    }

    /// The phrases of `@pm` and `@pmFromFile`; they match in either case of ASCII letters.
    pub fn as_phrases(&self) -> Option<&[Vec<u8>]> {
        let Kind::Phrases(phrases) = &self.0 else { return None };
        Some(phrases.list())
    }
}

/// Whether the text holds a macro (`%{TX.name}`), which only the transaction can expand.
pub fn has_macro(argument: &str) -> bool {
    argument.match_indices("%{").any(|(at, mark)| {
        let inside = argument.get(at + mark.len()..).unwrap_or_default();
        inside.starts_with(|first: char| first.is_ascii_alphabetic()) && inside.contains('}')
    })
}

/// Operators that exist elsewhere and are deliberately not here.
const UNAVAILABLE: [(&str, &str, &str); 14] = [
    ("fuzzyhash", "fuzzyHash", "it needs a library of hashes of known malware"),
    ("geolookup", "geoLookup", "it needs a database of places"),
    ("gsblookup", "gsbLookup", "it needs a database of reported addresses"),
    ("inspectfile", "inspectFile", "it runs a program on uploaded files"),
    ("rbl", "rbl", "it asks a name server about each client, which is slow and tells a third party who visits"),
    ("rsub", "rsub", "it changes the value it looks at"),
    ("rxglobal", "rxGlobal", "its captures have no fixed number"),
    ("validatedtd", "validateDTD", "document types are not read"),
    ("validatehash", "validateHash", "links are not rewritten"),
    ("validateschema", "validateSchema", "XML schemas are not read"),
    ("verifycc", "verifyCC", "it needs repeated searches"),
    ("verifycpf", "verifyCPF", "it needs repeated searches"),
    ("verifyssn", "verifySSN", "it needs repeated searches"),
    ("verifysvnr", "verifySVNR", "it needs repeated searches"),
];

fn unavailable(lower_name: &str) -> Option<OperatorError> {
    let (_, name, why) = UNAVAILABLE.iter().find(|(known, ..)| *known == lower_name)?;
    Some(OperatorError::Unavailable { name, why })
}

#[cfg(test)]
mod tests;
