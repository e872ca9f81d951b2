//! GraphQL documents (October 2021 specification, section 2): their strings, and how much they ask for.

use crate::{Bound, Fault, Field, Flow, Json, Kind, Limits, Note, Out, Place, Reader, Sink, Stop};

mod token;

use token::{Token, Tokens};

/// How much a document asks for: what a limit on queries is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GraphqlShape {
    /// Deepest nesting of selections.
    pub depth: u16,
    /// Fields selected.
    pub fields: u32,
    /// Fields selected under another name: the way to ask for one thing a thousand times in one request (CWE-770).
    pub aliases: u32,
    /// Directives.
    pub directives: u32,
}

/// Reads a document: each string in it is a field, named after the argument it is given to.
pub fn read_graphql(document: &[u8], limits: &Limits, out: &mut Out<'_>) -> Result<GraphqlShape, Stop> {
    out.spend(document.len())?;
    let mut reading =
        Reading { limits, shape: GraphqlShape::default(), nesting: Vec::new(), name: b"", spread: false, fields: 0 };
    let mut value = Vec::new();
    let mut tokens = Tokens::new(document);
    while let Some(token) = tokens.next(&mut value)? {
        reading.take(token, &value, out)?;
    }
    if reading.nesting.is_empty() { Ok(reading.shape) } else { Err(Stop::Fault(Fault::GraphqlSyntax)) }
}

struct Reading<'a> {
    limits: &'a Limits,
    shape: GraphqlShape,
    /// Brackets that are open, by the byte that closes them.
    nesting: Vec<u8>,
    /// The name read last.
    name: &'a [u8],
    /// The name that comes next is that of a fragment, type or directive (`...F`, `... on T`, `@d`) and no field.
    spread: bool,
    fields: u32,
}

impl<'a> Reading<'a> {
    fn take(&mut self, token: Token<'a>, value: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        match token {
            Token::Name(name) => {
                self.name = name;
                if !self.spread && self.selecting() {
                    self.shape.fields = self.shape.fields.saturating_add(1);
                }
                self.spread = self.spread && name == b"on";
            }
            Token::Mark(b'.') => self.spread = true,
            Token::Text(raw) => return self.text(raw, value, out),
            Token::Mark(b'@') => {
                self.shape.directives = self.shape.directives.saturating_add(1);
                self.spread = true;
            }
            Token::Mark(b':') if self.selecting() => {
                // The name before it was no field.
                self.shape.aliases = self.shape.aliases.saturating_add(1);
                self.shape.fields = self.shape.fields.saturating_sub(1);
            }
            Token::Mark(open @ (b'{' | b'(' | b'[')) => return self.open(open),
            Token::Mark(close @ (b'}' | b')' | b']')) => {
                if self.nesting.pop() != Some(close) {
                    return Err(Stop::Fault(Fault::GraphqlSyntax));
                }
            }
            Token::Mark(_) | Token::Number => {}
        }
        Ok(())
    }

    /// Directly within a selection, not within its arguments.
    fn selecting(&self) -> bool {
        self.nesting.last() == Some(&b'}') && !self.nesting.contains(&b')')
    }

    fn open(&mut self, open: u8) -> Result<(), Stop> {
        if self.nesting.len() >= usize::from(self.limits.depth) {
            return Err(Stop::Bound(Bound::Depth));
        }
        self.spread = false;
        self.nesting.push(match open {
            b'{' => b'}',
            b'(' => b')',
            _ => b']',
        });
        let depth = self.nesting.iter().filter(|close| **close == b'}').count();
        if self.selecting() {
            self.shape.depth = self.shape.depth.max(u16::try_from(depth).unwrap_or(u16::MAX));
        }
        Ok(())
    }

    fn text(&mut self, raw: &[u8], value: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        self.fields = self.fields.saturating_add(1);
        match () {
            () if self.fields > self.limits.fields => Err(Stop::Bound(Bound::Fields)),
            () if self.name.len() > self.limits.name_bytes => Err(Stop::Bound(Bound::Name)),
            () if value.len() > self.limits.value_bytes => Err(Stop::Bound(Bound::Value)),
            () => out.field(Field { place: Place::Graphql, kind: Kind::Text, name: self.name, value, raw }),
        }
    }
}

/// Reads a JSON body that carries GraphQL: `query` is read as a document too, and `variables` are [`Place::Graphql`]. Bodies with
/// several operations (an array of them) are read likewise.
#[derive(Debug)]
pub struct GraphqlJson {
    limits: Limits,
    json: Json,
    documents: Documents,
    shape: GraphqlShape,
}

impl GraphqlJson {
    /// A reader for one body.
    pub fn new(limits: &Limits) -> Self {
        Self { limits: *limits, json: Json::new(limits), documents: Documents::default(), shape: GraphqlShape::default() }
    }

    /// All documents, once the body is finished: the deepest depth, and the sums of the rest.
    pub fn shape(&self) -> GraphqlShape {
        self.shape
    }

    fn add(&mut self, found: GraphqlShape) {
        self.shape.depth = self.shape.depth.max(found.depth);
        self.shape.fields = self.shape.fields.saturating_add(found.fields);
        self.shape.aliases = self.shape.aliases.saturating_add(found.aliases);
        self.shape.directives = self.shape.directives.saturating_add(found.directives);
    }
}

impl Reader for GraphqlJson {
    fn feed(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        let mut tap = Tap { inner: out.sink, documents: &mut self.documents };
        self.json.feed(bytes, &mut Out { sink: &mut tap, budget: out.budget })?;
        if self.documents.bytes > self.limits.value_bytes { Err(Stop::Bound(Bound::Value)) } else { Ok(()) }
    }

    /// Documents are read once it is certain that the body is JSON.
    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        let mut tap = Tap { inner: out.sink, documents: &mut self.documents };
        self.json.finish(&mut Out { sink: &mut tap, budget: out.budget })?;
        for document in std::mem::take(&mut self.documents.list) {
            let found = read_graphql(&document, &self.limits, out)?;
            self.add(found);
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.json.held() + self.documents.bytes
    }
}

/// The documents of a body, kept until it is certain that it is JSON: together no longer than one value may be.
#[derive(Debug, Default)]
struct Documents {
    list: Vec<Vec<u8>>,
    bytes: usize,
}

/// Stands between the JSON reader and the sink.
struct Tap<'a> {
    inner: &'a mut dyn Sink,
    documents: &'a mut Documents,
}

impl Sink for Tap<'_> {
    fn field(&mut self, mut field: Field<'_>) -> Flow {
        let name = in_batch(field.name);
        if name == b"query" && field.kind == Kind::Text {
            self.documents.list.push(field.value.to_vec());
            self.documents.bytes += field.value.len();
        } else if name.starts_with(b"variables.") {
            field.place = Place::Graphql;
        }
        self.inner.field(field)
    }

    fn note(&mut self, note: Note) -> Flow {
        self.inner.note(note)
    }
}

/// Without the number of the operation in a batch.
fn in_batch(name: &[u8]) -> &[u8] {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match name.split_at(digits) {
        (number, [b'.', rest @ ..]) if !number.is_empty() => rest,
        _ => name,
    }
}
