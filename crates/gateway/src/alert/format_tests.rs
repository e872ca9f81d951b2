use super::super::message::Severity;
use super::*;
use gambeson_core::policy::alert::Topic;
use proptest::prelude::*;

fn from() -> From {
    From { host: "gate-1".into(), app: "shop".into(), process: 7 }
}

fn alert(sentence: &str, request: &str) -> Alert {
    Alert::new(Topic::Attacks, Severity::Warning, 1_767_312_245_678, sentence)
        .with("client", "192.0.2.7")
        .with("request", request)
}

#[test]
fn each_format_is_as_its_readers_want_it() {
    let alert = alert("20 requests", "GET shop.example/a\"]|b=c\\");
    assert_eq!(
        rfc5424(&alert, &from()),
        "<84>1 2026-01-02T00:04:05.678Z gate-1 gambeson 7 attacks [gambeson@32473 topic=\"attacks\" app=\"shop\" \
         client=\"192.0.2.7\" request=\"GET shop.example/a\\\"\\]|b=c\\\\\"] 20 requests"
    );
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        cef(&alert, &from()),
        format!(
            "<84>1 2026-01-02T00:04:05.678Z gate-1 gambeson 7 attacks - CEF:0|Gambeson|gambeson|{version}|attacks|20 requests|5|\
             rt=1767312245678 dvchost=gate-1 cs1Label=app cs1=shop src=192.0.2.7 request=GET shop.example/a\"]|b\\=c\\\\"
        )
    );
    let value: serde_json::Value = serde_json::from_str(&json(&alert, &from())).unwrap();
    assert_eq!(
        (value["text"].as_str(), value["request"].as_str()),
        (Some("Gambeson, shop: 20 requests"), Some("GET shop.example/a\"]|b=c\\"))
    );
}

/// Reads structured data as a server does: the values, and what follows them.
fn read_5424(line: &str) -> Option<(Vec<String>, String)> {
    let mut rest = line.split_once(" [gambeson@32473")?.1;
    let mut values = Vec::new();
    while let Some(after) = rest.strip_prefix(' ') {
        let (_, quoted) = after.split_once("=\"")?;
        let (mut value, mut chars) = (String::new(), quoted.char_indices());
        let end = loop {
            match chars.next()? {
                (_, '\\') => value.push(chars.next()?.1),
                (at, '"') => break at + 1,
                (_, ']') => return None,
                (_, c) => value.push(c),
            }
        };
        values.push(value);
        rest = quoted.get(end..)?;
    }
    Some((values, rest.strip_prefix("] ")?.trim_start_matches('\u{feff}').to_owned()))
}

/// Reads the header fields of the Common Event Format, and its extension.
fn read_cef(line: &str) -> Option<(Vec<String>, String)> {
    let (mut fields, mut field) = (Vec::new(), String::new());
    let mut chars = line.split_once(" - CEF:0|")?.1.chars();
    while fields.len() < 6 {
        match chars.next()? {
            '\\' => field.push(chars.next()?),
            '|' => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    Some((fields, chars.collect()))
}

/// How many `=` of an extension are not escaped: one a key.
fn keys(extension: &str) -> usize {
    let mut chars = extension.chars();
    let mut count = 0;
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '=' => count += 1,
            _ => {}
        }
    }
    count
}

proptest! {
    #[test]
    fn no_text_forges_a_field_or_a_line(sentence in "[a-z\"|=\\]\\[\\\\\r\n\u{0}\u{2028}ї ]{0,60}", request in "[a-z\"|=\\]\\[\\\\\r\n\u{0}\u{202e}ї ]{0,60}") {
        let alert = alert(&sentence, &request);
        let said = (alert.sentence.clone(), alert.facts[1].1.clone());
        let line = rfc5424(&alert, &from());
        let (values, message) = read_5424(&line).unwrap();
        prop_assert_eq!(&values, &["attacks".to_owned(), "shop".into(), "192.0.2.7".into(), said.1.clone()]);
        prop_assert_eq!(&message, &said.0);
        let (fields, extension) = read_cef(&cef(&alert, &from())).unwrap();
        prop_assert_eq!(&fields[4], &said.0);
        prop_assert_eq!(keys(&extension), 6);
        for text in [line, cef(&alert, &from()), json(&alert, &from())] {
            prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
        }
    }
}
