//! Multipart bodies.

use crate::kit::{Told, small, told};
use gambeson_read::{Bound, Fault, Limits, MediaType, Multipart, Note, Profile, Stop};

fn media() -> MediaType {
    MediaType::read(b"multipart/form-data; boundary=b")
}

fn read(body: &str) -> (Told, Result<(), Stop>) {
    told(Multipart::new(&media(), &Limits::default()).unwrap(), body.as_bytes(), &[])
}

fn notes(body: &str) -> Vec<Note> {
    read(body).0.notes
}

/// A body of one part with this disposition.
fn part(disposition: &str) -> String {
    format!("--b\r\nContent-Disposition: {disposition}\r\n\r\nx\r\n--b--\r\n")
}

#[test]
fn parts_are_text_or_files() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--b\r\n\
        Content-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\nl1\r\nl2\r\n\r\n--b--\r\n";
    let (told, done) = read(body);
    let lines =
        ["part a None 1", "Multipart a=one", "end a 3 ", "part f Some(\"x.txt\") 2", "File f=x.txt", r"end f 8 l1\r\nl2\r\n"];
    assert_eq!(told.lines, lines);
    assert_eq!((told.notes.as_slice(), done), (&[][..], Ok(())));
}

#[test]
fn an_ordinary_form_has_nothing_to_note() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"empty\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n\
        --b\r\nContent-Disposition: form-data; name=\"n\"\r\nContent-Length: 2\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n--\r\n--b--";
    let (told, _) = read(body);
    assert_eq!(told.notes, []);
    assert_eq!(
        told.lines,
        ["part empty Some(\"\") 2", "Multipart empty=", "end empty 0 ", "part n None 3", "Multipart n=--", "end n 2 "]
    );
}

#[test]
fn delimiters_that_are_none_are_noted() {
    let with = |text: &str| notes(&part("form-data; name=\"a\"").replace('x', text));
    assert_eq!(with("x--b"), [Note::StrayBoundary]);
    assert_eq!(with("\r\n--bc"), [Note::StrayBoundary]);
    assert_eq!(with("\r\n--b-"), [Note::StrayBoundary]);
    assert_eq!(with("\r\n-b\r\n--\r\n--B"), []);
    assert_eq!(with("x\r\n--b \t\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n"), [Note::BoundaryPadding]);
    assert_eq!(with("x\n--b\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n"), [Note::BareLf]);
}

#[test]
fn what_stands_around_the_parts_is_noted() {
    let body = part("form-data; name=\"a\"");
    assert_eq!(notes(&format!("x\r\n{body}")), [Note::Preamble]);
    assert_eq!(notes(&format!("\r\n{body}")), []);
    assert_eq!(notes(&format!("{body}x")), [Note::Epilogue]);
    assert_eq!(notes("--b--\r\n"), [Note::NoParts]);
    assert_eq!(notes(body.strip_suffix("\r\n--b--\r\n").unwrap()), [Note::NoFinalBoundary]);
    assert_eq!(notes("--b\r\nContent-Dis"), [Note::NoFinalBoundary, Note::PartCutShort]);
    assert_eq!(read("x").1, Err(Stop::Fault(Fault::NoParts)));
    assert_eq!(read("").1, Err(Stop::Fault(Fault::NoParts)));
}

#[test]
fn dispositions_that_are_read_in_several_ways_are_noted() {
    let with = |disposition: &str| notes(&part(disposition));
    assert_eq!(with("form-data; name=\"a\"; filename=\"b\""), []);
    assert_eq!(with("attachment; name=\"a\""), [Note::OddDisposition]);
    assert_eq!(with("form-data"), [Note::NoPartName]);
    assert_eq!(with("form-data; name=\"\""), [Note::EmptyPartName]);
    assert_eq!(with("form-data; name=a"), [Note::UnquotedParameter]);
    assert_eq!(with("form-data; name='a'"), [Note::SingleQuotes, Note::UnquotedParameter]);
    assert_eq!(with("form-data; name=\"a\"; name=\"b\""), [Note::TwoParameters]);
    assert_eq!(with("form-data; name=\"a"), [Note::BadParameter]);
    assert_eq!(with("form-data; name=\"a\"b"), [Note::BadParameter]);
    assert_eq!(with("form-data; name=\"a\" filename=\"b\""), [Note::BadParameter]);
    assert_eq!(with("form-data; name = \"a\""), [Note::ParameterSpace]);
    assert!(with(&format!("form-data{}", "; a=b".repeat(500))).contains(&Note::BadParameter));
    assert_eq!(with("form-data; name=\"a\"; filename*=utf-8''b"), [Note::UnquotedParameter, Note::ExtendedFilename]);
    assert_eq!(with("form-data; name=\"a\"; filename*=utf-7''b"), [Note::UnquotedParameter, Note::StarParameter]);
    assert_eq!(with("form-data; name=\"a\"; filename*0=\"b\""), [Note::StarParameter]);
    assert!(with("form-data; name=\"a\"; filename=\"b\"; filename*=utf-8''c").contains(&Note::TwoFilenames));
    assert_eq!(with("form-data; name=\"\\\"\""), [Note::QuotedPair]);
    assert_eq!(with("form-data; name=\"\\\\\""), [Note::Backslash]);
    assert_eq!(with("form-data; name=\"a\\b\""), [Note::Backslash]);
    assert_eq!(with("form-data; name=\"a%22\""), [Note::PercentQuote]);
    assert_eq!(with("form-data; name=\"a;b\""), [Note::SemicolonInQuotes]);
    assert_eq!(with("form-data; name=\" a\""), [Note::NameSpace]);
    assert_eq!(with("form-data; name=\"_charset_\""), [Note::CharsetField]);
}

#[test]
fn what_each_framework_reads_in_its_own_way_is_read_in_that_way() {
    let by = |profile: Profile, disposition: &str| {
        let reader = Multipart::new(&media(), &Limits::default()).unwrap().as_read_by(profile);
        told(reader, part(disposition).as_bytes(), &[]).0.lines.into_iter().nth(1).unwrap()
    };
    let extended = "form-data; name=\"a\"; filename*=UTF-8''%e2%82%ac";
    assert_eq!(by(Profile::Django, extended), r"File a=\xe2\x82\xac");
    assert_eq!(by(Profile::Starlette, extended), "Multipart a=x");
    assert_eq!(by(Profile::Werkzeug, "form-data; name=\"a%22\""), "Multipart a\\\"=x");
    assert_eq!(by(Profile::Any, "form-data; name=\"a%22\""), "Multipart a%22=x");
    let notes = |profile| {
        let reader = Multipart::new(&media(), &Limits::default()).unwrap().as_read_by(profile);
        told(reader, part(extended).as_bytes(), &[]).0.notes
    };
    assert_eq!(notes(Profile::Django), [Note::UnquotedParameter]);
    assert_eq!(notes(Profile::Starlette), [Note::UnquotedParameter, Note::ExtendedFilename]);
    assert!(Profile::Starlette.agrees(Note::ExtendedFilename) && !Profile::Django.agrees(Note::ExtendedFilename));
    assert!(
        Profile::Any.agrees(Note::BadPercent)
            && !Profile::Any.agrees(Note::RawNonAscii)
            && !Profile::Bottle.agrees(Note::StrayBoundary)
    );
}

#[test]
fn headers_that_are_read_in_several_ways_are_noted() {
    let with = |more: &str| notes(&format!("--b\r\n{more}Content-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--\r\n"));
    assert_eq!(with(""), []);
    assert_eq!(with("X: y\n"), [Note::BareLf]);
    assert_eq!(with("X: y\rZ: w\r\n"), [Note::BareCr]);
    assert_eq!(with("X: y\r\n z\r\n"), [Note::HeaderFolding]);
    assert_eq!(with("X\r\n"), [Note::BadPartHeader]);
    assert_eq!(with("X : y\r\n"), [Note::SpaceBeforeColon]);
    assert_eq!(with("X\0: y\r\n"), [Note::PartHeadControl, Note::BadPartHeader]);
    assert_eq!(with("content-disposition: form-data; name=b\r\n"), [Note::TwoPartHeaders, Note::UnquotedParameter]);
    assert_eq!(with("Content-Transfer-Encoding: base64\r\n"), [Note::TransferEncoding]);
    assert_eq!(with("Content-Transfer-Encoding: BINARY\r\n"), []);
    assert_eq!(with("Content-Type: text/plain; charset=utf-7\r\n"), [Note::PartCharset]);
    assert_eq!(with("Content-Type: text/plain; charset=iso-8859-1\r\n"), []);
    assert_eq!(with("Content-Type: text/plain; charset=iso-8859-1\r\nX: \u{e9}\r\n").len(), 0);
    let latin = "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\u{e9}\r\n--b--";
    assert_eq!(notes(latin), [Note::PartCharset]);
    assert_eq!(notes(&latin.replace("name=\"a\"", "name=\"a\"; filename=\"f\"")), []);
    assert_eq!(with("Content-Type: multipart/mixed; boundary=c\r\n"), [Note::NestedMultipart]);
    assert_eq!(with("Content-Length: 2\r\n"), [Note::PartLength]);
    assert_eq!(with("Content-Length: 1\r\n"), []);
    assert_eq!(with(&"X: y\r\n".repeat(8)), [Note::ManyPartHeaders, Note::TwoPartHeaders]);
}

#[test]
fn bounds_hold() {
    let read = |body: &str| told(Multipart::new(&media(), &small()).unwrap(), body.as_bytes(), &[7]).1;
    assert_eq!(read(&part("form-data; name=\"a\"").replace('x', &"v".repeat(40))), Ok(()));
    assert_eq!(read(&part("form-data; name=\"a\"").replace('x', &"v".repeat(41))), Err(Stop::Bound(Bound::Value)));
    assert_eq!(read(&part(&format!("form-data; name=\"{}\"", "n".repeat(21)))), Err(Stop::Bound(Bound::Name)));
    assert_eq!(
        read(&part(&format!("form-data; name=\"a\"; filename=\"{}\"", "n".repeat(100)))),
        Err(Stop::Bound(Bound::PartHead))
    );
    assert_eq!(read(&"--b\r\n\r\n\r\n".repeat(6)), Err(Stop::Bound(Bound::Fields)));
    assert_eq!(read(&part("form-data; name=\"a\"; filename=\"f\"").replace('x', &"v".repeat(4000))), Ok(()));
}

#[test]
fn media_types_say_what_is_odd() {
    let notes = |header: &str| MediaType::read(header.as_bytes()).notes;
    assert_eq!(notes("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW"), []);
    assert_eq!(notes("application/json; charset=utf-8"), []);
    assert_eq!(notes("multipart/form-data; boundary=\"a b\""), [Note::BoundaryQuoted, Note::BoundaryOdd]);
    assert_eq!(notes("multipart/form-data; boundary=a; boundary=b"), [Note::MediaParameter]);
    assert_eq!(notes("multipart/form-data; boundary*=a"), [Note::MediaParameter]);
    assert_eq!(notes("application/json; charset=utf-16"), [Note::Charset]);
    let quoted = Multipart::new(&MediaType::read(b"multipart/form-data; boundary=\"b\""), &Limits::default()).unwrap();
    assert_eq!(told(quoted, part("form-data; name=\"a\"").as_bytes(), &[]).0.notes, [Note::BoundaryQuoted]);
    assert_eq!(notes("application/json, x"), [Note::MediaType]);
    assert_eq!(notes("Multipart/form-data; boundary=b"), [Note::MediaType]);
    assert_eq!(notes("Application/JSON"), []);
    assert_eq!(notes(""), [Note::MediaType]);
    assert!(Multipart::new(&MediaType::read(b"multipart/form-data"), &Limits::default()).is_err());
}
