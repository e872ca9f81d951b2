//! The attacks of the lists again, dressed as attackers dress them: encoded, in other cases, with comments for spaces.

use crate::corpus::{Entry, entries};
use gambeson_detect::{BLOCK_FROM, Budget, Where, judge};

/// The lists whose entries are plain texts, so that encoding them gives what an app would decode.
const LISTS: [&str; 8] = ["sql.txt", "html.txt", "js.txt", "shell.txt", "path.txt", "template.txt", "python.txt", "xml.txt"];

fn attacks(lists: &[&str]) -> Vec<Entry> {
    // An attack that is encoded already would become another one.
    let plain = |e: &Entry| {
        let text = e.bytes.as_slice();
        lists.contains(&e.file.as_str())
            && text.is_ascii()
            && !text.contains(&b'%')
            && !text.contains(&0)
            && e.judge().worst().is_some_and(|f| f.steps.is_empty())
    };
    entries("attacks").into_iter().filter(plain).collect()
}

/// Checks that all attacks of some lists are still found in another dress.
#[track_caller]
fn found(lists: &[&str], dress: impl Fn(&[u8]) -> Vec<u8>) {
    let attacks = attacks(lists);
    assert!(attacks.len() >= 20, "only {} attacks", attacks.len());
    let missed: Vec<String> = attacks
        .iter()
        .map(|e| dress(&e.bytes))
        .filter(|bytes| judge(bytes, Where::Value, &mut Budget::new(10_000_000)).score() < BLOCK_FROM)
        .map(|bytes| bytes.escape_ascii().to_string())
        .collect();
    assert!(missed.is_empty(), "{} of {} missed:\n{}", missed.len(), attacks.len(), missed.join("\n"));
}

fn percent(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|b| if b.is_ascii_alphanumeric() { vec![*b] } else { format!("%{b:02x}").into_bytes() }).collect()
}

fn base64(text: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for chunk in text.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |v, b| v << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        out.extend((0..=chunk.len()).map(|i| DIGITS[(bits >> (18 - 6 * i)) as usize & 63]));
    }
    out
}

fn escaped(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|b| if b.is_ascii_alphanumeric() { vec![*b] } else { format!("\\u{b:04x}").into_bytes() }).collect()
}

fn entities(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|b| if b.is_ascii_alphanumeric() { vec![*b] } else { format!("&#x{b:x};").into_bytes() }).collect()
}

fn fullwidth(text: &[u8]) -> Vec<u8> {
    let wide = |b: &u8| char::from_u32(u32::from(*b) + 0xfee0).unwrap().to_string().into_bytes();
    text.iter().flat_map(|b| if b.is_ascii_graphic() { wide(b) } else { vec![*b] }).collect()
}

fn mixed_case(text: &[u8]) -> Vec<u8> {
    text.iter().enumerate().map(|(i, b)| if i % 2 == 0 { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() }).collect()
}

#[test]
fn percent_twice() {
    found(&LISTS, |text| percent(&percent(text)));
}

#[test]
fn percent_once() {
    found(&LISTS, percent);
}

#[test]
fn base64_without_padding() {
    let long = |text: &[u8]| if text.len() >= 9 { base64(text) } else { text.to_vec() };
    found(&LISTS, long);
}

#[test]
fn escapes_of_source_code() {
    found(&LISTS, escaped);
}

#[test]
fn numbered_entities() {
    // The bare name of a tag is what people escape to speak of it.
    found(&LISTS, |text| if text == b"<script" { text.to_vec() } else { entities(text) });
}

#[test]
fn fullwidth_characters() {
    found(&LISTS, fullwidth);
}

#[test]
fn case_games() {
    // Names of entities are one case only.
    let dress = |text: &[u8]| if text.contains(&b'&') { text.to_vec() } else { mixed_case(text) };
    found(&["sql.txt", "html.txt"], dress);
}

#[test]
fn comments_for_spaces() {
    let dress = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        // A comment that ends the statement keeps its space in MySQL.
        text.replace(' ', "/**/").replace("--/**/", "-- ").into_bytes()
    };
    found(&["sql.txt"], dress);
}

#[test]
fn line_breaks_for_spaces() {
    // Not within a comment, which ends with its line.
    let dress = |text: &[u8]| {
        let comment = text.windows(2).position(|w| w == b"--").unwrap_or(text.len());
        let (code, rest) = text.split_at(comment);
        code.iter().map(|b| if *b == b' ' { b'\n' } else { *b }).chain(rest.iter().copied()).collect()
    };
    found(&["sql.txt", "html.txt"], dress);
}

#[test]
fn within_json() {
    let dress = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec())
            .unwrap()
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
            .replace('\t', "\\t")
            .replace('\r', "\\r")
            .replace('\u{b}', "\\u000b");
        format!("{{\"a\": 1, \"comment\": \"{text}\"}}").into_bytes()
    };
    found(&["sql.txt", "html.txt", "shell.txt", "template.txt"], dress);
}
