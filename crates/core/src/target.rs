//! The one reading of a request target: what every layer decides on is what the app receives.
//!
//! A proxy that decides on a normalised path and forwards the raw one lets `/admin/../public` or `/%61dmin` mean one thing to its
//! rules and another to the app (CWE-22, CWE-41, CWE-647). So a target is parsed once; layers match its decoded path; the
//! canonical text of the same value goes out. What two parsers may read in two ways is refused.

use std::fmt;

/// A request target with one meaning: canonical path, and query as sent.
///
/// The text is visible ASCII, begins with `/` (or is `*`), and reads back as the same value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `path` or `path?query`, as forwarded.
    text: String,
    path_len: usize,
    /// The path after one decoding, where that differs from the text.
    decoded: Option<String>,
}

/// What is tolerated in a target; the default tolerates nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TargetRules {
    /// `%2F` and `%5C` in the path: for apps whose keys contain slashes. WSGI apps see them as separators.
    pub encoded_slashes: bool,
    /// A path that is not UTF-8 once decoded, such as the overlong `%C0%AE`. It is matched with U+FFFD in place of what is wrong.
    pub invalid_utf8: bool,
    /// `.` and `..` as segments: for measuring what stops them otherwise.
    pub dot_segments: bool,
    /// `%00` to `%1F` and `%7F` in the path.
    pub encoded_controls: bool,
    /// `#`, a backslash, a control byte, or a `%` without two hexadecimal digits: they are encoded, so that they are data.
    pub malformed: bool,
}

impl TargetRules {
    /// Tolerates everything that can be forwarded at all: the reading with this defence off.
    pub const LENIENT: Self =
        Self { encoded_slashes: true, invalid_utf8: true, dot_segments: true, encoded_controls: true, malformed: true };
}

/// Why a target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetFault {
    /// Neither a path nor `*`.
    Form,
    /// A control byte or a space.
    ControlByte,
    /// A fragment, which clients keep to themselves.
    Fragment,
    /// A backslash, which some parsers take for a slash.
    Backslash,
    /// `%` without two hexadecimal digits in the path.
    BadEscape,
    /// An encoded control byte, NUL among them, in the path.
    EncodedControl,
    /// An encoded slash or backslash in the path.
    EncodedSlash,
    /// A `.` or `..` segment, however written.
    DotSegment,
    /// A path that is not UTF-8 once decoded.
    InvalidUtf8,
}

impl TargetFault {
    /// The stable kebab-case name used in records, metrics and tests.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Form => "target-form",
            Self::ControlByte => "target-control-byte",
            Self::Fragment => "target-fragment",
            Self::Backslash => "target-backslash",
            Self::BadEscape => "target-bad-escape",
            Self::EncodedControl => "target-encoded-control",
            Self::EncodedSlash => "target-encoded-slash",
            Self::DotSegment => "target-dot-segment",
            Self::InvalidUtf8 => "target-invalid-utf8",
        }
    }

    /// One sentence: what is wrong, and where the standard says so.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::Form => "The target is not an absolute path (RFC 9112 3.2).",
            Self::ControlByte => "The target contains a control byte or a space (RFC 3986 2).",
            Self::Fragment => "The target contains a fragment, which is never sent (RFC 9110 4.2.5).",
            Self::Backslash => "The path contains a backslash, which some parsers take for a slash (RFC 3986 3.3).",
            Self::BadEscape => "The path contains a percent sign without two hexadecimal digits (RFC 3986 2.1).",
            Self::EncodedControl => "The path contains an encoded control byte (RFC 3986 7.3).",
            Self::EncodedSlash => {
                "The path contains an encoded slash or backslash, whose meaning differs between parsers (RFC 3986 7.3)."
            }
            Self::DotSegment => "The path contains a dot segment, which climbs out of the folder it names (RFC 3986 5.2.4).",
            Self::InvalidUtf8 => "The path is not UTF-8 once decoded, as overlong forms are not (RFC 3629 10).",
        }
    }
}

impl fmt::Display for TargetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why())
    }
}

impl std::error::Error for TargetFault {}

impl Target {
    /// Reads a target as it came over the wire: `/path?query`, or `*`.
    ///
    /// In the path, needless percent-encoding is undone, needed encoding is added (bytes from 0x80, quotes, brackets), hexadecimal
    /// digits become upper case and repeated slashes one. The query stays as sent but for bytes no URI may have.
    ///
    /// # Errors
    /// When the target can be read in two ways and `rules` do not tolerate it.
    pub fn parse(raw: &[u8], rules: &TargetRules) -> Result<Self, TargetFault> {
        if raw == b"*" {
            return Ok(Self { text: "*".into(), path_len: 1, decoded: None });
        }
        let end = memchr::memchr2(b'?', b'#', raw).unwrap_or(raw.len());
        let (path, query) = raw.split_at_checked(end).unwrap_or((raw, b""));
        // A fragment that is tolerated becomes part of the path as data.
        let (path, query) = if query.starts_with(b"#") { split_at_query(raw, rules)? } else { (path, query) };
        let mut reader = PathReader::new(path, rules);
        reader.read(path)?;
        reader.finish(query)
    }

    /// The path `/`, in the place of a target that could not be read.
    pub(crate) fn root() -> Self {
        Self { text: "/".into(), path_len: 1, decoded: None }
    }

    /// Reads what a WSGI server hands over: a path already decoded once, and the query without its question mark.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn from_decoded(path_info: &[u8], query: &[u8], rules: &TargetRules) -> Result<Self, TargetFault> {
        if path_info == b"*" {
            return Self::parse(path_info, rules);
        }
        let mut reader = PathReader::new(path_info, rules);
        match path_info {
            [] => reader.push(b'/', Written::Plain)?,
            [b'/', ..] => path_info.iter().try_for_each(|byte| reader.push(*byte, Written::Decoded))?,
            _ => return Err(TargetFault::Form),
        }
        let question: &[u8] = if query.is_empty() { b"" } else { b"?" };
        reader.finish(&[question, query].concat())
    }

    /// The canonical path, percent-encoded: what is forwarded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(..self.path_len).unwrap_or_default()
    }

    /// The path after one decoding: what layers match, and what a WSGI app receives as `PATH_INFO`.
    #[must_use]
    pub fn decoded_path(&self) -> &str {
        self.decoded.as_deref().unwrap_or_else(|| self.path())
    }

    /// The segments of the decoded path; `/a/` has `a` and an empty one, `*` has none.
    pub fn decoded_segments(&self) -> impl Iterator<Item = &str> {
        self.decoded_path().strip_prefix('/').into_iter().flat_map(|path| path.split('/'))
    }

    /// The query without its question mark, if there was one.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_len + 1..)
    }

    /// The whole target, as forwarded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Splits at the first question mark, when a `#` came before it.
fn split_at_query<'a>(raw: &'a [u8], rules: &TargetRules) -> Result<(&'a [u8], &'a [u8]), TargetFault> {
    if !rules.malformed {
        return Err(TargetFault::Fragment);
    }
    let end = memchr::memchr(b'?', raw).unwrap_or(raw.len());
    Ok(raw.split_at_checked(end).unwrap_or((raw, b"")))
}

/// How a byte of the path was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// As itself, in a target.
    Plain,
    /// As a percent-triplet.
    Encoded,
    /// As itself, in a path that somebody decoded before us.
    Decoded,
}

/// Builds the canonical and the decoded path side by side.
struct PathReader<'a> {
    rules: &'a TargetRules,
    text: String,
    decoded: Vec<u8>,
}

impl<'a> PathReader<'a> {
    fn new(path: &[u8], rules: &'a TargetRules) -> Self {
        Self { rules, text: String::with_capacity(path.len() + 64), decoded: Vec::with_capacity(path.len()) }
    }

    fn read(&mut self, path: &[u8]) -> Result<(), TargetFault> {
        if path.first() != Some(&b'/') {
            return Err(TargetFault::Form);
        }
        let mut rest = path;
        while let [byte, after @ ..] = rest {
            rest = after;
            match (byte, after) {
                (b'%', [high, low, after @ ..]) if let Some(value) = hex_pair(*high, *low) => {
                    rest = after;
                    self.push(value, Written::Encoded)?;
                }
                (b'%', _) if !self.rules.malformed => return Err(TargetFault::BadEscape),
                _ => self.push(*byte, Written::Plain)?,
            }
        }
        Ok(())
    }

    fn push(&mut self, byte: u8, written: Written) -> Result<(), TargetFault> {
        self.check(byte, written)?;
        let separates = byte == b'/' && written != Written::Encoded;
        if separates && self.text.ends_with('/') {
            return Ok(());
        }
        self.decoded.push(byte);
        match byte {
            _ if separates || is_unreserved(byte) => self.text.push(char::from(byte)),
            // A reserved byte means one thing written as itself and another encoded: it stays as it was.
            _ if written != Written::Encoded && is_path_delimiter(byte) => self.text.push(char::from(byte)),
            _ => push_triplet(&mut self.text, byte),
        }
        Ok(())
    }

    fn check(&self, byte: u8, written: Written) -> Result<(), TargetFault> {
        let rules = self.rules;
        match (byte, written) {
            (b'\\', Written::Plain) if !rules.malformed => Err(TargetFault::Backslash),
            (0..=b' ' | 0x7f, Written::Plain) if !rules.malformed => Err(TargetFault::ControlByte),
            (b'/', Written::Encoded) | (b'\\', _) if !rules.encoded_slashes => Err(TargetFault::EncodedSlash),
            (0..=0x1f | 0x7f, _) if !rules.encoded_controls => Err(TargetFault::EncodedControl),
            _ => Ok(()),
        }
    }

    /// Judges the decoded path and appends the query, which begins with `?` or is empty.
    fn finish(mut self, query: &[u8]) -> Result<Target, TargetFault> {
        if !self.rules.dot_segments && has_dot_segment(&self.decoded) {
            return Err(TargetFault::DotSegment);
        }
        let path_len = self.text.len();
        let decoded = if self.decoded == self.text.as_bytes() { None } else { Some(into_text(self.decoded, self.rules)?) };
        for byte in query {
            match byte {
                0..=b' ' | 0x7f if !self.rules.malformed => return Err(TargetFault::ControlByte),
                b'#' if !self.rules.malformed => return Err(TargetFault::Fragment),
                0..=b' ' | b'"' | b'#' | b'<' | b'>' | 0x7f.. => push_triplet(&mut self.text, *byte),
                _ => self.text.push(char::from(*byte)),
            }
        }
        Ok(Target { text: self.text, path_len, decoded })
    }
}

fn into_text(decoded: Vec<u8>, rules: &TargetRules) -> Result<String, TargetFault> {
    match String::from_utf8(decoded) {
        Ok(text) => Ok(text),
        Err(error) if rules.invalid_utf8 => Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Err(_) => Err(TargetFault::InvalidUtf8),
    }
}

/// Whether any segment is `.` or `..`, with backslashes taken for slashes as some file systems do.
fn has_dot_segment(decoded: &[u8]) -> bool {
    memchr::memchr(b'.', decoded).is_some()
        && decoded.split(|b| matches!(b, b'/' | b'\\')).any(|segment| matches!(segment, b"." | b".."))
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

fn push_triplet(text: &mut String, byte: u8) {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
    text.push('%');
    text.push(digit(byte >> 4));
    text.push(digit(byte & 0xf));
}

/// RFC 3986 2.3: these mean the same whether encoded or not.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 3.3: what else a path segment may contain as itself.
const fn is_path_delimiter(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

#[cfg(test)]
mod tests;
