//! What the request carries in formats: query, cookies, and the body in the format it says it has.

use super::facts::{Facts, Pair, Table};
use super::state::State;
use crate::rule::Settings;
use crate::variable::Variable;
use gambeson_read::{
    Budget, Field, Flow, Json, Kind, Limits, MediaType, Multipart, Note, Out, Part, PartEnd, Place, Reader, Sink, Stop,
    UrlEncoded, Xml, read_cookies,
};
use std::borrow::Cow;

/// Longest name of a value.
const NAME_MAX: usize = 64 << 10;

/// Steps that reading may take for each byte, and in any case. Ordinary bodies need a tenth of it; a long name over thousands of
/// short values, each kept with its name, would need more.
const STEPS_PER_BYTE: u64 = 64;
const STEPS_MIN: u64 = 1 << 20;

fn budget(bytes: &[u8]) -> Budget {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Budget::new(length.saturating_mul(STEPS_PER_BYTE).saturating_add(STEPS_MIN))
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        name_bytes: NAME_MAX,
        value_bytes: settings.request_body_limit,
        fields: u32::try_from(settings.arguments_limit).unwrap_or(u32::MAX),
        depth: u16::try_from(settings.json_depth).unwrap_or(u16::MAX),
        part_head_bytes: NAME_MAX,
    }
}

/// Reads what stands in the head: the query and the cookies.
pub(super) fn read_head(facts: &mut Facts, settings: &Settings) {
    let mut limits = limits(settings);
    let query = facts.bytes(facts.line.query).to_vec();
    let outcome = read(facts, &mut UrlEncoded::new(Place::Query, &limits), &query);
    note_outcome(facts, outcome);
    limits.fields = u32::MAX;
    let headers: Vec<Vec<u8>> = facts.named(Table::RequestHeaders, b"cookie").map(<[u8]>::to_vec).collect();
    for header in headers {
        let mut budget = budget(&header);
        let outcome = read_cookies(&header, &limits, &mut Out { sink: &mut Collect { facts }, budget: &mut budget });
        note_outcome(facts, outcome);
    }
    facts.processor = by_content_type(facts);
}

/// The two formats that need no rule to be recognised.
fn by_content_type(facts: &Facts) -> Cow<'static, str> {
    let content_type = facts.header("content-type").unwrap_or(b"").to_ascii_lowercase();
    if content_type.starts_with(b"application/x-www-form-urlencoded") {
        "URLENCODED".into()
    } else if content_type.starts_with(b"multipart/form-data") {
        "MULTIPART".into()
    } else {
        "".into()
    }
}

/// What phase 1 chose wins.
pub(super) fn choose_processor(facts: &mut Facts, state: &State<'_>) {
    if let Some(chosen) = state.processor {
        facts.processor = Cow::Owned(chosen.to_owned());
    }
}

/// Reads the body as what it is said to be.
pub(super) fn read_body(facts: &mut Facts, state: &State<'_>, settings: &Settings) {
    let body = std::mem::take(&mut facts.body);
    let limits = limits(settings);
    if !body.is_empty() {
        let outcome = match facts.processor.as_ref() {
            "URLENCODED" => read(facts, &mut UrlEncoded::new(Place::Form, &limits), &body),
            "JSON" => read(facts, &mut Json::new(&limits), &body),
            "MULTIPART" => multipart(facts, &limits, &body),
            "XML" => read(facts, &mut Xml::new(&limits), &body),
            _ => Ok(()),
        };
        note_outcome(facts, outcome);
    }
    // The other formats show what is in them, value by value: their markup is none of the app's data.
    facts.body_shown = match facts.processor.as_ref() {
        "URLENCODED" | "JSON" => true,
        other => other.is_empty() && state.force_request_body,
    };
    facts.body = body;
}

fn read(facts: &mut Facts, reader: &mut dyn Reader, bytes: &[u8]) -> Result<(), Stop> {
    let mut budget = budget(bytes);
    let mut out = Out { sink: &mut Collect { facts }, budget: &mut budget };
    reader.feed(bytes, &mut out)?;
    // Of a body that is longer than what is looked at, nobody expects that it ends well.
    let ended = reader.finish(&mut out);
    if facts.flags.get(Variable::InboundDataError) { Ok(()) } else { ended }
}

fn multipart(facts: &mut Facts, limits: &Limits, body: &[u8]) -> Result<(), Stop> {
    let content_type = facts.header("content-type").unwrap_or(b"").to_vec();
    let mut reader = Multipart::new(&MediaType::read(&content_type), limits)?;
    read(facts, &mut reader, body)
}

fn note_outcome(facts: &mut Facts, outcome: Result<(), Stop>) {
    if let Err(stop) = outcome {
        facts.flags.set(Variable::ReqbodyError);
        facts.flags.set(Variable::ReqbodyProcessorError);
        facts.body_error = stop.to_string();
    }
}

/// Puts what a reader finds into the tables.
struct Collect<'f> {
    facts: &'f mut Facts,
}

impl Collect<'_> {
    /// The name of a value out of JSON starts at `json`, as rules written for other engines expect.
    fn json(&mut self, field: &Field<'_>) {
        let (root, dot): (&[u8], &[u8]) = (b"json", if field.name.is_empty() { b"" } else { b"." });
        let name = self.facts.keep(&[root, dot, field.name].concat());
        let value = self.facts.keep(field.value);
        self.facts.put(Table::ArgsPost, Pair { name, value });
    }
}

impl Sink for Collect<'_> {
    fn field(&mut self, field: Field<'_>) -> Flow {
        match field.place {
            Place::Query => self.facts.add(Table::ArgsGet, field.name, field.value),
            Place::Form | Place::Multipart => self.facts.add(Table::ArgsPost, field.name, field.value),
            Place::File => self.facts.add(Table::Files, field.name, field.value),
            Place::Json => self.json(&field),
            Place::Cookie => self.facts.add(Table::Cookies, field.name, field.raw),
            Place::Xml if field.kind == Kind::Attribute => self.facts.add(Table::XmlAttributes, b"//@*", field.value),
            Place::Xml => self.facts.add(Table::XmlTexts, b"/*", field.value),
            Place::Path | Place::Graphql | Place::Header => {}
        }
        Flow::Continue
    }

    fn note(&mut self, note: Note) -> Flow {
        for flag in flags(note) {
            self.facts.flags.set(*flag);
        }
        Flow::Continue
    }

    fn part(&mut self, part: Part<'_>) -> Flow {
        self.facts.add(Table::PartNames, part.name, part.name);
        for header in part.headers {
            self.facts.add(Table::PartHeaders, part.name, header.line);
        }
        Flow::Continue
    }

    fn part_end(&mut self, end: PartEnd<'_>) -> Flow {
        if end.filename.is_some() {
            self.facts.add(Table::FilesSizes, end.name, end.size.to_string().as_bytes());
        }
        Flow::Continue
    }
}

/// The flags that a note sets.
fn flags(note: Note) -> &'static [Variable] {
    match note {
        Note::BadPercent => &[Variable::UrlencodedError],
        Note::BoundaryQuoted => &[Variable::MultipartBoundaryQuoted, Variable::MultipartStrictError],
        Note::BoundaryOdd => &[Variable::MultipartBoundaryWhitespace, Variable::MultipartStrictError],
        Note::Preamble => &[Variable::MultipartDataBefore, Variable::MultipartStrictError],
        Note::Epilogue => &[Variable::MultipartDataAfter, Variable::MultipartStrictError],
        Note::HeaderFolding => &[Variable::MultipartHeaderFolding, Variable::MultipartStrictError],
        Note::BareLf => &[Variable::MultipartLfLine, Variable::MultipartCrlfLf, Variable::MultipartStrictError],
        Note::SingleQuotes => &[Variable::MultipartInvalidQuoting, Variable::MultipartStrictError],
        Note::BadPartHeader | Note::PartCutShort => &[Variable::MultipartInvalidPart, Variable::MultipartStrictError],
        Note::StrayBoundary | Note::NoFinalBoundary => &[Variable::MultipartUnmatchedBoundary],
        _ => &[],
    }
}
