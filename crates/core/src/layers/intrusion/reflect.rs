//! Markup that came with a request and stands in the page as markup, or code that leaves its string in one of the page's scripts.

mod script;

use crate::{
    exchange::Response,
    layers::{
        Denial,
        disclosure::encoding::{Text, text},
    },
    record::shown,
};
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use http::{HeaderMap, StatusCode, header};
use memchr::memmem;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The rule it is refused by.
pub(super) const REFLECTED: &str = "reflected-markup";

/// Values of a request that could become markup. Shared, since a body is read while the request is elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Suspects(Arc<Mutex<Vec<Suspect>>>);

/// One of them, where it stood, and the lines of policy that would allow it.
#[derive(Debug)]
struct Suspect {
    value: Vec<u8>,
    part: String,
    allow: String,
}

/// So many are kept of one request. No visitor sends more values that act; who hides one behind others does.
const VALUES_MAX: usize = 256;
/// So many are tried one by one, to name the one that it was.
const NAMED_MAX: usize = 16;
/// What is longer is cut: markup that is reflected begins somewhere in it.
const VALUE_BYTES_MAX: usize = 4 << 10;
/// A value that stands in the page oftener is replaced so often, no more.
const PLACES_MAX: usize = 32;

impl Suspects {
    /// Keeps a value, without the space around it and in lower case, as apps change both and markup does not mind; says whether
    /// there was room for it.
    pub(super) fn add(&self, value: &[u8], part: &str, allow: String) -> bool {
        let value = value.trim_ascii();
        let value = value.get(..VALUE_BYTES_MAX).unwrap_or(value).to_ascii_lowercase();
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if values.iter().any(|other| other.value == value) {
            return true;
        }
        let room = values.len() < VALUES_MAX;
        if room {
            values.push(Suspect { value, part: part.to_owned(), allow });
        }
        room
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|one| one.value.len()).sum()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The refusal of a page in which one of them is markup.
    pub(super) fn reflected(&self, body: &[u8], headers: &HeaderMap) -> Option<Box<Denial>> {
        let Text::Plain(text) = text(body, headers) else { return None };
        let text = text.to_ascii_lowercase();
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let present: Vec<&Suspect> = values.iter().filter(|one| memmem::find(&text, &one.value).is_some()).collect();
        let first = present.first()?;
        let active = Active::of(&text);
        // All at once, as two values can make one tag; then one by one, to say which it was.
        let clean = present.iter().fold(text.clone(), |page, one| without(&page, &one.value));
        let found = if active.has_more_than(&Active::of(&clean)) {
            let alone = |one: &&&Suspect| active.has_more_than(&Active::of(&without(&text, &one.value)));
            present.iter().take(NAMED_MAX).find(alone).unwrap_or(first)
        } else {
            let scripts = script::of_page(&text);
            let leaving = present.iter().filter(|one| script::could_leave(&one.value)).take(NAMED_MAX);
            leaving.into_iter().find(|one| scripts.iter().any(|script| script::is_left(script, &one.value)))?
        };
        let say = "This page would have shown something that came with the request as a part of itself, so it is not shown.";
        let why = format!(
            "the value of `{}` stands in the page as markup that acts: it was written without encoding (CWE-79)",
            found.part
        );
        let denial = Denial::new(REFLECTED, StatusCode::FORBIDDEN, say, why).at("page", shown(&found.value));
        Some(denial.allowed_by(found.allow.clone()))
    }
}

/// Whether a value acts by itself wherever a page has it: as content, within a tag, in an attribute or a script's string that it
/// leaves. The mere beginning of a tag does not: people search for `<form`, and the page's own forms begin so too.
pub(super) fn could_act(value: &[u8]) -> bool {
    const BEFORE: [&[u8]; 4] = [b"", b"<x ", b"<x a=\"", b"<x a='"];
    /// Goes on with a tag, and ends what is left open: a tag, or a quote and its tag.
    const AFTER: &[u8] = b"><x>'>\">";
    let value = value.get(..VALUE_BYTES_MAX).unwrap_or(value);
    if script::could_leave(value) {
        return true;
    }
    could_be_markup(value) && BEFORE.iter().any(|before| Active::of_value(&[*before, value, AFTER].concat()))
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

/// What of a page acts: tags that load or embed, handlers, addresses that are code. Each with its count. Other markup is what
/// previews and rich texts are made of.
struct Active(HashMap<Vec<u8>, usize>);

impl Active {
    fn of(text: &[u8]) -> Self {
        let mut seen = HashMap::<Vec<u8>, usize>::new();
        for tag in tags(text) {
            for (name, value) in &tag.attributes {
                if acts(name, value) {
                    *seen.entry([&tag.name[..], b" ", &name[..]].concat()).or_default() += 1;
                }
            }
            if ACTIVE.contains(&&tag.name[..]) {
                *seen.entry(tag.name.to_vec()).or_default() += 1;
            }
        }
        Self(seen)
    }

    /// Whether there is a tag that acts: of those that need them, one with attributes; of styles, one with rules.
    fn of_value(text: &[u8]) -> bool {
        let has_rules = || text.contains(&b'{') || memmem::find(text, b"@import").is_some();
        let active = |tag: &StartTag<()>| match &tag.name[..] {
            b"script" | b"plaintext" => true,
            b"style" => has_rules(),
            name => ACTIVE.contains(&name) && tag.attributes.values().any(|value| !value.is_empty()),
        };
        tags(text).any(|tag| active(&tag) || tag.attributes.iter().any(|(name, value)| acts(name, value)))
    }

    fn has_more_than(&self, other: &Self) -> bool {
        self.0.iter().any(|(what, count)| *count > other.0.get(what).copied().unwrap_or(0))
    }
}

fn tags(text: &[u8]) -> impl Iterator<Item = StartTag<()>> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(text, emitter).flatten().filter_map(|token| match token {
        Token::StartTag(tag) => Some(tag),
        _ => None,
    })
}

/// Tags that run, embed, or change what the page is or looks like.
const ACTIVE: [&[u8]; 12] =
    [b"script", b"iframe", b"frame", b"object", b"embed", b"applet", b"base", b"meta", b"link", b"form", b"style", b"plaintext"];

/// Handlers, those of scripts that read attributes too (Alpine, Angular, htmx, Vue), documents within, another address for a page's
/// own form, trees of their own, addresses that are code, and those that have swallowed a piece of the page: their quote was left open,
/// and what stood behind it is sent to whoever wrote it.
fn acts(name: &[u8], value: &[u8]) -> bool {
    const ADDRESSES: [&[u8]; 11] = [
        b"href",
        b"src",
        b"action",
        b"data",
        b"xlink:href",
        b"background",
        b"poster",
        b"srcset",
        // SVG's animations set another attribute to these.
        b"values",
        b"to",
        b"from",
    ];
    const STARTS: [&[u8]; 9] = [b"on", b"@", b":", b"v-", b"x-", b"hx-", b"data-hx-", b"ng-", b"data-ng-"];
    let handles = STARTS.iter().any(|start| name.starts_with(start));
    let leads = || ADDRESSES.contains(&name) && (is_code(value) || value.contains(&b'<'));
    handles || matches!(name, b"srcdoc" | b"formaction" | b"shadowrootmode") || leads()
}

/// Browsers pass over white space and controls in a scheme.
fn is_code(address: &[u8]) -> bool {
    let scheme: Vec<u8> = address.iter().filter(|byte| **byte > b' ').take(16).map(u8::to_ascii_lowercase).collect();
    [&b"javascript:"[..], b"vbscript:", b"data:text/html"].iter().any(|code| scheme.starts_with(code))
}

/// Whether a browser shows the answer as HTML.
pub(super) fn is_page(response: &Response) -> bool {
    let kind = response.header(header::CONTENT_TYPE).unwrap_or("text/html");
    ["text/html", "application/xhtml", "image/svg"].iter().any(|start| kind.trim_start().to_ascii_lowercase().starts_with(start))
}
