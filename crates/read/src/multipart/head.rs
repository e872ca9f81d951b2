//! The headers of one part.

use crate::cookie::{is_space, is_token, trim};
use crate::media::is_utf8;
use crate::parameter::{Parameter, Parameters};
use crate::percent;
use crate::{Note, Notes, Out, PartHeader, Profile, Stop};

/// One header, unfolded.
#[derive(Debug)]
struct Header {
    name: Vec<u8>,
    value: Vec<u8>,
    line: Vec<u8>,
}

/// What a part's headers say.
#[derive(Debug, Default)]
pub(super) struct Head {
    headers: Vec<Header>,
    /// The field's name; empty if there is none.
    pub(super) name: Vec<u8>,
    /// The file's name.
    pub(super) filename: Option<Vec<u8>>,
    /// The text has a charset that is like UTF-8 for ASCII only.
    pub(super) charset_matters: bool,
}

impl Head {
    /// Reads the lines of a head; each ends in LF.
    pub(super) fn read(text: &[u8], profile: Profile, notes: &mut Notes, out: &mut Out<'_>) -> Result<Self, Stop> {
        let mut found = Notes::default();
        let mut head = Self::default();
        judge_text(text, &mut found);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            head.line(line, &mut found);
        }
        head.disposition(profile, &mut found);
        head.judge(&mut found);
        for note in found.iter().filter(|note| !settled(profile, *note)) {
            notes.once(note, out)?;
        }
        Ok(head)
    }

    /// Whether the content is a file's.
    pub(super) fn is_file(&self) -> bool {
        self.filename.as_ref().is_some_and(|name| !name.is_empty())
    }

    /// What `Content-Length` says: `Some(None)` if that is no number.
    pub(super) fn length(&self) -> Option<Option<u64>> {
        self.get(b"content-length").map(|value| std::str::from_utf8(value).ok()?.parse().ok())
    }

    /// The headers as the sink gets them.
    pub(super) fn headers(&self) -> Vec<PartHeader<'_>> {
        self.headers.iter().map(|header| PartHeader { name: &header.name, value: &header.value, line: &header.line }).collect()
    }

    fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_slice())
    }

    fn line(&mut self, line: &[u8], notes: &mut Notes) {
        let line = match line {
            [start @ .., b'\r', b'\n'] => start,
            [start @ .., b'\n'] => {
                notes.insert(Note::BareLf);
                start
            }
            _ => line,
        };
        if line.first().is_some_and(|byte| is_space(*byte)) {
            return self.fold(line, notes);
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            notes.insert(Note::BadPartHeader);
            return;
        };
        let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default());
        let name = match trim(name) {
            trimmed if trimmed.len() == name.len() => name,
            trimmed => {
                notes.insert(Note::SpaceBeforeColon);
                trimmed
            }
        };
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            notes.insert(Note::BadPartHeader);
        }
        self.headers.push(Header { name: name.to_vec(), value: trim(value).to_vec(), line: line.to_vec() });
    }

    fn fold(&mut self, line: &[u8], notes: &mut Notes) {
        let Some(header) = self.headers.last_mut() else {
            notes.insert(Note::BadPartHeader);
            return;
        };
        notes.insert(Note::HeaderFolding);
        header.value.push(b' ');
        header.value.extend_from_slice(trim(line));
        header.line.extend_from_slice(line);
    }

    fn judge(&mut self, notes: &mut Notes) {
        if self.headers.len() > 8 {
            notes.insert(Note::ManyPartHeaders);
        }
        let mut names: Vec<_> = self.headers.iter().map(|header| header.name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            notes.insert(Note::TwoPartHeaders);
        }
        let plain = [&b"7bit"[..], b"8bit", b"binary"];
        if self
            .get(b"content-transfer-encoding")
            .is_some_and(|value| !plain.iter().any(|known| value.eq_ignore_ascii_case(known)))
        {
            notes.insert(Note::TransferEncoding);
        }
        if self.get(b"content-encoding").is_some() {
            notes.insert(Note::PartContentEncoding);
        }
        self.content_type(notes);
    }

    fn content_type(&mut self, notes: &mut Notes) {
        let Some(value) = self.get(b"content-type") else { return };
        let read = Parameters::read(value);
        if read.main.starts_with(b"multipart/") {
            notes.insert(Note::NestedMultipart);
        }
        if self.is_file() {
            return;
        }
        let odd = read.notes.iter().any(|note| note != Note::UnquotedParameter);
        for charset in read.list.iter().filter(|parameter| parameter.name.starts_with(b"charset")) {
            if odd || charset.name != b"charset" || !is_like_ascii(&charset.value) {
                notes.insert(Note::PartCharset);
            }
            self.charset_matters |= !is_utf8(&charset.value);
        }
    }

    fn disposition(&mut self, profile: Profile, notes: &mut Notes) {
        let Some(value) = self.get(b"content-disposition") else {
            notes.insert(Note::NoDisposition);
            return;
        };
        let read = Parameters::read(value);
        notes.extend(read.notes);
        if read.main != b"form-data" {
            notes.insert(Note::OddDisposition);
        }
        let extended = extended(&read, notes).filter(|_| profile.reads_extended_filename());
        let value = |parameter: &Parameter| value_for(profile, parameter);
        let name = read.get(b"name").map(value);
        self.filename = read.get(b"filename").map(value).or(extended);
        match &name {
            None => notes.insert(Note::NoPartName),
            Some(name) if name.is_empty() => notes.insert(Note::EmptyPartName),
            Some(name) if name == b"_charset_" => notes.insert(Note::CharsetField),
            Some(_) => false,
        };
        self.name = name.unwrap_or_default();
        if trim(&self.name).len() != self.name.len() {
            notes.insert(Note::NameSpace);
        }
        if self.name.starts_with(b"/") || self.filename.as_ref().is_some_and(|name| name.starts_with(b"/")) {
            notes.insert(Note::LeadingSlash);
        }
    }
}

fn judge_text(text: &[u8], notes: &mut Notes) {
    if std::str::from_utf8(text).is_err() {
        notes.insert(Note::PartHeadBadUtf8);
    }
    if text.len() > 1000 {
        notes.insert(Note::LongPartHead);
    }
    if text.iter().zip(text.iter().skip(1).chain([&0])).any(|(byte, next)| *byte == b'\r' && *next != b'\n') {
        notes.insert(Note::BareCr);
    }
    if text.iter().any(|byte| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127)) {
        notes.insert(Note::PartHeadControl);
    }
}

/// Whether the reading is this framework's own where others read otherwise.
fn settled(profile: Profile, note: Note) -> bool {
    match note {
        Note::PercentQuote => profile == Profile::Werkzeug,
        Note::ExtendedFilename => profile.reads_extended_filename(),
        _ => false,
    }
}

/// Werkzeug takes `%22` for a quote, which is how browsers write one.
fn value_for(profile: Profile, parameter: &Parameter) -> Vec<u8> {
    if profile != Profile::Werkzeug {
        return parameter.value.clone();
    }
    let mut value = Vec::with_capacity(parameter.value.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(&parameter.value, b"%22") {
        value.extend_from_slice(parameter.value.get(from..at).unwrap_or_default());
        value.push(b'"');
        from = at + 3;
    }
    value.extend_from_slice(parameter.value.get(from..).unwrap_or_default());
    value
}

/// Looks at the parameters with a star (RFC 8187, RFC 2231); returns the file's name if one says it in a way that is read alike
/// by those who read it at all.
fn extended(read: &Parameters, notes: &mut Notes) -> Option<Vec<u8>> {
    let mut filename = None;
    for parameter in &read.list {
        let Some(star) = memchr::memchr(b'*', &parameter.name) else { continue };
        let (base, mark) = parameter.name.split_at(star);
        if read.get(base).is_some() {
            notes.insert(Note::TwoFilenames);
        }
        match extended_value(parameter) {
            Some(value) if base == b"filename" && mark == b"*" => {
                notes.insert(Note::ExtendedFilename);
                filename = Some(value);
            }
            _ => {
                notes.insert(Note::StarParameter);
            }
        }
    }
    filename
}

/// `utf-8''escaped`, decoded.
fn extended_value(parameter: &Parameter) -> Option<Vec<u8>> {
    let (charset, rest) = parameter.value.split_at_checked(5)?;
    let escaped = rest.strip_prefix(b"''")?;
    if parameter.quoted || !charset.eq_ignore_ascii_case(b"utf-8") || escaped.contains(&b'\'') {
        return None;
    }
    let mut value = Vec::new();
    let good = percent::decode(escaped, false, &mut value) && !value.is_empty() && std::str::from_utf8(&value).is_ok();
    good.then_some(value)
}

/// Charsets in which the bytes of ASCII mean what they mean in ASCII.
fn is_like_ascii(charset: &[u8]) -> bool {
    let lower = charset.to_ascii_lowercase();
    is_utf8(charset) || [&b"iso-8859-"[..], b"windows-125"].iter().any(|family| lower.starts_with(family))
}
