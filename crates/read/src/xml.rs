//! XML 1.0 as text and attributes, without a document type, entities or anything fetched.
//!
//! What a document type declares is not carried out: that is noted, and an app that would carry it out must not get the body.
//! Text is one value for as long as no element begins or ends: comments, processing instructions and CDATA sections do not
//! part it, as they do not part it for the app.

use crate::{Bound, Fault, Field, Kind, Limits, Note, Notes, Out, Place, Reader, Stop};
use memchr::memchr2;

mod markup;
mod reference;

use markup::{Attributes, Markup};

/// Reads one document: text under the path of its element (`a.b`), attributes under that and their name (`a.b@c`).
#[derive(Debug)]
pub struct Xml {
    limits: Limits,
    /// Within markup, or else in text.
    markup: Option<Markup>,
    /// Text since the last element began or ended, references undone at its end.
    text: Vec<u8>,
    /// The elements that are open: how long the path of the element around each is.
    open: Vec<usize>,
    /// The path of the innermost.
    name: Vec<u8>,
    value: Vec<u8>,
    started: bool,
    root_closed: bool,
    fields: u32,
    notes: Notes,
}

const SYNTAX: Stop = Stop::Fault(Fault::XmlSyntax);
const WIDE: Stop = Stop::Fault(Fault::WideText);

impl Xml {
    /// A reader for one body.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            markup: None,
            text: Vec::new(),
            open: Vec::new(),
            name: Vec::new(),
            value: Vec::new(),
            started: false,
            root_closed: false,
            fields: 0,
            notes: Notes::default(),
        }
    }

    fn in_text(&mut self, bytes: &[u8]) -> Result<usize, Stop> {
        let run = memchr2(b'<', 0, bytes).unwrap_or(bytes.len());
        self.text.extend_from_slice(bytes.get(..run).unwrap_or_default());
        if self.text.len() > self.limits.value_bytes {
            return Err(Stop::Bound(Bound::Value));
        }
        if bytes.get(run) == Some(&0) {
            return Err(WIDE);
        }
        if run < bytes.len() {
            self.markup = Some(Markup::default());
            return Ok(run + 1);
        }
        Ok(run)
    }

    fn in_markup(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<usize, Stop> {
        let Some(markup) = self.markup.as_mut() else { return Ok(0) };
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == 0 {
                return Err(WIDE);
            }
            let ended = markup.push(*byte);
            if markup.len() > self.limits.value_bytes {
                return Err(Stop::Bound(Bound::Value));
            }
            if ended {
                let markup = self.markup.take().unwrap_or_default();
                self.end_markup(&markup, out)?;
                return Ok(at + 1);
            }
        }
        Ok(bytes.len())
    }

    fn end_markup(&mut self, markup: &Markup, out: &mut Out<'_>) -> Result<(), Stop> {
        match markup.kind() {
            markup::Kind::Open => self.element(markup.inner(), out),
            markup::Kind::Close => {
                self.give_text(out)?;
                self.close(markup.inner())
            }
            markup::Kind::Section => {
                // Its `&` is no reference: written as one so that it stays what it is.
                for byte in markup.inner() {
                    match byte {
                        b'&' => self.text.extend_from_slice(b"&amp;"),
                        _ => self.text.push(*byte),
                    }
                }
                if self.text.len() > self.limits.value_bytes { Err(Stop::Bound(Bound::Value)) } else { Ok(()) }
            }
            markup::Kind::Comment => Ok(()),
            markup::Kind::Instruction => self.instruction(markup.inner(), out),
            markup::Kind::Declaration => self.declaration(markup.inner(), out),
        }
    }

    fn element(&mut self, inner: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        self.give_text(out)?;
        let (inner, empty) = match inner {
            [inner @ .., b'/'] => (inner, true),
            _ => (inner, false),
        };
        let (name, rest) = markup::name(inner);
        if name.is_empty() || self.root_closed {
            return Err(SYNTAX);
        }
        if self.open.len() >= usize::from(self.limits.depth) {
            return Err(Stop::Bound(Bound::Depth));
        }
        self.open.push(self.name.len());
        if !self.name.is_empty() {
            self.name.push(b'.');
        }
        self.name.extend_from_slice(name);
        self.check_name()?;
        self.attributes(rest, out)?;
        if empty { self.leave() } else { Ok(()) }
    }

    fn attributes(&mut self, rest: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        let element = self.name.len();
        let mut hashes = Vec::new();
        for attribute in Attributes::new(rest) {
            let (name, raw) = attribute.ok_or(SYNTAX)?;
            hashes.push(crate::json::hash(name));
            self.name.push(b'@');
            self.name.extend_from_slice(name);
            self.check_name()?;
            self.value.clear();
            self.decode(raw, true, out)?;
            self.give(Kind::Attribute, raw, out)?;
            self.name.truncate(element);
        }
        hashes.sort_unstable();
        if hashes.windows(2).any(|pair| pair.first() == pair.last()) { Err(SYNTAX) } else { Ok(()) }
    }

    fn close(&mut self, inner: &[u8]) -> Result<(), Stop> {
        let (name, rest) = markup::name(inner);
        let parent = self.open.last().copied().ok_or(SYNTAX)?;
        let own = self.name.get(parent..).unwrap_or_default();
        let own = if parent > 0 { own.get(1..).unwrap_or_default() } else { own };
        if own != name || !rest.trim_ascii().is_empty() {
            return Err(SYNTAX);
        }
        self.leave()
    }

    fn leave(&mut self) -> Result<(), Stop> {
        let parent = self.open.pop().ok_or(SYNTAX)?;
        self.name.truncate(parent);
        self.root_closed = self.open.is_empty();
        Ok(())
    }

    /// `<?xml ...?>` may say a charset; other instructions are for nobody here.
    fn instruction(&mut self, inner: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        let (name, rest) = markup::name(inner);
        if name != b"xml" {
            return self.notes.once(Note::XmlInstruction, out);
        }
        for attribute in Attributes::new(rest) {
            let (name, value) = attribute.ok_or(SYNTAX)?;
            if name == b"encoding" && !crate::media::is_utf8(value) {
                self.notes.once(Note::Charset, out)?;
            }
        }
        Ok(())
    }

    fn declaration(&mut self, inner: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        self.notes.once(Note::XmlDoctype, out)?;
        if memchr::memmem::find(inner, b"<!ENTITY").is_some() {
            self.notes.once(Note::XmlEntity, out)?;
        }
        if self.open.is_empty() && !self.root_closed { Ok(()) } else { Err(SYNTAX) }
    }

    fn give_text(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        let mut text = std::mem::take(&mut self.text);
        if self.open.is_empty() {
            if !blank(&text) {
                return Err(SYNTAX);
            }
        } else if !blank(&text) {
            self.value.clear();
            self.decode(&text, false, out)?;
            self.give(Kind::Text, &text, out)?;
        }
        text.clear();
        self.text = text;
        Ok(())
    }

    /// Undoes references and line ends in `raw` into the value.
    fn decode(&mut self, raw: &[u8], attribute: bool, out: &mut Out<'_>) -> Result<(), Stop> {
        if !reference::decode(raw, attribute, &mut self.value) {
            self.notes.once(Note::XmlReference, out)?;
        }
        if std::str::from_utf8(raw).is_err() {
            self.notes.once(Note::RawBadUtf8, out)?;
        }
        if raw.iter().any(|byte| matches!(byte, 1..=8 | 11 | 12 | 14..=31)) {
            return Err(SYNTAX);
        }
        Ok(())
    }

    fn give(&mut self, kind: Kind, raw: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        self.fields = self.fields.saturating_add(1);
        if self.fields > self.limits.fields {
            return Err(Stop::Bound(Bound::Fields));
        }
        out.field(Field { place: Place::Xml, kind, name: &self.name, value: &self.value, raw })
    }

    fn check_name(&self) -> Result<(), Stop> {
        if self.name.len() > self.limits.name_bytes { Err(Stop::Bound(Bound::Name)) } else { Ok(()) }
    }

    /// A byte order mark stands before everything and counts as nothing.
    fn skip_mark(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        if self.text.starts_with(b"\xef\xbb\xbf") && !self.started {
            self.text.drain(..3);
            self.notes.once(Note::Bom, out)?;
        }
        self.started = true;
        Ok(())
    }
}

fn blank(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

impl Reader for Xml {
    fn feed(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        out.spend(bytes.len())?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = if self.markup.is_some() { self.in_markup(rest, out)? } else { self.in_text(rest)? };
            if self.markup.is_some() && !self.started {
                self.skip_mark(out)?;
            }
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        if self.markup.is_some() || !self.root_closed {
            return Err(Stop::Fault(Fault::XmlEnd));
        }
        self.give_text(out)
    }

    fn held(&self) -> usize {
        let markup = self.markup.as_ref().map_or(0, Markup::held);
        markup + self.text.capacity() + self.name.capacity() + self.value.capacity()
    }
}
