//! Which reader a body gets.

use crate::kit::{Told, told};
use gambeson_read::{Body, Fault, Limits, MediaType, Note, Profile, Stop};

fn read(media: &str, profile: Profile, bytes: &[u8]) -> (Told, Result<(), Stop>) {
    let media = MediaType::read(media.as_bytes());
    told(Body::new(&media, profile, media.essence.ends_with(b"graphql+json"), &Limits::default()).unwrap(), bytes, &[3])
}

fn lines(media: &str, bytes: &[u8]) -> Vec<String> {
    read(media, Profile::Django, bytes).0.lines
}

#[test]
fn types_choose_the_reader() {
    assert_eq!(lines("application/json", b"{\"a\":1}"), ["Json Number a=1"]);
    assert_eq!(lines("application/ld+json", b"{\"a\":1}"), ["Json Number a=1"]);
    assert_eq!(lines("application/x-www-form-urlencoded", b"a=1"), ["Form a=1"]);
    assert_eq!(lines("text/xml", b"<a>1</a>"), ["Xml a=1"]);
    assert_eq!(
        lines("application/graphql+json", b"{\"query\":\"{a(b:\\\"x\\\")}\"}"),
        ["Json query={a(b:\\\"x\\\")}", "Graphql b=x"]
    );
    assert_eq!(
        lines("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--")[1],
        "Multipart a=1"
    );
    assert!(lines("image/png", b"a=1").is_empty());
}

#[test]
fn a_body_is_also_what_it_begins_like() {
    assert_eq!(lines("text/plain", b" \n{\"a\":\"\\u0027\"}"), ["Json a=\\'"]);
    assert_eq!(lines("", b"\xef\xbb\xbf[1]"), ["Json Number 0=1"]);
    assert_eq!(lines("application/octet-stream", b"<a b='1'/>"), ["Xml Attribute a@b=1"]);
    let mut both = lines("application/x-www-form-urlencoded", b"{\"a\":\"x\"}");
    both.sort();
    assert_eq!(both, ["Form {\\\"a\\\":\\\"x\\\"}=", "Json a=x"]);
}

#[test]
fn what_only_begins_like_it_does_no_harm() {
    assert_eq!(read("text/plain", Profile::Django, b"{not json"), (Told::default(), Ok(())));
    assert_eq!(read("text/html", Profile::Any, b"<!DOCTYPE html><p>x<br>").1, Ok(()));
    assert_eq!(read("text/html", Profile::Any, b"<!DOCTYPE html><p>x<br>").0.notes, []);
    assert_eq!(read("text/plain", Profile::Any, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>").0.notes, [Note::XmlEntity]);
    assert!(read("application/json", Profile::Any, b"{not json").1.is_err());
}

#[test]
fn wide_json_is_refused_and_other_bytes_are_not() {
    let stop = |bytes: &[u8]| read("text/plain", Profile::Django, bytes).1;
    let wide = [&b"\xff\xfe{\0"[..], b"\xfe\xff\0[", b"\0{\0\"", b"[\x001\0", b"\0\0\0 \0\0\0{", b" \0{\0", b"\xff\xfe\0\0"];
    for bytes in wide {
        assert_eq!(stop(bytes), Err(Stop::Fault(Fault::WideText)), "{bytes:?}");
    }
    for bytes in [&b"\xff\xd8\xff\xe0\0"[..], b"\0\0\0\x20ftyp", b"\xff\xfea\0", b"[a\0b", b"{", b"\x89PNG"] {
        assert_eq!(stop(bytes), Ok(()), "{bytes:?}");
    }
}

#[test]
fn bottle_takes_any_body_for_a_form() {
    let told = |profile, media: &str| read(media, profile, b"a=1&%").0;
    assert_eq!(told(Profile::Bottle, "image/png").lines, ["Form a=1", "Form %="]);
    assert_eq!(told(Profile::Bottle, "image/png").notes, []);
    assert_eq!(told(Profile::Any, "text/plain").lines, ["Form a=1", "Form %="]);
    assert!(told(Profile::Any, "image/png").lines.is_empty() && told(Profile::Django, "text/plain").lines.is_empty());
    let long = [b"a=1&".repeat(20), vec![b'x'; 102_400]].concat();
    assert_eq!(read("image/png", Profile::Bottle, &long).0.lines.len(), 20);
}
