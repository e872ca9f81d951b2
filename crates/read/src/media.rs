//! The media type of a body: which reader it is for, and what that reader must know.

use crate::Note;
use crate::cookie::is_token;
use crate::parameter::Parameters;
use memchr::memmem;

/// A `Content-Type` as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype` in lower case, without parameters.
    pub essence: Vec<u8>,
    /// The boundary of a multipart body.
    pub boundary: Option<Vec<u8>>,
    /// What others could read otherwise: for policy, together with the notes of the body's reader.
    pub notes: Vec<Note>,
}

impl MediaType {
    /// Reads the value of a `Content-Type` header.
    pub fn read(header: &[u8]) -> Self {
        let read = Parameters::read(header);
        let multipart = read.main.starts_with(b"multipart/");
        let boundary = read.get(b"boundary").filter(|_| multipart);
        let mut notes: Vec<Note> = read.notes.iter().filter_map(general).collect();
        if read.get(b"charset").is_some_and(|charset| !is_utf8(&charset.value)) {
            notes.push(Note::Charset);
        }
        if let Some(boundary) = boundary {
            if boundary.quoted {
                notes.push(Note::BoundaryQuoted);
            }
            if !is_plain_boundary(&boundary.value) {
                notes.push(Note::BoundaryOdd);
            }
        }
        let (kind, subkind) = read.main.split_at(memchr::memchr(b'/', &read.main).unwrap_or(read.main.len()));
        let subkind = subkind.get(1..).unwrap_or_default();
        if [kind, subkind].iter().any(|token| token.is_empty() || !token.iter().all(|byte| is_token(*byte))) {
            notes.push(Note::MediaType);
        } else if multipart && header.get(..kind.len()).is_some_and(|written| written != kind) {
            // Frameworks compare it as written; Bottle then takes the body for a form.
            notes.push(Note::MediaType);
        }
        if read.list.iter().any(|parameter| parameter.name.contains(&b'*')) {
            notes.push(Note::MediaParameter);
        }
        let boundary = boundary.map(|boundary| boundary.value.clone());
        notes.sort_unstable();
        notes.dedup();
        Self { essence: read.main, boundary, notes }
    }

    /// Whether it is JSON: `application/json`, or a type that ends in `+json` (RFC 6839).
    pub fn is_json(&self) -> bool {
        self.essence == b"application/json" || self.essence.ends_with(b"+json")
    }

    /// Whether it is XML (RFC 7303).
    pub fn is_xml(&self) -> bool {
        matches!(self.essence.as_slice(), b"application/xml" | b"text/xml") || self.essence.ends_with(b"+xml")
    }

    /// Whether it is a form in a query's syntax.
    pub fn is_form(&self) -> bool {
        self.essence == b"application/x-www-form-urlencoded"
    }

    /// Whether it is a form in parts.
    pub fn is_multipart(&self) -> bool {
        self.essence.starts_with(b"multipart/")
    }
}

/// Whether an app that decodes by a `Content-Type`'s charset still reads the bytes of ASCII as ASCII: what was judged is then what it
/// reads. In UTF-7, UTF-16 or EBCDIC other bytes are quotes and tags. Every way to say a charset counts, however odd.
pub fn keeps_ascii(content_type: &[u8]) -> bool {
    let header = content_type.to_ascii_lowercase();
    memmem::find_iter(&header, b"charset").all(|at| {
        let said = header.get(at + b"charset".len()..).unwrap_or_default();
        // Python looks a charset up by its letters and digits, whatever stands around them.
        let Some(value) = said.strip_prefix(b"=") else { return false };
        let start = value.iter().position(u8::is_ascii_alphanumeric).unwrap_or(value.len());
        let value = value.get(start..).unwrap_or_default();
        let name = value.split(|byte| matches!(byte, b';' | b'"' | b' ' | b'\t')).next().unwrap_or_default();
        let end = name.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
        is_above_ascii(name.get(..end).unwrap_or_default())
    })
}

/// Charsets that are ASCII and more.
fn is_above_ascii(charset: &[u8]) -> bool {
    const STARTS: [&[u8]; 10] =
        [b"iso-8859-", b"iso8859-", b"windows-125", b"cp125", b"koi8-", b"gb", b"big5", b"euc-", b"shift_jis", b"windows-31j"];
    charset.is_empty()
        || is_utf8(charset)
        || matches!(charset, b"latin1" | b"latin-1")
        || STARTS.iter().any(|start| charset.starts_with(start))
}

/// In a media type the small differences of quoting do not matter but where they meet the boundary or charset, and there
/// nothing unusual is ever needed: one note for all.
fn general(note: Note) -> Option<Note> {
    match note {
        Note::UnquotedParameter => None,
        _ => Some(Note::MediaParameter),
    }
}

pub(crate) fn is_utf8(charset: &[u8]) -> bool {
    [&b"utf-8"[..], b"utf8", b"us-ascii", b"ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

/// RFC 2046 `boundary`, without the characters that need quotes but hardly occur (space, `,`, `:`, `=`, `?`, `/`, parentheses stay in).
fn is_plain_boundary(boundary: &[u8]) -> bool {
    (1..=70).contains(&boundary.len())
        && boundary.iter().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(byte))
}
