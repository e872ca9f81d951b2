//! What readers say: fields, parts, notes; and to whom.

use crate::{Budget, Note, Stop};

/// Where a value stood in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A segment of the path; its name is its number from 0.
    Path,
    /// The query string.
    Query,
    /// A body of type `application/x-www-form-urlencoded`.
    Form,
    /// A text part of a multipart body.
    Multipart,
    /// A file part of a multipart body; the value is the file's name.
    File,
    /// A scalar of a JSON body; its name is flattened (`a.b.0`).
    Json,
    /// Text or an attribute of an XML body.
    Xml,
    /// A string within a GraphQL document, or one of its variables.
    Graphql,
    /// A cookie.
    Cookie,
    /// A header field.
    Header,
}

/// What kind of value it is, where the format says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text; what formats without types have.
    Text,
    /// A number, as written.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
    /// An object or array with nothing in it: it has a name and no value.
    Empty,
    /// The value of an attribute (XML).
    Attribute,
}

/// One named value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Where it stood.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// Its name, decoded.
    pub name: &'a [u8],
    /// Its value, decoded once, as the app gets it before text decoding.
    pub value: &'a [u8],
    /// Its value as written on the wire (equal to `value` where nothing was decoded, or where that is not kept).
    pub raw: &'a [u8],
}

/// A header of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartHeader<'a> {
    /// Its name as written.
    pub name: &'a [u8],
    /// Its value without surrounding white space, folding undone.
    pub value: &'a [u8],
    /// The whole line as written, without its end.
    pub line: &'a [u8],
}

/// The head of one part of a multipart body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The form field's name; empty when there is none (which is noted).
    pub name: &'a [u8],
    /// The file's name, if there is one. An empty one is `Some`, but the part is given as text: a file to Werkzeug and
    /// Starlette, text to Django, aiohttp and Bottle.
    pub filename: Option<&'a [u8]>,
    /// Its headers in order.
    pub headers: &'a [PartHeader<'a>],
}

/// The end of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartEnd<'a> {
    /// The form field's name.
    pub name: &'a [u8],
    /// The file's name, if there is one.
    pub filename: Option<&'a [u8]>,
    /// Length of the content in bytes.
    pub size: u64,
}

/// Whether to read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Read on.
    Continue,
    /// Enough: the reader stops with [`Stop::Sink`].
    Stop,
}

/// Takes what a reader finds, in the order of the bytes.
pub trait Sink {
    /// A named value.
    fn field(&mut self, field: Field<'_>) -> Flow;

    /// Something that can be read in more than one way, or is not as it should be. Each at most once a reader.
    fn note(&mut self, note: Note) -> Flow;

    /// A part of a multipart body begins. Its field follows: at once for a file (its value is the file's name), at the part's end for text.
    fn part(&mut self, part: Part<'_>) -> Flow {
        let _ = part;
        Flow::Continue
    }

    /// A piece of the content of the current file part.
    fn content(&mut self, bytes: &[u8]) -> Flow {
        let _ = bytes;
        Flow::Continue
    }

    /// The current part is over.
    fn part_end(&mut self, end: PartEnd<'_>) -> Flow {
        let _ = end;
        Flow::Continue
    }
}

/// Where a reader's events go and what they may cost.
pub struct Out<'a> {
    /// Takes the events.
    pub sink: &'a mut dyn Sink,
    /// Pays for them.
    pub budget: &'a mut Budget,
}

impl Out<'_> {
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), Stop> {
        self.budget.spend(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// A field costs its name and value too: a long name over thousands of short values is how a small body becomes much work.
    pub(crate) fn field(&mut self, field: Field<'_>) -> Result<(), Stop> {
        self.budget.spend(Budget::EVENT_STEPS)?;
        self.spend(field.name.len().saturating_add(field.value.len()))?;
        stop(self.sink.field(field))
    }

    pub(crate) fn note(&mut self, note: Note) -> Result<(), Stop> {
        self.budget.spend(Budget::EVENT_STEPS)?;
        stop(self.sink.note(note))
    }

    pub(crate) fn part(&mut self, part: Part<'_>) -> Result<(), Stop> {
        self.budget.spend(Budget::EVENT_STEPS)?;
        stop(self.sink.part(part))
    }

    pub(crate) fn content(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        stop(self.sink.content(bytes))
    }

    pub(crate) fn part_end(&mut self, end: PartEnd<'_>) -> Result<(), Stop> {
        stop(self.sink.part_end(end))
    }
}

fn stop(flow: Flow) -> Result<(), Stop> {
    match flow {
        Flow::Continue => Ok(()),
        Flow::Stop => Err(Stop::Sink),
    }
}

/// A reader that takes its input in pieces. After an error it must not be fed again.
pub trait Reader {
    /// Reads one more piece.
    fn feed(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Stop>;

    /// Says that the input is over.
    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop>;

    /// Bytes of memory taken for what is not read to its end yet. [`Limits`](crate::Limits) bound it; whoever reads many bodies at
    /// a time may want to bound the sum.
    fn held(&self) -> usize;
}
