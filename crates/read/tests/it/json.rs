//! JSON.

use crate::kit::{Told, small, told};
use gambeson_read::{Bound, Budget, Fault, Json, Limits, Note, Out, Reader, Stop};

fn json(text: &[u8]) -> (Told, Result<(), Stop>) {
    told(Json::new(&Limits::default()), text, &[])
}

#[test]
fn values_have_flattened_names_and_kinds() {
    let (told, done) = json(br#" {"a": {"b": ["x", 2, [true]], "c": null}, "d": {}, "e": [[], -1.5e3]} "#);
    let lines =
        ["a.b.0=x", "Number a.b.1=2", "Bool a.b.2.0=true", "Null a.c=null", "Empty d=", "Empty e.0=", "Number e.1=-1.5e3"];
    assert_eq!(told.lines, lines.map(|line| format!("Json {line}")));
    assert_eq!((told.notes.as_slice(), done), (&[][..], Ok(())));
    assert_eq!(json(b"\"x\"").0.lines, ["Json =x"]);
    assert_eq!(json(b"1").0.lines, ["Json Number =1"]);
}

#[test]
fn escapes_are_undone() {
    assert_eq!(json(br#"["\u0041\/\n\ud83d\ude00\""]"#).0.lines, [r#"Json 0=A/\n\xf0\x9f\x98\x80\""#]);
    let (told, _) = json(br#"["\ud800x\udc00\ud800\ud83d\ude00"]"#);
    assert_eq!(told.lines, [r"Json 0=\xed\xa0\x80x\xed\xb0\x80\xed\xa0\x80\xf0\x9f\x98\x80"]);
    assert_eq!(told.notes, [Note::JsonLoneSurrogate]);
}

#[test]
fn what_is_odd_is_noted() {
    let notes = |text: &[u8]| json(text).0.notes;
    assert_eq!(notes(br#"{"a":1,"b":{"a":2},"\u0061":3}"#), [Note::JsonDuplicateKey]);
    assert_eq!(notes(br#"[{"a":1},{"a":1}]"#), []);
    assert_eq!(notes(br#"{"a.b":1}"#), [Note::JsonDottedKey]);
    assert_eq!(notes(b"[NaN,-Infinity]"), [Note::JsonNonFinite]);
    assert_eq!(notes(b"\xef\xbb\xbf[]"), [Note::Bom]);
    assert_eq!(notes(b"[\"\xff\"]"), [Note::RawBadUtf8]);
}

#[test]
fn what_is_not_json_is_said_to_be_none() {
    let bad = ["{", "[1", "\"a", "", " "];
    for text in bad {
        assert_eq!(json(text.as_bytes()).1, Err(Stop::Fault(Fault::JsonEnd)), "{text}");
    }
    for text in [
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "['a']",
        "[1 2]",
        "1 2",
        "[01]",
        "[\"\\x\"]",
        "[\"\n\"]",
        "]",
        "{\"a\" 1}",
        "//",
        "[1}",
        "{]",
        "\"\\u12x4\"",
    ] {
        assert_eq!(json(text.as_bytes()).1, Err(Stop::Fault(Fault::JsonSyntax)), "{text}");
    }
    for text in [&b"\xff\xfe[\0]\0"[..], b"[\0]\0", b"\0[\0]", b"1\0"] {
        assert_eq!(json(text).1, Err(Stop::Fault(Fault::WideText)));
    }
}

#[test]
fn bounds_hold() {
    let read = |text: &str| told(Json::new(&small()), text.as_bytes(), &[]).1;
    assert_eq!(read("[[[[1]]]]"), Ok(()));
    assert_eq!(read("[[[[[1]]]]]"), Err(Stop::Bound(Bound::Depth)));
    assert_eq!(read("[1,2,3,4,5,6]"), Err(Stop::Bound(Bound::Fields)));
    assert_eq!(read(r#"{"123456789":{"1234567890":1}}"#), Ok(()));
    assert_eq!(read(r#"{"123456789":{"12345678901":1}}"#), Err(Stop::Bound(Bound::Name)));
    assert_eq!(read(&format!("\"{}\"", "x".repeat(41))), Err(Stop::Bound(Bound::Value)));
    assert_eq!(read(&"1".repeat(41)), Err(Stop::Bound(Bound::Value)));
}

#[test]
fn a_long_name_over_many_values_costs_what_it_makes() {
    let spent = |name: &str| {
        let (mut told, mut budget) = (Told::default(), Budget::new(1_000_000));
        let text = format!("{{\"{name}\":[{}]}}", ["1"; 100].join(","));
        Json::new(&Limits::default()).feed(text.as_bytes(), &mut Out { sink: &mut told, budget: &mut budget }).unwrap();
        1_000_000 - budget.steps_left()
    };
    assert!(spent(&"n".repeat(1000)) > spent("n") + 100 * 900);
}
