//! Pieces do not matter, and hostile bytes do no harm.

use crate::kit::{small, told};
use gambeson_read::{
    Body, Budget, GraphqlJson, Json, Limits, MediaType, Multipart, Out, Place, Profile, Reader, UrlEncoded, Xml, read_cookies,
    read_graphql, read_path,
};
use proptest::prelude::*;

/// Text made of what a format's reader reacts to, so that deep states are reached.
fn made_of(atoms: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(atoms), 0..40).prop_map(|atoms| atoms.concat())
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..9, 1..6)
}

fn whole_and_cut<R: Reader>(make: impl Fn(&Limits) -> R, bytes: &[u8], cuts: &[usize]) {
    compare(make, bytes, cuts, false);
}

/// Where several readers take turns, order and the first of two stops depend on the pieces; values and whether it stops do not.
fn compare<R: Reader>(make: impl Fn(&Limits) -> R, bytes: &[u8], cuts: &[usize], in_turns: bool) {
    for limits in [Limits::default(), small()] {
        let (mut whole, done) = told(make(&limits), bytes, &[]);
        let (mut pieces, done_too) = told(make(&limits), bytes, cuts);
        if in_turns {
            whole.lines.sort();
            pieces.lines.sort();
        }
        assert_eq!(done.is_ok(), done_too.is_ok());
        assert!(in_turns || done == done_too, "{done:?} {done_too:?}");
        if done.is_ok() {
            assert_eq!(whole, pieces);
        }
    }
}

fn multipart(limits: &Limits) -> Multipart {
    Multipart::new(&MediaType::read(b"multipart/form-data; boundary=b-"), limits).unwrap()
}

const FORM: &[&[u8]] = &[b"a", b"=", b"&", b"%", b"4", b"1", b"+", b";", b"\xff", b" ", b"%C3", b"%A9"];
const JSON: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\"k\"",
    b":",
    b",",
    b"1",
    b"-",
    b".",
    b"e",
    b"true",
    b"null",
    b"NaN",
    b" ",
    b"\\",
    b"\\u",
    b"d83d",
    b"\\ude00",
    b"a",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\0",
];
const XML: &[&[u8]] = &[
    b"<",
    b">",
    b"/",
    b"<a>",
    b"</a>",
    b"<a x='1'>",
    b"<b/>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?xml",
    b"?>",
    b"<!DOCTYPE",
    b"[",
    b"]",
    b"&lt;",
    b"&#x",
    b"41;",
    b"'",
    b"\"",
    b"=",
    b" ",
    b"x",
    b"\0",
    b"\xef\xbb\xbf",
];
const GRAPHQL: &[&[u8]] = &[
    b"{\"query\":\"",
    b"{",
    b"}",
    b"(",
    b")",
    b"a",
    b":",
    b"\\\"",
    b"\\\"\\\"\\\"",
    b"#",
    b"@",
    b"\"",
    b",\"variables\":{\"a\":1}",
    b"\\\\u{1F600}",
];
const MULTIPART: &[&[u8]] = &[
    b"--b-",
    b"--b-\r\n",
    b"--b---",
    b"\r\n",
    b"\n",
    b"\r",
    b"-",
    b"b",
    b" ",
    b"\t",
    b":",
    b"Content-Disposition: form-data; name=\"a\"",
    b"; filename=\"f\"",
    b"\"",
    b"\\",
    b"x",
    b"\r\n\r\n",
    b"\r\n--b-\r\n",
    b"\xff",
    b"\0",
    b"Content-Length: 1\r\n",
];

proptest! {
    #[test]
    fn forms_in_pieces(bytes in made_of(FORM), cuts in cuts()) {
        whole_and_cut(|limits| UrlEncoded::new(Place::Form, limits), &bytes, &cuts);
    }

    #[test]
    fn json_in_pieces(bytes in made_of(JSON), cuts in cuts()) {
        whole_and_cut(Json::new, &bytes, &cuts);
    }

    #[test]
    fn multipart_in_pieces(bytes in made_of(MULTIPART), cuts in cuts()) {
        whole_and_cut(multipart, &bytes, &cuts);
    }

    #[test]
    fn xml_in_pieces(bytes in made_of(XML), cuts in cuts()) {
        whole_and_cut(Xml::new, &bytes, &cuts);
        whole_and_cut(Xml::new, &[b"<a>", bytes.as_slice(), b"</a>"].concat(), &cuts);
    }

    #[test]
    fn bodies_in_pieces(bytes in made_of(JSON), cuts in cuts()) {
        for media in ["text/plain", "application/x-www-form-urlencoded"] {
            let media = MediaType::read(media.as_bytes());
            compare(|limits| Body::new(&media, Profile::Bottle, false, limits).unwrap(), &bytes, &cuts, true);
        }
    }

    #[test]
    fn graphql_in_pieces(bytes in made_of(GRAPHQL), cuts in cuts()) {
        whole_and_cut(GraphqlJson::new, &[b"{\"query\":\"{", bytes.as_slice(), b"}\"}"].concat(), &cuts);
    }

    #[test]
    fn heads_and_documents(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (mut told, mut budget, limits) = (crate::kit::Told::default(), Budget::new(10_000_000), small());
        let mut out = Out { sink: &mut told, budget: &mut budget };
        let _ = (read_cookies(&bytes, &limits, &mut out), read_path(&bytes, &limits, &mut out), read_graphql(&bytes, &limits, &mut out));
        let _ = MediaType::read(&bytes);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in cuts()) {
        whole_and_cut(|limits| UrlEncoded::new(Place::Form, limits), &bytes, &cuts);
        whole_and_cut(Json::new, &bytes, &cuts);
        whole_and_cut(Xml::new, &bytes, &cuts);
        whole_and_cut(multipart, &bytes, &cuts);
    }
}
