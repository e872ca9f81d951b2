//! Queries, forms and cookies.

use crate::kit::{Told, small, told};
use gambeson_read::{Bound, Budget, Limits, Note, Out, Place, Stop, UrlEncoded, read_cookies};

fn form(bytes: &[u8]) -> (Told, Result<(), Stop>) {
    told(UrlEncoded::new(Place::Form, &Limits::default()), bytes, &[])
}

fn cookies(header: &[u8]) -> Told {
    let (mut told, mut budget) = (Told::default(), Budget::new(10_000));
    read_cookies(header, &Limits::default(), &mut Out { sink: &mut told, budget: &mut budget }).unwrap();
    told
}

#[test]
fn pairs_are_read_as_python_reads_them() {
    let (told, done) = form(b"a=1&b=two+words&&c&d=x=y&%61%2B=%26%3D");
    assert_eq!(told.lines, ["Form a=1", "Form b=two words", "Form c=", "Form d=x=y", "Form a+=&="]);
    assert_eq!((told.notes.as_slice(), done), (&[][..], Ok(())));
}

#[test]
fn what_is_odd_is_noted_once() {
    let notes = |bytes: &[u8]| form(bytes).0.notes;
    assert_eq!(notes(b"a=100%&b=%zz&c=%u0041"), [Note::BadPercent]);
    assert_eq!(notes(b"a=%ff&b=%c0%af"), [Note::BadUtf8]);
    assert_eq!(notes(b"=x"), [Note::EmptyName]);
    assert_eq!(notes(b"a=1;b=2"), [Note::Semicolon]);
    assert_eq!(notes("a=\u{e9}".as_bytes()), [Note::RawNonAscii]);
    assert_eq!(notes(b"a=1\r\n"), [Note::TrailingSpace]);
    assert_eq!(notes(b"a=%3B%20%23#"), []);
    assert_eq!(told(UrlEncoded::new(Place::Query, &small()), b"a=# ", &[]).0.notes, [Note::Hash, Note::RawControl]);
}

#[test]
fn bounds_hold() {
    let read = |bytes: &[u8]| told(UrlEncoded::new(Place::Query, &small()), bytes, &[]).1;
    assert_eq!(read(b"a&b&c&d&e"), Ok(()));
    assert_eq!(read(b"a&b&c&d&e&f"), Err(Stop::Bound(Bound::Fields)));
    assert_eq!(read(&[b'n'; 21]), Err(Stop::Bound(Bound::Name)));
    assert_eq!(read(&[&b"n="[..], &[b'v'; 40]].concat()), Ok(()));
    assert_eq!(read(&[&b"n="[..], &[b'v'; 41]].concat()), Err(Stop::Bound(Bound::Value)));
}

#[test]
fn a_spent_budget_is_said() {
    let (mut told, mut budget) = (Told::default(), Budget::new(100));
    let mut out = Out { sink: &mut told, budget: &mut budget };
    let spent = read_cookies(b"a=1; b=2; c=3; d=4; e=5; f=6", &Limits::default(), &mut out);
    assert_eq!(spent, Err(Stop::Budget));
    assert_eq!(read_cookies(b"a=1", &Limits::default(), &mut out), Err(Stop::Budget));
}

#[test]
fn cookies_end_at_semicolons() {
    assert_eq!(cookies(b"a=1; b=x=y;c=; ;d=\"q\"").lines, ["Cookie a=1", "Cookie b=x=y", "Cookie c=", "Cookie d=q"]);
    assert_eq!(cookies(b"a=1; __Host-b=aGk=").notes, []);
    assert_eq!(cookies(b"a=1;;b=2;").notes, [Note::CookieEmpty]);
    assert_eq!(cookies(b"Path=/").notes, [Note::CookieReserved]);
    assert_eq!(cookies(b"$Version=1").notes, [Note::CookieReserved]);
    assert_eq!(cookies(b"a").notes, [Note::CookieNoEquals, Note::CookieNoName]);
    assert_eq!(cookies(b"a=\"\xff\"").notes, [Note::CookieQuoted, Note::CookieNonAscii]);
    assert_eq!(cookies(b"a=\x0b").notes, [Note::CookieValue, Note::CookieControl]);
    assert_eq!(cookies(b"a =1").notes, [Note::CookieSpace]);
    assert_eq!(cookies(b"a b=1").notes, [Note::CookieName]);
    assert_eq!(cookies(b"a=b c").notes, [Note::CookieInnerSpace]);
    assert_eq!(cookies(b"a={\"b\":1,\"c\":2}").notes, [Note::CookieValue]);
}

#[test]
fn quotes_of_cookies_are_undone() {
    let quoted = cookies(b"a=\"b\\054 \\\"c\\\\\\x\"");
    assert_eq!(quoted.lines, [r#"Cookie a=b, \"c\\x"#]);
    assert_eq!(quoted.notes, [Note::CookieQuoted]);
    for (header, lines) in [
        (&b"a=\"\\351\""[..], [r#"Cookie a=\"\\351\""#]),
        (b"a=\"b\"c\"", [r#"Cookie a=\"b\"c\""#]),
        (b"a=\"b\\\"", [r#"Cookie a=\"b\\\""#]),
    ] {
        let told = cookies(header);
        assert_eq!((told.lines.as_slice(), told.notes.as_slice()), (&lines.map(str::to_owned)[..], &[Note::CookieQuote][..]));
    }
    assert!(cookies(b"a=\"b;c\"").notes.starts_with(&[Note::CookieQuote, Note::CookieNoEquals]));
}
