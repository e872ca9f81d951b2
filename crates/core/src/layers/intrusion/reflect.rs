//! Markup that came with a request and stands in the page as markup.

use crate::{
    exchange::Response,
    layers::{
        Denial,
        disclosure::encoding::{Text, text},
    },
    record::shown,
};
use html5gum::{DefaultEmitter, Token, Tokenizer};
use http::{HeaderMap, StatusCode, header};
use memchr::memmem;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Values of a request that could become markup. Shared, since a body is read while the request is elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Suspects(Arc<Mutex<Vec<Vec<u8>>>>);

/// So many are kept of one request, the first; more say nothing new.
const VALUES_MAX: usize = 16;
/// What is longer is cut: markup that is reflected begins somewhere in it.
const VALUE_BYTES_MAX: usize = 4 << 10;
/// A value that stands in the page oftener is replaced so often, no more.
const PLACES_MAX: usize = 32;

impl Suspects {
    /// Keeps a value that could become markup.
    pub(super) fn look(&self, value: &[u8]) {
        if value.len() < 4 || !could_be_markup(value) {
            return;
        }
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if values.len() < VALUES_MAX && !values.iter().any(|other| other == value) {
            values.push(value.get(..VALUE_BYTES_MAX).unwrap_or(value).to_vec());
        }
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The refusal of a page in which one of them is markup.
    pub(super) fn reflected(&self, body: &[u8], headers: &HeaderMap) -> Option<Box<Denial>> {
        let Text::Plain(text) = text(body, headers) else { return None };
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut present = values.iter().filter(|value| memmem::find(&text, value).is_some()).peekable();
        present.peek()?;
        let active = Active::of(&text);
        let found = present.find(|value| active.has_more_than(&Active::of(&without(&text, value))))?;
        let say = "This page would have shown something that came with the request as a part of itself, so it is not shown.";
        let why = "a value of the request stands in the page as markup: it was written without encoding (CWE-79)";
        Some(Denial::new("reflected-markup", StatusCode::FORBIDDEN, say, why).at("page", shown(found)))
    }
}

/// A tag, or quotes to leave an attribute by.
fn could_be_markup(value: &[u8]) -> bool {
    let tag = value.windows(2).any(|pair| matches!(pair, [b'<', b'a'..=b'z' | b'A'..=b'Z' | b'!' | b'/' | b'?']));
    tag || (value.contains(&b'=') && value.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'`')))
}

/// The page as it would be if the value were a harmless word.
fn without(text: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = 0;
    for place in memmem::find_iter(text, value).take(PLACES_MAX) {
        out.extend_from_slice(text.get(rest..place).unwrap_or_default());
        out.extend_from_slice(b"word");
        rest = place + value.len();
    }
    out.extend_from_slice(text.get(rest..).unwrap_or_default());
    out
}

/// What of a page does something: its tags, and their attributes that act. Each with its count.
struct Active(HashMap<Vec<u8>, usize>);

impl Active {
    fn of(text: &[u8]) -> Self {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let mut seen = HashMap::<Vec<u8>, usize>::new();
        for token in Tokenizer::new_with_emitter(text, emitter).flatten() {
            let Token::StartTag(tag) = token else { continue };
            for name in tag.attributes.keys() {
                if acts(name) {
                    *seen.entry([&tag.name[..], b" ", &name[..]].concat()).or_default() += 1;
                }
            }
            if !FORMATTING.contains(&&tag.name[..]) {
                *seen.entry(tag.name.to_vec()).or_default() += 1;
            }
        }
        Self(seen)
    }

    fn has_more_than(&self, other: &Self) -> bool {
        self.0.iter().any(|(what, count)| *count > other.0.get(what).copied().unwrap_or(0))
    }
}

/// Tags that only format, and so do no harm where somebody is allowed to format a text.
const FORMATTING: [&[u8]; 32] = [
    b"b",
    b"i",
    b"u",
    b"s",
    b"em",
    b"strong",
    b"p",
    b"br",
    b"hr",
    b"ul",
    b"ol",
    b"li",
    b"code",
    b"pre",
    b"blockquote",
    b"span",
    b"div",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"sub",
    b"sup",
    b"small",
    b"del",
    b"ins",
    b"mark",
    b"dl",
    b"dt",
    b"dd",
];

/// Handlers, addresses that are loaded or followed, styles.
fn acts(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 9] =
        [b"src", b"href", b"action", b"formaction", b"srcdoc", b"data", b"style", b"xlink:href", b"http-equiv"];
    name.starts_with(b"on") || NAMES.contains(&name)
}

/// Whether a browser shows the answer as HTML.
pub(super) fn is_page(response: &Response) -> bool {
    let kind = response.header(header::CONTENT_TYPE).unwrap_or("text/html");
    ["text/html", "application/xhtml", "image/svg"].iter().any(|start| kind.trim_start().to_ascii_lowercase().starts_with(start))
}
