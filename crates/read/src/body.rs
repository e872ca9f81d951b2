//! Which reader a body gets, and what else it may be read as.
//!
//! Many apps parse JSON or XML out of a body whatever its type says (`json.loads(request.body)`), and many clients send JSON as a form
//! (`curl -d`). A body that begins like JSON or XML and is said to be something else is therefore read as that too; before Bottle,
//! which takes any body for a form, any body is read as one.

use crate::{
    Fault, Field, Flow, GraphqlJson, Json, Limits, MediaType, Multipart, Note, Out, Place, Profile, Reader, Sink, Stop,
    UrlEncoded, Xml,
};

/// What a body turns out to begin like.
enum Also {
    /// Only white space so far.
    Undecided,
    /// Read as this besides.
    Reading(Box<dyn Reader + Send + Sync>),
    /// Nothing else.
    Nothing,
}

/// Bottle refuses forms that are longer (its `MEMFILE_MAX`): beyond this nothing is one.
const BOTTLE_FORM_BYTES_MAX: usize = 102_400;

/// Reads one body: by its type, and by how it begins. Readers take turns here: the order of their events, and which of two stops
/// comes first, depend on how the input is cut; what is read, and whether it stops, do not.
pub struct Body {
    limits: Limits,
    by_type: Option<Box<dyn Reader + Send + Sync>>,
    also: Also,
    /// The first bytes, for what they say about the encoding; 1 where none has come.
    start: [u8; 8],
    start_len: usize,
    /// Read as a form whatever its type, and how many bytes more at most.
    form: Option<(UrlEncoded, usize)>,
}

impl Body {
    /// A reader for a body of this type before this framework. GraphQL in JSON is read where `graphql` says that the route has it.
    pub fn new(media: &MediaType, profile: Profile, graphql: bool, limits: &Limits) -> Result<Self, Stop> {
        let mut also = Also::Undecided;
        let by_type: Option<Box<dyn Reader + Send + Sync>> = match () {
            () if media.is_multipart() => Some(Box::new(Multipart::new(media, limits)?.as_read_by(profile))),
            () if media.is_json() && graphql => Some(Box::new(GraphqlJson::new(limits))),
            () if media.is_json() => Some(Box::new(Json::new(limits))),
            () if media.is_xml() => Some(Box::new(Xml::new(limits))),
            () if media.is_form() => Some(Box::new(UrlEncoded::new(Place::Form, limits))),
            () => None,
        };
        if media.is_multipart() || media.is_json() || media.is_xml() {
            also = Also::Nothing;
        }
        let form = match profile {
            Profile::Bottle => true,
            _ => profile.reads_any_type_as_form() && (media.essence.is_empty() || media.essence.starts_with(b"text/")),
        };
        let form = (form && by_type.is_none()).then(|| (UrlEncoded::new(Place::Form, limits), BOTTLE_FORM_BYTES_MAX));
        Ok(Self { limits: *limits, by_type, also, start: [1; 8], start_len: 0, form })
    }

    /// Whether the type is one that has a reader. The values of other bodies are shown only if they begin like JSON or XML, or if
    /// the framework takes any body for a form.
    pub fn is_read_by_type(&self) -> bool {
        self.by_type.is_some()
    }

    /// Looks at the first byte that is neither white space nor of a byte order mark, and returns what is to be read from there.
    fn decide<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let meant = |byte: &u8| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf);
        let start = bytes.get(bytes.iter().position(meant).unwrap_or(bytes.len())..).unwrap_or_default();
        self.also = match start.first() {
            None => return start,
            Some(b'{' | b'[') => Also::Reading(Box::new(Json::new(&self.limits))),
            Some(b'<') => Also::Reading(Box::new(Xml::new(&self.limits))),
            Some(_) => Also::Nothing,
        };
        start
    }

    /// JSON in UTF-16 or UTF-32 is JSON to `json.loads`, whatever the type. Films begin with zeros too, hence the eight bytes.
    fn refuse_wide(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let room = self.start.len().saturating_sub(self.start_len);
        for byte in bytes.iter().take(room) {
            if let Some(free) = self.start.get_mut(self.start_len) {
                *free = *byte;
                self.start_len += 1;
            }
        }
        let begins = |byte: u8| matches!(byte, b'{' | b'[' | b'"' | b' ' | b'\t' | b'\r' | b'\n');
        let wide = match self.start {
            [0, 0, 0xfe, 0xff, ..] | [0xff, 0xfe, 0, 0, ..] => true,
            [0, 0, 0, byte, 0, 0, 0, _] | [0xff, 0xfe, byte, 0, ..] | [0xfe, 0xff, 0, byte, ..] => begins(byte),
            [0, byte, 0, _, ..] | [byte, 0, _, 0, ..] => begins(byte),
            _ => false,
        };
        if wide { Err(Stop::Fault(Fault::WideText)) } else { Ok(()) }
    }

    fn read_form(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        let Some((form, left)) = &mut self.form else { return Ok(()) };
        let within = bytes.get(..*left).unwrap_or(bytes);
        form.feed(within, &mut Out { sink: &mut Quiet { inner: out.sink }, budget: out.budget })?;
        *left -= within.len();
        if within.len() < bytes.len() {
            self.form = None;
        }
        Ok(())
    }

    /// Reads as something that it was not said to be: if it is not that either, no harm is done.
    fn read_also(
        &mut self,
        out: &mut Out<'_>,
        read: impl FnOnce(&mut dyn Reader, &mut Out<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let Also::Reading(reader) = &mut self.also else { return Ok(()) };
        let mut quiet = Quiet { inner: out.sink };
        match read(reader.as_mut(), &mut Out { sink: &mut quiet, budget: out.budget }) {
            Err(Stop::Fault(Fault::JsonSyntax | Fault::JsonEnd | Fault::XmlSyntax | Fault::XmlEnd | Fault::WideText)) => {
                self.also = Also::Nothing;
                Ok(())
            }
            done => done,
        }
    }
}

impl Reader for Body {
    fn feed(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        if let Some(reader) = &mut self.by_type {
            reader.feed(bytes, out)?;
        }
        self.read_form(bytes, out)?;
        self.refuse_wide(bytes)?;
        let bytes = if let Also::Undecided = self.also { self.decide(bytes) } else { bytes };
        self.read_also(out, |reader, out| reader.feed(bytes, out))
    }

    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        if let Some(reader) = &mut self.by_type {
            reader.finish(out)?;
        }
        if let Some((form, _)) = &mut self.form {
            form.finish(&mut Out { sink: &mut Quiet { inner: out.sink }, budget: out.budget })?;
        }
        self.read_also(out, |reader, out| reader.finish(out))
    }

    fn held(&self) -> usize {
        let by_type = self.by_type.as_ref().map_or(0, |reader| reader.held());
        let form = self.form.as_ref().map_or(0, |(form, _)| form.held());
        let also = if let Also::Reading(reader) = &self.also { reader.held() } else { 0 };
        by_type + form + also
    }
}

/// Passes on values. What is odd about text that may not even be meant is not said, but for what is an attack in any text.
struct Quiet<'a> {
    inner: &'a mut dyn Sink,
}

impl Sink for Quiet<'_> {
    fn field(&mut self, field: Field<'_>) -> Flow {
        self.inner.field(field)
    }

    fn note(&mut self, note: Note) -> Flow {
        match note {
            Note::XmlEntity => self.inner.note(note),
            _ => Flow::Continue,
        }
    }
}
