//! Injections, their harmless twins, and libinjection's own data if the caller has it.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn letters(value: &[u8]) -> String {
    judge(value).map_or_else(String::new, |found| String::from_utf8(found.0).unwrap())
}

#[test]
fn injections_are_known_by_their_fingerprint() {
    let cases: [(&[u8], &str); 16] = [
        (b"1' or '1'='1", "s&sos"),
        (b"-1 UNION SELECT password FROM users", "1UEnk"),
        (b"1 or 1=1 -- ", "1&1c"),
        (b"1;DROP TABLE users", "1;Tnn"),
        (b"' into outfile '/tmp/x", "sks"),
        (b"1' IN BOOLEAN MODE) RLIKE (SELECT 1)#", "sk)o("),
        (b"admin'--", "sc"),
        (b"1 /*!union*/ select", "X"),
        (b"\" or \"\"=\"", "s&sos"),
        (b"1 AND sleep(5)", "1&f(1"),
        (b"x' AND q'[a]'='a", "s&sos"),
        (b"1 or $a$b$a$=$$b$$", "1&sos"),
        (b"-1' or 1=if(1,1,0)#", "s&1of"),
        (b"1 or 0x1=1.5e3f union select 1", "1&1UE"),
        (b"foo' + 'bar", "sos"),
        (b"1--", "1c"),
    ];
    for (value, expected) in cases {
        assert_eq!(letters(value), expected, "{}", value.escape_ascii());
    }
}

#[test]
fn ordinary_text_is_no_injection() {
    let cases: [&[u8]; 13] = [
        b"",
        b"winter jacket",
        b"We were very happy with the jacket and it kept us warm on the long walk.",
        b"It's John O'Brien's -- and it's fine",
        b"union station, select seats",
        b"sexy and 17",
        b"one # two",
        b"C# or F#",
        b"2026-11-22T10:00:00+01:00",
        b"a@example.com",
        b"{\"a\": [1, 2.5, null]}",
        b"100% (of 1,000)",
        b"What's up? I'm fine; you?",
    ];
    for value in cases {
        assert_eq!(letters(value), "", "{}", value.escape_ascii());
    }
}

/// Pieces of SQL, of evasions, and of anything.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let known = proptest::sample::select(vec![
        "'",
        "\"",
        "`",
        "--",
        "-- ",
        "#",
        "/*",
        "*/",
        "/*!",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ",",
        ";",
        ".",
        "::",
        "\\",
        "\\N",
        "@",
        "@@",
        "$",
        "$$",
        "$a$",
        "0x",
        "0b",
        "1",
        "1e",
        "1.f",
        "x'",
        "b'",
        "n'",
        "q'(",
        "nq'<",
        "u&'",
        " union ",
        " select ",
        " or ",
        " in ",
        " not ",
        " like ",
        " user",
        " int ",
        " collate ",
        " a_b",
        "\0",
        "\n",
        "sp_password",
        "\u{a0}",
    ]);
    let piece = prop_oneof![8 => known.prop_map(|text| text.as_bytes().to_vec()), 1 => any::<u8>().prop_map(|byte| vec![byte])];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_judged(value in pieces()) {
        let found = judge(&value);
        prop_assert!(found.is_none_or(|found| (1..=5).contains(&found.0.len())));
    }

    #[test]
    fn plain_values_would_be_found_harmless_anyway(value in "[0-9]{0,3}([xbef]?[0-9a-zA-Z_]{0,8}|union|current_date|infinity)(union)?") {
        prop_assert!(is_plain(value.as_bytes()));
        prop_assert!(in_context(value.as_bytes(), Quote::None).is_none());
    }

    #[test]
    fn case_means_nothing_to_words(value in "[a-z ]{0,20}(union|select|into outfile|or|and|like| |1|'|=|,){0,8}") {
        prop_assert_eq!(letters(value.as_bytes()), letters(value.to_ascii_uppercase().as_bytes()));
    }
}

/// libinjection's unit tests and sample inputs: a folder with its `tests/` and `data/`.
#[test]
fn libinjections_own_data_is_judged_alike() {
    let Some(folder) = std::env::var_os("GAMBESON_LIBINJECTION") else {
        eprintln!("skipped: GAMBESON_LIBINJECTION names no folder with libinjection's tests and data");
        return;
    };
    let folder = Path::new(&folder);
    for (name, test) in files(&folder.join("tests"), "test-sqli-") {
        let (_, rest) = test.split_once("--INPUT--\n").unwrap();
        let (input, expected) = rest.split_once("--EXPECTED--").unwrap();
        assert_eq!(letters(input.trim_end().as_bytes()), expected.trim(), "{name}");
    }
    let samples: Vec<_> = files(&folder.join("data"), "sqli-").into_iter().flat_map(|(_, text)| inputs(&text)).collect();
    let missed = samples.iter().filter(|sample| judge(sample).is_none()).count();
    assert!(samples.len() > 10_000 && missed * 900 < samples.len(), "{missed} of {} injections are missed", samples.len());
}

fn files(folder: &Path, prefix: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
    named
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, path)| (name, String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()))
        .collect()
}

/// The sample inputs of a data file: a line each, percent-encoded.
fn inputs(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let decode = crate::transform::Transform::UrlDecode;
    lines.map(|line| decode.apply(line.as_bytes()).into_owned()).collect()
}
