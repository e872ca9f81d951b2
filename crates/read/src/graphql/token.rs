//! The tokens of GraphQL.

use crate::{Fault, Stop};
use memchr::memmem;

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or keyword.
    Name(&'a [u8]),
    /// A number.
    Number,
    /// A string as written; its value is in the buffer.
    Text(&'a [u8]),
    /// A punctuator; `...` comes as three.
    Mark(u8),
}

pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

const SYNTAX: Stop = Stop::Fault(Fault::GraphqlSyntax);

impl<'a> Tokens<'a> {
    pub(super) fn new(document: &'a [u8]) -> Self {
        Self { rest: document }
    }

    /// The next token; the value of a string replaces what is in `value`.
    pub(super) fn next(&mut self, value: &mut Vec<u8>) -> Result<Option<Token<'a>>, Stop> {
        self.skip();
        let Some(first) = self.rest.first() else { return Ok(None) };
        let token = match first {
            b'"' => Token::Text(self.text(value)?),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => Token::Name(self.run(|byte| byte == b'_' || byte.is_ascii_alphanumeric())),
            b'-' | b'0'..=b'9' => {
                self.run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'));
                Token::Number
            }
            b'!' | b'$' | b'&' | b'(' | b')' | b'.' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}' => {
                Token::Mark(self.run_of(1).first().copied().unwrap_or_default())
            }
            _ => return Err(SYNTAX),
        };
        Ok(Some(token))
    }

    /// White space, commas, comments and a byte order mark mean nothing.
    fn skip(&mut self) {
        loop {
            let blank = self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',')).count();
            self.run_of(blank);
            match self.rest {
                [b'#', ..] => {
                    self.run(|byte| !matches!(byte, b'\r' | b'\n'));
                }
                [0xef, 0xbb, 0xbf, ..] => {
                    self.run_of(3);
                }
                _ => return,
            }
        }
    }

    fn run_of(&mut self, length: usize) -> &'a [u8] {
        let (run, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        run
    }

    fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        self.run_of(self.rest.iter().take_while(|byte| wanted(**byte)).count())
    }

    fn text(&mut self, value: &mut Vec<u8>) -> Result<&'a [u8], Stop> {
        value.clear();
        if self.rest.starts_with(b"\"\"\"") {
            return self.block(value);
        }
        let mut at = 1;
        loop {
            let from = self.rest.get(at..).unwrap_or_default();
            let plain = from.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\r' | b'\n')).count();
            let (run, from) = from.split_at(plain);
            value.extend_from_slice(run);
            at += plain;
            match from {
                [b'"', ..] => return Ok(self.run_of(at + 1)),
                [b'\\', escape @ ..] => at += 1 + unescape(escape, value)?,
                _ => return Err(SYNTAX),
            }
        }
    }

    /// A block string; its indentation is left as it is.
    fn block(&mut self, value: &mut Vec<u8>) -> Result<&'a [u8], Stop> {
        let mut at = 3;
        loop {
            let from = self.rest.get(at..).unwrap_or_default();
            let end = memmem::find(from, b"\"\"\"").ok_or(SYNTAX)?;
            let (run, _) = from.split_at(end);
            at += end + 3;
            match run {
                [run @ .., b'\\'] => {
                    value.extend_from_slice(run);
                    value.extend_from_slice(b"\"\"\"");
                }
                _ => {
                    value.extend_from_slice(run);
                    return Ok(self.run_of(at));
                }
            }
        }
    }
}

/// Undoes one escape behind its backslash; returns its length.
fn unescape(escape: &[u8], value: &mut Vec<u8>) -> Result<usize, Stop> {
    let plain = match escape {
        [byte @ (b'"' | b'\\' | b'/'), ..] => *byte,
        [b'b', ..] => 8,
        [b'f', ..] => 12,
        [b'n', ..] => b'\n',
        [b'r', ..] => b'\r',
        [b't', ..] => b'\t',
        [b'u', b'{', digits @ ..] => {
            let length = digits.iter().take(8).position(|byte| *byte == b'}').ok_or(SYNTAX)?;
            code(digits.get(..length).unwrap_or_default(), value)?;
            return Ok(length + 3);
        }
        [b'u', digits @ ..] => return units(digits, value),
        _ => return Err(SYNTAX),
    };
    value.push(plain);
    Ok(1)
}

/// A character by one UTF-16 unit, or two.
fn units(digits: &[u8], value: &mut Vec<u8>) -> Result<usize, Stop> {
    let (first, rest) = digits.split_at_checked(4).ok_or(SYNTAX)?;
    let second = rest.strip_prefix(b"\\u").and_then(|rest| rest.get(..4));
    if let (Ok(high @ 0xd800..=0xdbff), Some(Ok(low @ 0xdc00..=0xdfff))) = (number(first), second.map(number)) {
        push(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00), value);
        return Ok(11);
    }
    code(first, value)?;
    Ok(5)
}

/// A character by its number; half of a surrogate pair becomes U+FFFD.
fn code(digits: &[u8], value: &mut Vec<u8>) -> Result<(), Stop> {
    push(number(digits)?, value);
    Ok(())
}

fn number(digits: &[u8]) -> Result<u32, Stop> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(SYNTAX);
    }
    std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or(SYNTAX)
}

fn push(code: u32, value: &mut Vec<u8>) {
    let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    value.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}
