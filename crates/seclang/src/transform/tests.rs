//! What each transformation makes of ordinary and of hostile values, and that all keep their promises on any bytes.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

/// Each case: the name, a value, what becomes of it.
fn check(name: &str, cases: &[(&[u8], &[u8])]) {
    let transform = Transform::named(name).unwrap();
    for (value, expected) in cases {
        let got = transform.apply(value);
        assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{name}({})", value.escape_ascii());
    }
}

#[test]
fn names_are_known_in_any_case_and_both_spellings() {
    assert_eq!(Transform::named("urlDecodeUni"), Some(Transform::UrlDecodeUni));
    assert_eq!(Transform::named("URLDECODEUNI"), Some(Transform::UrlDecodeUni));
    assert_eq!(Transform::named("normalisePath"), Transform::named("normalizePath"));
    assert_eq!(Transform::named("normalisePathWin"), Transform::named("normalizePathWin"));
    assert_eq!(Transform::named("none"), None);
    assert_eq!(Transform::named("urlDecodeAll"), None);
}

#[test]
fn url_decoding() {
    check("urlDecode", &[(b"a%20b+c%2", b"a b c%2"), (b"%zz%41%4", b"%zzA%4"), (b"%u0041", b"%u0041"), (b"%%41", b"%A")]);
    check(
        "urlDecodeUni",
        &[
            (b"%u0041%U0042", b"AB"),
            (b"%uff1cscript%uff1e", b"<script>"),
            (b"%u2215", b"\x15"),
            (b"%u004%41", b"%u004A"),
            (b"%u00", b"%u00"),
            (b"%00+", b"\0 "),
            (b"%uff00%uff5f", b"\0_"),
        ],
    );
    check("urlEncode", &[(b"a b*/\xff", b"a+b*%2f%ff")]);
}

#[test]
fn backslash_escapes() {
    check(
        "jsDecode",
        &[
            (br"\u003cscript\x3e", b"<script>"),
            (br"\uff1c", b"<"),
            (br"\101\60\0\400\8", b"A0\0 08"),
            (br"\n\v\'\q\u12", b"\n\x0b'qu12"),
            (br"end\", br"end\"),
        ],
    );
    check(
        "cssDecode",
        &[
            (br"\65 xp\000072ession", b"expression"),
            (br"e\x\p", b"exp"),
            (b"a\\\nb\\", b"ab"),
            (br"\ff1c\00ff1c\11ff1c", b"<<\x1c"),
            (br"\6a\7", b"j\x07"),
            (b"\\41\x0bB", b"AB"),
        ],
    );
    check(
        "escapeSeqDecode",
        &[(br"\x41\101\n\?\q\\", b"AA\n?q\\"), (br"\xg1\", br"xg1\"), (br"\777", b"\xff"), (br"l\s", b"ls")],
    );
}

#[test]
fn html_entities() {
    check(
        "htmlEntityDecode",
        &[
            (b"&lt;script&gt&#60;&#x3c;&#X3Ca", b"<script><<\xca"),
            (b"&quot&nbsp;&AMP;", b"\"\xa0&"),
            (b"&ltscript&colon;&;&#;&#x;&", b"&ltscript&colon;&;&#;&#x;&"),
            (b"&#00000000000000000000060;&#x000000000000000000003c;", b"<<"),
            (b"&#99999999999999999999;", b"\xff"),
            (b"&&lt;", b"&<"),
        ],
    );
}

#[test]
fn utf8_as_percent_u() {
    check(
        "utf8toUnicode",
        &[
            ("a\u{e9}\u{ff1c}\u{1f600}".as_bytes(), b"a%u00e9%uff1c%u1f600"),
            (b"\xc0\xaf", b"%u002f\xc0"),
            (b"\xed\xa0\x80", b"%ud800\xed"),
            (b"\xe2\x82", b"\x82"),
            (b"\x80\xff", b"\x80\xff"),
            (b"\xf7\xbf\xbf\xbf", b"\xf7%u1fffff"),
            (b"a\0b\0", b"ab\0"),
        ],
    );
}

#[test]
fn white_space_and_commands() {
    check("lowercase", &[(b"ABC\xc4", b"abc\xc4")]);
    check("uppercase", &[(b"abc\xe4", b"ABC\xe4")]);
    check("compressWhitespace", &[(b" a \t\x0b b\xa0\n", b" a b\xa0 ")]);
    check("removeWhitespace", &[(b" a\x0b\xc2\xa0b\x0c", b"ab")]);
    check("trim", &[(b"\t a b\n", b"a b"), (b"  ", b"")]);
    check("trimLeft", &[(b" a ", b"a ")]);
    check("trimRight", &[(b" a ", b" a")]);
    check("removeNulls", &[(b"a\0b", b"ab")]);
    check("replaceNulls", &[(b"a\0b", b"a b")]);
    check("cmdLine", &[(b"C^OMMAND /C DIR", b"command/c dir"), (b"\"cat\" ,;\t'/etc' (x", b"cat/etc(x")]);
}

#[test]
fn comments() {
    check("replaceComments", &[(b"un/*x*/ion/**/a/*b", b"un ion a "), (b"a*/b/*/c", b"a*/b ")]);
    check("removeComments", &[(b"a/*x*/b", b"ab"), (b"a<!--x-->b--c", b"ab"), (b"a#b", b"a"), (b"a/*", b"a ")]);
    check("removeCommentsChar", &[(b"a/*b*/c<!--d-->e--f#g", b"abcdefg"), (b"a/b*c-d", b"a/b*c-d")]);
}

#[test]
fn paths() {
    check(
        "normalizePath",
        &[
            (b"/a/./b//c/../d", b"/a/b/d"),
            (b"/../../etc/passwd", b"/etc/passwd"),
            (b"a/../../b", b"../b"),
            (b"../../a", b"../../a"),
            (b"./a/", b"a/"),
            (b"a/b/..", b"a"),
            (b"a..b", b"a..b"),
            (b"/", b"/"),
            (b".", b""),
        ],
    );
    check("normalizePathWin", &[(b"\\a\\..\\b\\.\\c", b"/b/c"), (b"/a/./b//c", b"/a/b/c")]);
}

#[test]
fn encodings() {
    check("base64Encode", &[(b"", b""), (b"a", b"YQ=="), (b"ab", b"YWI="), (b"abc\xff", b"YWJj/w==")]);
    check(
        "base64Decode",
        &[
            (b"VGVz\r\ndENhc2U=", b"TestCase"),
            (b"VGVzdA", b"Test"),
            (b"VGVz!dA", b"Tes"),
            (b"VGVz-_", b"Tes"),
            (b"YQ==YQ==", b"a"),
        ],
    );
    check("base64DecodeExt", &[(b"VG.Vz! dA==", b"Test"), (b"-_-_", b"\xfb\xff\xbf"), (b"PA==", b"<")]);
    check("hexEncode", &[(b"a\x01", b"6101")]);
    check("hexDecode", &[(b"6101f", b"a\x01"), (b"7E", b"~"), (b"", b"")]);
    check("sqlHexDecode", &[(b"0x414243 0X44 0xg", b"ABC D 0xg"), (b"0x4", b"0x4"), (b"0x414", b"A4")]);
    check("length", &[(b"", b"0"), (b"abcdefghijk", b"11")]);
    check("md5", &[(b"", b"\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e")]);
    check("sha1", &[(b"", b"\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09")]);
    check("parityZero7bit", &[(b"\xe1a", b"aa")]);
    check("parityEven7bit", &[(b"ac", b"\xe1c")]);
    check("parityOdd7bit", &[(b"ac", b"a\xe3")]);
}

/// Bytes among which escapes are frequent.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::sample::select(&b"%u\\x0&#;<>/*-.+ \t\n\0\"'^(fF13c\xc0\xe2\x82\xf0\xff"[..]).prop_map(|byte| vec![byte]),
        proptest::sample::select(vec!["%u00", "&#x", "\\u00", "/..", "0x41", "-->", "&lt;", "=="]).prop_map(|text| text.into()),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn borrowed_exactly_if_equal_and_never_without_a_trigger(value in hostile()) {
        for (name, transform) in NAMES {
            let got = transform.apply(&value);
            prop_assert_eq!(matches!(got, Cow::Borrowed(_)), got == value.as_slice(), "{}", name);
            let mut out = Vec::new();
            transform.write(&value, &mut out);
            prop_assert_eq!(&out[..], &*got, "{}: the short cut changes the result", name);
            let triggered = transform.triggers().is_none_or(|triggers| triggers.meets(&value));
            prop_assert_eq!(transform.is_triggered(&value), triggered, "{}", name);
            prop_assert!(got == value.as_slice() || transform.may_change(&ByteSet::of(&value)), "{}", name);
            prop_assert!(got.len() <= 40.max(value.len() * 6), "{}", name);
        }
    }

    #[test]
    fn a_set_holds_the_bytes_of_its_value(value in proptest::collection::vec(any::<u8>(), 0..600)) {
        let set = ByteSet::of(&value);
        prop_assert!((0..=u8::MAX).all(|byte| set.contains(byte) == value.contains(&byte)));
    }

    #[test]
    fn what_was_encoded_decodes_to_itself(value in hostile()) {
        for (encode, decode) in [("base64Encode", "base64Decode"), ("hexEncode", "hexDecode"), ("urlEncode", "urlDecode")] {
            let encoded = Transform::named(encode).unwrap().apply(&value).into_owned();
            prop_assert_eq!(&*Transform::named(decode).unwrap().apply(&encoded), value.as_slice(), "{}", encode);
        }
    }
}
