//! Multipart bodies (RFC 2046 section 5.1, RFC 7578).
//!
//! A delimiter is `--boundary` at the start of a line with nothing but white space behind it. Lines that end in LF alone are
//! taken for lines, so that what they hide is looked at, and noted, because most frameworks do not take them.

use crate::{Bound, Fault, Field, Kind, Limits, MediaType, Note, Notes, Out, Part, PartEnd, Place, Profile, Reader, Stop};
use memchr::memchr_iter;
use memchr::memmem::Finder;

mod head;

use head::Head;

/// White space behind a delimiter that is still taken for padding.
const PADDING_BYTES_MAX: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first delimiter.
    Preamble,
    /// Within the headers of a part.
    Head,
    /// Within the content of a part.
    Content,
    /// Behind the last delimiter.
    Epilogue,
}

/// What stands behind `--boundary`.
enum Delimiter {
    /// Not known yet.
    Unknown,
    /// Nothing that makes it a delimiter.
    None,
    /// The next part begins after so many bytes.
    Next(usize),
    /// The last one, of so many bytes.
    Last(usize),
}

/// Whether there was something to do.
enum Step {
    Done,
    NeedMore,
}

/// Reads the parts of one body.
#[derive(Debug)]
pub struct Multipart {
    limits: Limits,
    profile: Profile,
    finder: Finder<'static>,
    state: State,
    /// Input that is not dealt with yet begins at `at`; the two bytes before it are kept for what a line start is.
    held: Vec<u8>,
    at: usize,
    /// How far `held` was searched.
    searched: usize,
    /// Nothing came yet: the start of the body is the start of a line.
    first: bool,
    head: Head,
    parts: u32,
    value: Vec<u8>,
    size: u64,
    /// What was odd about the media type, until it is said.
    of_media: Vec<Note>,
    notes: Notes,
}

impl Multipart {
    /// A reader for a body of this type. What was odd about the type is among its notes.
    pub fn new(media: &MediaType, limits: &Limits) -> Result<Self, Stop> {
        let boundary = media.boundary.as_deref().filter(|boundary| !boundary.is_empty());
        let Some(boundary) = boundary else { return Err(Stop::Fault(Fault::NoBoundary)) };
        Ok(Self {
            limits: *limits,
            profile: Profile::Any,
            finder: Finder::new(&[b"--", boundary].concat()).into_owned(),
            state: State::Preamble,
            held: Vec::new(),
            at: 0,
            searched: 0,
            first: true,
            head: Head::default(),
            parts: 0,
            value: Vec::new(),
            size: 0,
            of_media: media.notes.clone(),
            notes: Notes::default(),
        })
    }

    /// Reads what frameworks read differently, though each clearly, as this one does: `%22` and `filename*`. Without it they are
    /// noted.
    #[must_use]
    pub fn as_read_by(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    fn run(&mut self, ended: bool, out: &mut Out<'_>) -> Result<(), Stop> {
        for note in std::mem::take(&mut self.of_media) {
            self.notes.once(note, out)?;
        }
        loop {
            let step = match self.state {
                State::Preamble | State::Content => self.read_on(ended, out)?,
                State::Head => self.open_part(out)?,
                State::Epilogue => self.epilogue(out)?,
            };
            if let Step::NeedMore = step {
                return Ok(());
            }
        }
    }

    fn rest_from(&self, start: usize) -> &[u8] {
        self.held.get(start..).unwrap_or_default()
    }

    fn between(&self, start: usize, end: usize) -> &[u8] {
        self.held.get(start..end).unwrap_or_default()
    }

    /// Passes on what certainly is content and looks for the next delimiter.
    fn read_on(&mut self, ended: bool, out: &mut Out<'_>) -> Result<Step, Stop> {
        let start = self.searched.max(self.at);
        let Some(found) = self.finder.find(self.rest_from(start)) else {
            let keep = if ended { 0 } else { self.finder.needle().len() + 1 };
            let end = self.held.len().saturating_sub(keep).max(self.at);
            self.content(end, out)?;
            self.searched = self.held.len().saturating_sub(self.finder.needle().len() - 1);
            return Ok(Step::NeedMore);
        };
        let dashes = start + found;
        let line_end = self.line_end_before(dashes);
        let delimiter = match line_end {
            None => Delimiter::None,
            Some(_) => self.delimiter(dashes + self.finder.needle().len(), ended),
        };
        let (next, state) = match delimiter {
            Delimiter::Unknown => {
                self.content(dashes.saturating_sub(2).max(self.at), out)?;
                self.searched = dashes;
                return Ok(Step::NeedMore);
            }
            Delimiter::None => {
                self.notes.once(Note::StrayBoundary, out)?;
                self.searched = dashes + 1;
                return Ok(Step::Done);
            }
            Delimiter::Next(next) => (next, State::Head),
            Delimiter::Last(next) => (next, State::Epilogue),
        };
        self.cross(dashes, line_end.unwrap_or_default(), next, out)?;
        self.state = state;
        Ok(Step::Done)
    }

    /// Length of the line end before a position: 2 for CRLF, 1 for LF, 0 at the very start; `None` if it is no line start.
    fn line_end_before(&self, at: usize) -> Option<usize> {
        match self.between(self.at, at) {
            [.., b'\r', b'\n'] => Some(2),
            [.., b'\n'] => Some(1),
            [] if self.first && self.state == State::Preamble => Some(0),
            _ => None,
        }
    }

    /// What follows a `--boundary` that begins a line.
    fn delimiter(&self, after: usize, ended: bool) -> Delimiter {
        let rest = self.rest_from(after);
        let last = rest.starts_with(b"--");
        let rest = if last { rest.get(2..).unwrap_or_default() } else { rest };
        let padding = rest.iter().take_while(|byte| crate::cookie::is_space(**byte)).count();
        if padding > PADDING_BYTES_MAX {
            return Delimiter::None;
        }
        let from = after + if last { 2 } else { 0 } + padding;
        match (rest.get(padding..).unwrap_or_default(), last) {
            ([b'\r', b'\n', ..], true) => Delimiter::Last(from + 2),
            ([b'\r', b'\n', ..], false) => Delimiter::Next(from + 2),
            ([b'\n', ..], true) => Delimiter::Last(from + 1),
            ([b'\n', ..], false) => Delimiter::Next(from + 1),
            ([] | [b'\r'], _) if !ended => Delimiter::Unknown,
            ([b'-'], false) if !ended && padding == 0 => Delimiter::Unknown,
            ([], true) => Delimiter::Last(from),
            _ => Delimiter::None,
        }
    }

    /// Ends what stood before a delimiter and steps over it.
    fn cross(&mut self, dashes: usize, line_end: usize, next: usize, out: &mut Out<'_>) -> Result<(), Stop> {
        let tail = self.between(dashes + self.finder.needle().len(), next);
        let (padded, bare) =
            (tail.iter().any(|byte| crate::cookie::is_space(*byte)), tail.ends_with(b"\n") && !tail.ends_with(b"\r\n"));
        if padded {
            self.notes.once(Note::BoundaryPadding, out)?;
        }
        if bare || line_end == 1 {
            self.notes.once(Note::BareLf, out)?;
        }
        self.content(dashes - line_end, out)?;
        if self.state == State::Content {
            self.part_ends(out)?;
        }
        self.at = next;
        self.searched = next;
        Ok(())
    }

    /// Deals with what is held up to a position, as content or preamble.
    fn content(&mut self, end: usize, out: &mut Out<'_>) -> Result<(), Stop> {
        let bytes = self.held.get(self.at..end).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        self.first = false;
        if self.state == State::Preamble {
            if bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
                self.notes.once(Note::Preamble, out)?;
            }
        } else {
            self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if self.head.is_file() {
                out.content(bytes)?;
            } else {
                self.value.extend_from_slice(bytes);
            }
            if self.value.len() > self.limits.value_bytes {
                return Err(Stop::Bound(Bound::Value));
            }
        }
        self.at = end;
        Ok(())
    }

    fn part_ends(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        if self.head.length().is_some_and(|length| length != Some(self.size)) {
            self.notes.once(Note::PartLength, out)?;
        }
        let (name, filename) = (self.head.name.as_slice(), self.head.filename.as_deref());
        if !self.head.is_file() {
            if !self.value.is_ascii() && self.head.charset_matters {
                self.notes.once(Note::PartCharset, out)?;
            } else if std::str::from_utf8(&self.value).is_err() {
                self.notes.once(Note::BadUtf8, out)?;
            }
            let value = self.value.as_slice();
            out.field(Field { place: Place::Multipart, kind: Kind::Text, name, value, raw: value })?;
        }
        out.part_end(PartEnd { name, filename, size: self.size })?;
        self.value.clear();
        self.size = 0;
        Ok(())
    }

    /// Reads the headers of a part once they are there whole.
    fn open_part(&mut self, out: &mut Out<'_>) -> Result<Step, Stop> {
        let Some((end, next)) = self.head_end() else {
            self.searched = self.held.len().saturating_sub(2).max(self.at);
            if self.held.len() - self.at > self.limits.part_head_bytes {
                return Err(Stop::Bound(Bound::PartHead));
            }
            return Ok(Step::NeedMore);
        };
        if next - self.at > self.limits.part_head_bytes {
            return Err(Stop::Bound(Bound::PartHead));
        }
        self.parts = self.parts.saturating_add(1);
        if self.parts > self.limits.fields {
            return Err(Stop::Bound(Bound::Fields));
        }
        let text = self.held.get(self.at..end).unwrap_or_default();
        if self.finder.find(text).is_some() {
            self.notes.once(Note::StrayBoundary, out)?;
        }
        self.head = Head::read(text, self.profile, &mut self.notes, out)?;
        if self.between(end, next) != b"\r\n" {
            self.notes.once(Note::BareLf, out)?;
        }
        self.part_begins(out)?;
        (self.at, self.searched, self.state) = (next, next, State::Content);
        Ok(Step::Done)
    }

    /// Where the headers end, and where the content begins: behind the first empty line.
    fn head_end(&self) -> Option<(usize, usize)> {
        match self.rest_from(self.at) {
            [b'\r', b'\n', ..] => return Some((self.at, self.at + 2)),
            [b'\n', ..] => return Some((self.at, self.at + 1)),
            _ => {}
        }
        let start = self.searched.max(self.at);
        memchr_iter(b'\n', self.rest_from(start)).map(|found| start + found + 1).find_map(|line| match self.rest_from(line) {
            [b'\r', b'\n', ..] => Some((line, line + 2)),
            [b'\n', ..] => Some((line, line + 1)),
            _ => None,
        })
    }

    fn part_begins(&self, out: &mut Out<'_>) -> Result<(), Stop> {
        let (name, filename) = (self.head.name.as_slice(), self.head.filename.as_deref());
        if name.len() > self.limits.name_bytes {
            return Err(Stop::Bound(Bound::Name));
        }
        out.part(Part { name, filename, headers: &self.head.headers() })?;
        match filename {
            Some(value) if self.head.is_file() => {
                out.field(Field { place: Place::File, kind: Kind::Text, name, value, raw: value })
            }
            _ => Ok(()),
        }
    }

    fn epilogue(&mut self, out: &mut Out<'_>) -> Result<Step, Stop> {
        if self.rest_from(self.at).iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.notes.once(Note::Epilogue, out)?;
        }
        self.at = self.held.len();
        Ok(Step::NeedMore)
    }
}

impl Reader for Multipart {
    fn feed(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        out.spend(bytes.len())?;
        self.held.extend_from_slice(bytes);
        self.run(false, out)?;
        let done = self.at.saturating_sub(2);
        self.held.drain(..done.min(self.held.len()));
        self.at -= done;
        self.searched = self.searched.saturating_sub(done);
        Ok(())
    }

    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        self.run(true, out)?;
        match self.state {
            State::Preamble => return Err(Stop::Fault(Fault::NoParts)),
            State::Head => {
                self.notes.once(Note::PartCutShort, out)?;
                self.notes.once(Note::NoFinalBoundary, out)?;
            }
            State::Content => {
                self.notes.once(Note::NoFinalBoundary, out)?;
                self.part_ends(out)?;
            }
            State::Epilogue if self.parts == 0 => self.notes.once(Note::NoParts, out)?,
            State::Epilogue => {}
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.held.capacity() + self.value.capacity()
    }
}
