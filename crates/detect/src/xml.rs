//! XML that makes its reader load or grow (CWE-611, CWE-776): document types, entities, inclusion.

use crate::{
    finding::{Judging, Rule, Text},
    marks::Marks,
};

const fn rule(name: &'static str, score: u8, cwe: u16, about: &'static str) -> Rule {
    Rule { name, score, cwe, about }
}

const ENTITY: Rule = rule("xml.entity", 8, 611, "an entity that is declared in the document");
const EXTERNAL: Rule = rule("xml.doctype", 6, 611, "a document type that is loaded from elsewhere");
const DOCTYPE: Rule = rule("xml.doctype-plain", 3, 611, "a document type");
const INCLUDE: Rule = rule("xml.include", 7, 611, "an XInclude");
const SCHEMA: Rule = rule("xml.schema", 5, 611, "a schema that is loaded from elsewhere");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[ENTITY, EXTERNAL, DOCTYPE, INCLUDE, SCHEMA];

/// Nothing without a tag.
pub(crate) const NEEDS: Marks = Marks::LESS;

/// Bytes of a declaration looked at.
const DECLARATION_BYTES_MAX: usize = 512;

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    if text.within_markup || !judging.spend(text.bytes.len()) {
        return;
    }
    let has = |what: &[u8]| memchr::memmem::find(text.bytes, what).is_some();
    let colon = text.marks.any(Marks::COLON);
    let includes = colon && has(b"include");
    let xinclude = includes && has(b"www.w3.org/2001/XInclude");
    let document = Document { xinclude, includes, schema: colon && has(SCHEMA_LOCATION) };
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'<', text.bytes.get(at..).unwrap_or_default()) {
        let start = at + found;
        let rest = text.bytes.get(start + 1..).unwrap_or_default();
        // Up to the next tag, so that many cost no more than one.
        let near = rest.get(..rest.len().min(DECLARATION_BYTES_MAX)).unwrap_or_default();
        let near = near.get(..memchr::memchr(b'<', near).unwrap_or(near.len())).unwrap_or_default();
        if let Some(rule) = declaration(near, &document) {
            judging.found(rule, text, start..start + near.len());
        }
        at = start + 1;
    }
}

/// How a tag says where its schema lies.
const SCHEMA_LOCATION: &[u8] = b":schemaLocation=";

/// What a document has at all, so that no tag is searched for what is nowhere.
struct Document {
    xinclude: bool,
    includes: bool,
    schema: bool,
}

/// What the declaration or tag behind a `<` does.
fn declaration(near: &[u8], document: &Document) -> Option<&'static Rule> {
    if let Some(entity) = after_keyword(near, b"!ENTITY") {
        let value = entity.iter().any(|b| matches!(b, b'"' | b'\''));
        return value.then_some(&ENTITY);
    }
    if let Some(doctype) = after_keyword(near, b"!DOCTYPE") {
        return doctype_of(doctype);
    }
    let length = near.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-')).count();
    let name = near.get(..length)?;
    let has = |what: &[u8]| memchr::memmem::find(near, what).is_some();
    match name {
        _ if document.includes
            && has_local(name, b"include")
            && (has(b"href") || has(b"namespace") || has(b"schemaLocation")) =>
        {
            Some(if document.xinclude || name == b"xi:include" { &INCLUDE } else { &SCHEMA })
        }
        _ if document.schema && length > 0 && is_tag_attribute(near, SCHEMA_LOCATION) => foreign_schema(near).then_some(&SCHEMA),
        _ => None,
    }
}

/// The rest behind a keyword and white space, in any case.
fn after_keyword<'a>(near: &'a [u8], keyword: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = near.split_at_checked(keyword.len())?;
    (head.eq_ignore_ascii_case(keyword) && rest.first().is_some_and(u8::is_ascii_whitespace)).then_some(rest)
}

/// HTML's document types are harmless, also with their addresses.
fn doctype_of(doctype: &[u8]) -> Option<&'static Rule> {
    let doctype = doctype.trim_ascii_start();
    let length = doctype.iter().take_while(|b| !b.is_ascii_whitespace() && !matches!(b, b'>' | b'[')).count();
    let (root, rest) = doctype.split_at_checked(length)?;
    let end = memchr::memchr2(b'>', b'[', rest).unwrap_or(rest.len());
    let id = rest.get(..end)?;
    let external = [&b"SYSTEM"[..], b"PUBLIC"].iter().any(|word| memchr::memmem::find(&id.to_ascii_uppercase(), word).is_some());
    let known = memchr::memmem::find(id, b"-//W3C//DTD").is_some() || memchr::memmem::find(id, b"about:legacy-compat").is_some();
    let markup = [&b"html"[..], b"svg", b"plist"].iter().any(|name| root.eq_ignore_ascii_case(name)) || known;
    match (external, markup) {
        (true, false) => Some(&EXTERNAL),
        (false, false) => Some(&DOCTYPE),
        _ => None,
    }
}

/// Whether a name is this one, with or without a prefix.
fn has_local(name: &[u8], local: &[u8]) -> bool {
    name.strip_suffix(local).is_some_and(|prefix| prefix.ends_with(b":"))
}

/// Whether an attribute stands within the tag itself.
fn is_tag_attribute(near: &[u8], attribute: &[u8]) -> bool {
    let end = memchr::memchr(b'>', near).unwrap_or(near.len());
    memchr::memmem::find(near, attribute).is_some_and(|at| at < end)
}

/// Whether a schema has an address that is not one of the well-known vocabularies.
fn foreign_schema(near: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(near, SCHEMA_LOCATION) else { return false };
    let value = near.get(at + 17..).unwrap_or_default();
    let value = value.get(..memchr::memchr2(b'"', b'\'', value).unwrap_or(value.len())).unwrap_or_default();
    memchr::memmem::find(value, b"://").is_some() && value.split(u8::is_ascii_whitespace).count() == 1
}
