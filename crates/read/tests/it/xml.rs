//! XML.

use crate::kit::{Told, small, told};
use gambeson_read::{Bound, Fault, Limits, Note, Stop, Xml};

fn xml(text: &str) -> (Told, Result<(), Stop>) {
    told(Xml::new(&Limits::default()), text.as_bytes(), &[])
}

#[test]
fn text_and_attributes_are_values() {
    let (told, done) = xml(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a x='1' y:z = \"&lt;2\"><b>one</b> <b/>t&#119;o<c d=\"\">&amp;lt;</c></a>\n",
    );
    let lines =
        ["Xml Attribute a@x=1", "Xml Attribute a@y:z=<2", "Xml a.b=one", "Xml a= two", "Xml Attribute a.c@d=", "Xml a.c=&lt;"];
    // Blank text between two elements is no value, but a space before text is part of it.
    assert_eq!(told.lines, lines.map(|line| line.replace("a= two", "a=two")));
    assert_eq!((told.notes.as_slice(), done), (&[][..], Ok(())));
}

#[test]
fn comments_and_sections_do_not_part_text() {
    let (told, done) = xml("<a>sel<!-- > -- -->ect <![CDATA[<b>&amp;]]> x</a>");
    assert_eq!((told.lines.as_slice(), done), (&["Xml a=select <b>&amp; x".to_owned()][..], Ok(())));
}

#[test]
fn nothing_is_carried_out() {
    let (told, done) = xml("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd>\">]><a>&x;</a>");
    assert_eq!((told.lines.as_slice(), done), (&["Xml a=&x;".to_owned()][..], Ok(())));
    assert_eq!(told.notes, [Note::XmlDoctype, Note::XmlEntity, Note::XmlReference]);
    assert_eq!(xml("<!DOCTYPE a><a/>").0.notes, [Note::XmlDoctype]);
    assert_eq!(xml("<?php x ?><a/>").0.notes, [Note::XmlInstruction]);
    assert_eq!(xml("<?xml version='1.0' encoding='utf-7'?><a/>").0.notes, [Note::Charset]);
    assert_eq!(xml("\u{feff}<a/>").0.notes, [Note::Bom]);
}

#[test]
fn what_is_not_xml_is_said_to_be_none() {
    for text in [
        "<a></b>",
        "x<a/>",
        "<a/>x<!---->",
        "<a/><b/>",
        "<a x></a>",
        "<a x=1/>",
        "<a x='1' x='2'/>",
        "< a/>",
        "<a x='<'/>",
        "</a>",
        "<a><!DOCTYPE b></a>",
        "<a x='1'y='2'/>",
    ] {
        assert_eq!(xml(text).1, Err(Stop::Fault(Fault::XmlSyntax)), "{text}");
    }
    for text in ["", "<a>", "<a", "<a x='>", "<!-- -- >", "<!DOCTYPE a [", "<![CDATA[x]]"] {
        assert_eq!(xml(text).1, Err(Stop::Fault(Fault::XmlEnd)), "{text}");
    }
    assert_eq!(xml("<\0a\0/\0>\0").1, Err(Stop::Fault(Fault::WideText)));
}

#[test]
fn bounds_hold() {
    let read = |text: &str| told(Xml::new(&small()), text.as_bytes(), &[]).1;
    assert_eq!(read("<a><a><a><a/></a></a></a>"), Ok(()));
    assert_eq!(read("<a><a><a><a><a/></a></a></a></a>"), Err(Stop::Bound(Bound::Depth)));
    assert_eq!(read(&format!("<a>{}</a>", "<b>x</b>".repeat(6))), Err(Stop::Bound(Bound::Fields)));
    assert_eq!(read(&format!("<a>{}</a>", "x".repeat(41))), Err(Stop::Bound(Bound::Value)));
    assert_eq!(read(&format!("<{}/>", "x".repeat(21))), Err(Stop::Bound(Bound::Name)));
    assert_eq!(read(&format!("<!--{}--><a/>", "x".repeat(41))), Err(Stop::Bound(Bound::Value)));
}
