//! Parameters of a header: `; name=token; name="text"` (RFC 9110 section 5.6.6), and every way in which they stray from that.

use crate::cookie::{is_space, is_token, trim};
use crate::{Note, Notes};

/// More parameters than any header has in earnest: each is compared with those before it.
const PARAMETERS_MAX: usize = 16;

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Its name in lower case.
    pub(crate) name: Vec<u8>,
    /// Its value without quotes, `\"` and `\\` undone.
    pub(crate) value: Vec<u8>,
    /// Whether it was quoted.
    pub(crate) quoted: bool,
}

/// A header value and its parameters.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    /// What stands before the first `;`, in lower case.
    pub(crate) main: Vec<u8>,
    /// The parameters that could be read.
    pub(crate) list: Vec<Parameter>,
    /// What was wrong.
    pub(crate) notes: Notes,
}

impl Parameters {
    /// The value of the first parameter of a name.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Parameter> {
        self.list.iter().find(|parameter| parameter.name == name)
    }

    /// Reads all.
    pub(crate) fn read(value: &[u8]) -> Self {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let (main, mut rest) = value.split_at(end);
        let mut all = Self { main: trim(main).to_ascii_lowercase(), ..Self::default() };
        while let Some(after) = rest.strip_prefix(b";") {
            rest = all.one(after);
        }
        if !rest.is_empty() {
            all.notes.insert(Note::BadParameter);
        }
        all
    }

    /// Reads one parameter after its `;` and returns what is left, beginning at the next `;` if all is well.
    fn one<'a>(&mut self, after: &'a [u8]) -> &'a [u8] {
        let text = trim_start(after);
        let (name, rest) = text.split_at(text.iter().take_while(|byte| is_token(**byte)).count());
        let spaced = trim_start(rest);
        let Some(value) = spaced.strip_prefix(b"=") else {
            self.notes.insert(Note::BadParameter);
            return to_semicolon(text);
        };
        let start = trim_start(value);
        if name.is_empty() {
            self.notes.insert(Note::BadParameter);
        } else if spaced.len() != rest.len() || start.len() != value.len() {
            self.notes.insert(Note::ParameterSpace);
        }
        let (value, quoted, rest) = match start.strip_prefix(b"\"") {
            Some(inner) => self.quoted(inner),
            None => self.token(start),
        };
        self.add(Parameter { name: name.to_ascii_lowercase(), value, quoted });
        let rest = trim_start(rest);
        if !rest.is_empty() && !rest.starts_with(b";") {
            self.notes.insert(Note::BadParameter);
            return to_semicolon(rest);
        }
        rest
    }

    fn add(&mut self, parameter: Parameter) {
        if self.list.len() >= PARAMETERS_MAX {
            self.notes.insert(Note::BadParameter);
            return;
        }
        if self.get(&parameter.name).is_some() {
            self.notes.insert(Note::TwoParameters);
        }
        self.list.push(parameter);
    }

    fn token<'a>(&mut self, start: &'a [u8]) -> (Vec<u8>, bool, &'a [u8]) {
        let (value, rest) = start.split_at(memchr::memchr(b';', start).unwrap_or(start.len()));
        let value = trim(value);
        if value.starts_with(b"'") {
            self.notes.insert(Note::SingleQuotes);
        } else if value.is_empty() || !value.iter().all(|byte| is_token(*byte)) {
            self.notes.insert(Note::BadParameter);
        }
        self.notes.insert(Note::UnquotedParameter);
        (value.to_vec(), false, rest)
    }

    fn quoted<'a>(&mut self, inner: &'a [u8]) -> (Vec<u8>, bool, &'a [u8]) {
        let (mut value, mut rest) = (Vec::new(), inner);
        loop {
            rest = match rest {
                [] => {
                    self.notes.insert(Note::BadParameter);
                    return (value, true, rest);
                }
                [b'"', tail @ ..] => return (value, true, tail),
                [b'\\', byte @ (b'"' | b'\\'), tail @ ..] => {
                    self.notes.insert(if *byte == b'"' { Note::QuotedPair } else { Note::Backslash });
                    value.push(*byte);
                    tail
                }
                [byte, tail @ ..] => {
                    match byte {
                        b'\\' => self.notes.insert(Note::Backslash),
                        b';' => self.notes.insert(Note::SemicolonInQuotes),
                        b'%' if tail.starts_with(b"22") => self.notes.insert(Note::PercentQuote),
                        _ => false,
                    };
                    value.push(*byte);
                    tail
                }
            };
        }
    }
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let spaces = bytes.iter().take_while(|byte| is_space(**byte)).count();
    bytes.get(spaces..).unwrap_or_default()
}

fn to_semicolon(bytes: &[u8]) -> &[u8] {
    memchr::memchr(b';', bytes).and_then(|at| bytes.get(at..)).unwrap_or_default()
}
