use super::{Target, TargetFault, TargetRules, has_dot_segment};
use proptest::prelude::*;

const STRICT: TargetRules =
    TargetRules { encoded_slashes: false, invalid_utf8: false, dot_segments: false, encoded_controls: false, malformed: false };

#[track_caller]
fn reads(raw: &str, text: &str, decoded: &str) -> Target {
    let target = Target::parse(raw.as_bytes(), &STRICT).unwrap_or_else(|fault| panic!("{raw}: {fault}"));
    assert_eq!((target.as_str(), target.decoded_path()), (text, decoded), "{raw}");
    target
}

/// Refused by default for `fault`; read as `text` when `rules` tolerate it.
#[track_caller]
fn refused(raw: &[u8], fault: TargetFault, rules: TargetRules, text: &str) {
    assert_eq!(Target::parse(raw, &STRICT), Err(fault), "{}", raw.escape_ascii());
    let tolerated = Target::parse(raw, &rules).unwrap_or_else(|fault| panic!("{}: {fault}", raw.escape_ascii()));
    assert_eq!(tolerated.as_str(), text);
}

#[test]
fn the_default_tolerates_nothing() {
    assert_eq!(TargetRules::default(), STRICT);
}

#[test]
fn ordinary_targets_stay_as_they_are() {
    let plain = [
        "/",
        "/a",
        "/a/b/",
        "/a.b/c-d_e~f",
        "/@me/x:1;v=2,(3)!$&'*+",
        "/a?",
        "/a?b=c&d=%20%zz+[]{}|\\^`'",
        "/a?q=/../..//",
        "/a...b/.well-known/...",
    ];
    for raw in plain {
        let path = raw.split('?').next().unwrap();
        let target = reads(raw, raw, path);
        assert_eq!(target.query(), raw.split_once('?').map(|(_, query)| query));
    }
    assert_eq!(reads("*", "*", "*").decoded_segments().count(), 0);
}

#[test]
fn the_path_becomes_canonical() {
    reads("/%61dmin", "/admin", "/admin");
    reads("/a%7eb%2d%5F", "/a~b-_", "/a~b-_");
    reads("//a///b//", "/a/b/", "/a/b/");
    reads("/a%20b%3f", "/a%20b%3F", "/a b?");
    reads("/caf\u{e9}", "/caf%C3%A9", "/caf\u{e9}");
    reads("/caf%c3%a9", "/caf%C3%A9", "/caf\u{e9}");
    reads("/[a]\"<b>^`{|}", "/%5Ba%5D%22%3Cb%3E%5E%60%7B%7C%7D", "/[a]\"<b>^`{|}");
    reads("/a;b=c%3bd%3De", "/a;b=c%3Bd%3De", "/a;b=c;d=e");
    reads("/%252e%252e/%252f", "/%252e%252e/%252f", "/%2e%2e/%2f");
    reads("/a?\"<>\u{e9}", "/a?%22%3C%3E%C3%A9", "/a");
}

#[test]
fn segments_are_those_of_the_decoded_path() {
    let segments = |raw: &str| reads_segments(raw);
    assert_eq!(segments("/"), [""]);
    assert_eq!(segments("/a/b%20c/"), ["a", "b c", ""]);
}

fn reads_segments(raw: &str) -> Vec<String> {
    let target = Target::parse(raw.as_bytes(), &STRICT).unwrap();
    target.decoded_segments().map(str::to_owned).collect()
}

#[test]
fn dot_segments_are_refused_in_every_encoding() {
    let tolerant = TargetRules { dot_segments: true, ..STRICT };
    let check = |raw: &str, text: &str| refused(raw.as_bytes(), TargetFault::DotSegment, tolerant, text);
    check("/a/../b", "/a/../b");
    check("/a/./b", "/a/./b");
    check("/..", "/..");
    check("/.", "/.");
    check("/%2e%2E/etc/passwd", "/../etc/passwd");
    check("/a/.%2e/b?c", "/a/../b?c");
    check("/a/..//b", "/a/../b");
    let slashes = TargetRules { encoded_slashes: true, ..STRICT };
    for raw in ["/a/..%2fb", "/a%5c..%5Cb", "/%2e%2e%2f"] {
        assert_eq!(Target::parse(raw.as_bytes(), &slashes), Err(TargetFault::DotSegment), "{raw}");
    }
}

#[test]
fn what_parsers_disagree_about_is_refused() {
    let slashes = TargetRules { encoded_slashes: true, ..STRICT };
    refused(b"/a%2fb", TargetFault::EncodedSlash, slashes, "/a%2Fb");
    refused(b"/a%5cb", TargetFault::EncodedSlash, slashes, "/a%5Cb");
    let controls = TargetRules { encoded_controls: true, ..STRICT };
    refused(b"/a%00.png", TargetFault::EncodedControl, controls, "/a%00.png");
    refused(b"/a%0d%0aX:y", TargetFault::EncodedControl, controls, "/a%0D%0AX:y");
    refused(b"/a%7f", TargetFault::EncodedControl, controls, "/a%7F");
    let malformed = TargetRules { malformed: true, ..STRICT };
    refused(b"/a%", TargetFault::BadEscape, malformed, "/a%25");
    refused(b"/a%2", TargetFault::BadEscape, malformed, "/a%252");
    refused(b"/a%zz", TargetFault::BadEscape, malformed, "/a%25zz");
    refused(b"/a%+1", TargetFault::BadEscape, malformed, "/a%25+1");
    refused(b"/a#b?c", TargetFault::Fragment, malformed, "/a%23b?c");
    refused(b"/a?b#c", TargetFault::Fragment, malformed, "/a?b%23c");
    refused(b"/a b", TargetFault::ControlByte, malformed, "/a%20b");
    refused(b"/a\0", TargetFault::ControlByte, TargetRules { encoded_controls: true, ..malformed }, "/a%00");
    refused(b"/a?\r\n", TargetFault::ControlByte, malformed, "/a?%0D%0A");
    refused(b"/a?\x7f", TargetFault::ControlByte, malformed, "/a?%7F");
    refused(b"/a\\b", TargetFault::Backslash, TargetRules { encoded_slashes: true, ..malformed }, "/a%5Cb");
    let not_utf8 = TargetRules { invalid_utf8: true, ..STRICT };
    refused(b"/%c0%ae%C0%AE/", TargetFault::InvalidUtf8, not_utf8, "/%C0%AE%C0%AE/");
    refused(b"/\xff", TargetFault::InvalidUtf8, not_utf8, "/%FF");
}

#[test]
fn only_paths_are_targets() {
    for raw in ["", "a", "?a", "#", "http://a/", "**", "%2Fa", "\\a"] {
        assert!(matches!(Target::parse(raw.as_bytes(), &STRICT), Err(TargetFault::Form | TargetFault::Fragment)), "{raw}");
        assert!(Target::parse(raw.as_bytes(), &TargetRules::LENIENT).is_err(), "{raw}");
    }
}

#[test]
fn a_decoded_path_reads_like_the_encoded_one() {
    let check = |encoded: &str, path: &str, query: &str| {
        let from_wire = Target::parse(encoded.as_bytes(), &STRICT).unwrap();
        assert_eq!(Target::from_decoded(path.as_bytes(), query.as_bytes(), &STRICT), Ok(from_wire), "{encoded}");
    };
    check("/", "", "");
    check("/a%20b/caf%C3%A9?x=%20", "/a b/caf\u{e9}", "x=%20");
    check("/100%25", "/100%", "");
    check("/%252e", "/%2e", "");
    check("/a%3F%23", "/a?#", "");
    check("*", "*", "");
    let refused = |path: &[u8], fault| assert_eq!(Target::from_decoded(path, b"", &STRICT), Err(fault));
    refused(b"/a/../b", TargetFault::DotSegment);
    refused(b"/a\0", TargetFault::EncodedControl);
    refused(b"/a\\b", TargetFault::EncodedSlash);
    refused(b"/\xc0\xae", TargetFault::InvalidUtf8);
    refused(b"a", TargetFault::Form);
    assert_eq!(Target::from_decoded(b"/a", b"\r\n", &STRICT), Err(TargetFault::ControlByte));
}

/// Bytes near a target: the fragments that matter, in any order.
fn near_target() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        6 => prop::sample::select(vec![
            "/", "//", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", "%25", "%252e", "%00", "%c0%ae", "%c3%a9", "a", "%61", "?", "#", "%", "%2", ";", "é",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..3),
    ];
    prop::collection::vec(fragment, 0..16).prop_map(|fragments| [b"/".to_vec(), fragments.concat()].concat())
}

fn any_rules() -> impl Strategy<Value = TargetRules> {
    any::<[bool; 5]>().prop_map(|[encoded_slashes, invalid_utf8, dot_segments, encoded_controls, malformed]| TargetRules {
        encoded_slashes,
        invalid_utf8,
        dot_segments,
        encoded_controls,
        malformed,
    })
}

/// One decoding, written independently of the code under test.
fn decode_once(path: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(path).collect()
}

proptest! {
    #[test]
    fn what_is_forwarded_reads_back_as_itself(raw in near_target(), rules in any_rules()) {
        if let Ok(target) = Target::parse(&raw, &rules) {
            prop_assert_eq!(Target::parse(target.as_str().as_bytes(), &rules), Ok(target));
        }
    }

    #[test]
    fn what_is_forwarded_is_visible_and_matches_what_the_app_decodes(raw in near_target(), rules in any_rules()) {
        if let Ok(target) = Target::parse(&raw, &rules) {
            prop_assert!(target.as_str().bytes().all(|b| (0x21..0x7f).contains(&b)));
            let decoded = decode_once(target.path());
            prop_assert_eq!(String::from_utf8_lossy(&decoded), target.decoded_path());
            prop_assert!(rules.dot_segments || !has_dot_segment(&decoded));
        }
    }

    #[test]
    fn a_wsgi_host_reads_what_the_gateway_read(raw in near_target()) {
        if let Ok(target) = Target::parse(&raw, &STRICT) {
            let again = Target::from_decoded(target.decoded_path().as_bytes(), target.query().unwrap_or_default().as_bytes(), &STRICT);
            prop_assert_eq!(again.map(|again| again.decoded_path().to_owned()), Ok(target.decoded_path().to_owned()));
        }
    }

    #[test]
    fn the_lenient_reading_refuses_no_path(raw in near_target()) {
        prop_assert!(Target::parse(&raw, &TargetRules::LENIENT).is_ok());
    }
}
