//! What each operator matches, its legitimate twin, and which arguments are refused.

use super::*;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            "words.data" => Ok(b"# a list\n  # another comment\r\n/etc/passwd\r\nUnion Select\n\n".to_vec()),
            "networks.data" => Ok(b"10.0.0.0/8 # private\n192.0.2.1, 2001:db8::/32\n".to_vec()),
            _ => Err("there is no such file".to_owned()),
        }
    }
}

fn operator(name: &str, argument: &str) -> Operator {
    Operator::compile(name, argument, &NoFiles).unwrap()
}

fn refusal(name: &str, argument: &str) -> String {
    Operator::compile(name, argument, &NoFiles).unwrap_err().to_string()
}

/// Each case: a value, and whether the operator matches it.
fn check(name: &str, argument: &str, cases: &[(&[u8], bool)]) {
    let operator = operator(name, argument);
    for (value, expected) in cases {
        assert_eq!(operator.test(value, b"", None), *expected, "@{name} {argument} on {}", value.escape_ascii());
    }
}

fn captured(name: &str, argument: &str, value: &[u8]) -> Vec<(usize, String)> {
    let mut captures = Captures::new();
    assert!(operator(name, argument).test(value, b"", Some(&mut captures)));
    captures.iter().map(|(number, value)| (number, value.escape_ascii().to_string())).collect()
}

#[test]
fn a_dot_matches_a_newline_and_any_byte() {
    check("rx", "a.c", &[(b"a\nc", true), (b"a\xffc", true), (b"a\0c", true), (b"ac", false)]);
    check("rx", "(?-s)a.c", &[(b"a\nc", false), (b"abc", true)]);
}

#[test]
fn anchors_hold_only_at_the_ends_of_the_value() {
    check("rx", "^ab$", &[(b"ab", true), (b"ab\n", false), (b"x\nab", false), (b"ab\nx", false)]);
    check("rx", "(?m)^ab$", &[(b"x\nab\ny", true)]);
    check("rx", r"\Aab\z", &[(b"ab", true), (b"ab\n", false)]);
    check("rx", r"ab\Z", &[(b"ab", true), (b"ab\n", true), (b"ab\nc", false)]);
}

#[test]
fn white_space_includes_the_vertical_tab_and_no_byte_beyond_ascii() {
    check("rx", r"^\s$", &[(b"\x0b", true), (b"\x0c", true), (b" ", true), (b"\x85", false), (b"\xa0", false)]);
    check("rx", r"^[^\s]$", &[(b"\x0b", false), (b"\xa0", true)]);
    check("rx", r"^[[:space:]]$", &[(b"\x0b", true), (b"x", false)]);
}

#[test]
fn case_is_respected_unless_the_pattern_says_otherwise_and_folds_ascii_only() {
    check("rx", "union", &[(b"UNION", false), (b"union", true)]);
    check("rx", "(?i)union", &[(b"UNION", true)]);
    check("rx", "a(?i)b|c", &[(b"aB", true), (b"AB", false), (b"C", true)]);
    check(
        "rx",
        "(?i)\u{e9}k",
        &[("\u{e9}K".as_bytes(), true), ("\u{c9}K".as_bytes(), false), ("\u{e9}\u{212a}".as_bytes(), false)],
    );
}

#[test]
fn words_are_ascii() {
    check("rx", r"\bon\b", &[(b"on", true), (b"\xffon\xff", true), (b"xon", false), (b"_on", false)]);
    check("rx", r"^\w\d\W\D$", &[(b"a1-x", true), ("a\u{663}".as_bytes(), false)]);
}

#[test]
fn bytes_by_number() {
    check("rx", r"^\x{0a}\xa0\x5\0\012\x41$", &[(b"\n\xa0\x05\0\nA", true)]);
    check("rx", r"^[\x{80}-\xff\012\b]+$", &[(b"\x80\xff\n\x08", true), (b"\x7f", false)]);
    check("rx", "^[\u{201c}]$", &[(b"\xe2", true), (b"\x80", true), ("\u{201c}".as_bytes(), false)]);
    assert!(refusal("rx", r"\x{100}").contains("code point above ff"));
}

/// Patterns that both notations take for valid and read differently.
#[test]
fn nothing_silently_means_something_else() {
    check("rx", r"\<b", &[(b"a<b", true), (b"b", false)]);
    check("rx", r"^[a&&b]+$", &[(b"a&b", true), (b"c", false)]);
    check("rx", r"^[[a]$", &[(b"[", true), (b"a", true), (b"b", false)]);
    check("rx", r"^[a~~+--c]+$", &[(b"a~,-c", true), (b".", false), (b"b", false)]);
    check("rx", r"^[]a]+$", &[(b"]a", true)]);
    check("rx", r"^[^]a]$", &[(b"]", false), (b"b", true)]);
    check("rx", r"^[\w-.]+$", &[(b"a-.", true), (b"/", false)]);
    check("rx", r"^[a\]-]+$", &[(b"a]-", true)]);
    check("rx", r"^\v\h$", &[(b"\n\t", true), (b"\x0b\xa0", true), (b"ab", false)]);
    check("rx", r"^\H\V\N$", &[(b"abc", true), (b"\tbc", false), (b"ab\n", false)]);
    check("rx", r"^a{,2}{b}x{2}$", &[(b"a{,2}{b}xx", true)]);
    check("rx", r"^\e\cA\Q.*\E$", &[(b"\x1b\x01.*", true)]);
    check("rx", r"^a(?#comment)b#c d$", &[(b"ab#c d", true)]);
    check("rx", r"^[\d\-x]+$", &[(b"1-x", true), (b".", false)]);
}

#[test]
fn what_needs_more_than_linear_time_is_refused_by_name() {
    let cases = [
        ("a(?=b)", "look-around"),
        ("(?<!a)b", "look-around"),
        ("(?>a)b", "an atomic group"),
        ("a(?!b)c", "look-around"),
        ("(a(?!b))", "look-around"),
        ("a(?!b|c)", "look-around"),
        (r"(a)\1", "a back reference"),
        (r"(a)\k<a>", "a back reference"),
        ("(a(?1)?)", "recursion"),
        ("(?x)a b", "free spacing"),
        (r"\pL", "a Unicode property"),
        (r"a\Kb", "where the search began"),
        ("(*FAIL)", "a verb"),
        ("(?|a)", "a branch reset"),
    ];
    for (pattern, why) in cases {
        let refused = refusal("rx", pattern);
        assert!(refused.contains(why), "{pattern}: {refused}");
    }
}

#[test]
fn possessive_quantifiers_are_greedy() {
    check("rx", r"^a++b?+\s*+;x{2}+$", &[(b"aab ;xx", true), (b"a;xx", true), (b"b;xx", false), (b"a;x", false)]);
}

#[test]
fn a_word_may_be_excluded_at_the_end() {
    check(
        "rx",
        r"<\?(?!xml)",
        &[(b"<?php", true), (b"<?", true), (b"<?xm", true), (b"<?xmk", true), (b"<?xml", false), (b"<?XML", true)],
    );
    check("rx", r"(?i)<\?(?!xml)", &[(b"<?XmL version", false), (b"<?XmL <?x", true)]);
}

#[test]
fn faulty_patterns_are_refused() {
    for pattern in ["(a", "a)", "[a", "*a", "[b-a]", "a\\", "(?<name", "(?Q)", "[[:nonsense:]]"] {
        assert!(matches!(Operator::compile("rx", pattern, &NoFiles), Err(OperatorError::Pattern(_))), "{pattern}");
    }
    let deep = "(".repeat(100_000) + &")".repeat(100_000);
    assert!(refusal("rx", &deep).contains("64 KiB"));
    let deep = "(".repeat(1_000) + &")".repeat(1_000);
    assert!(matches!(Operator::compile("rx", &deep, &NoFiles), Err(OperatorError::Pattern(_))));
    assert!(refusal("rx", "((a{1000}){1000}){1000}").contains("4 MiB"));
}

#[test]
fn groups_are_captured() {
    let got = captured("rx", "(a)(b)?(?<name>c)", b"xxacyy");
    assert_eq!(got, [(0, "ac".into()), (1, "a".into()), (3, "c".into())]);
    assert_eq!(captured("rx", "(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", b"abcdefghijk").len(), 10);
    assert_eq!(captured("rx", "b*", b"abb"), [(0, String::new())]);
    assert_eq!(captured("rx", "a|ab", b"ab"), [(0, "a".into())], "the first alternative wins, not the longest");
}

#[test]
fn captures_stay_as_they_were_without_a_match() {
    let mut captures = Captures::new();
    assert!(operator("rx", "(a)").test(b"a", b"", Some(&mut captures)));
    assert!(!operator("rx", "(b)").test(b"a", b"", Some(&mut captures)));
    assert_eq!(captures.get(1), Some(&b"a"[..]));
}

#[test]
fn expanded_macros_are_compiled_when_tested() {
    let operator = operator("rx", "^%{tx.method}$");
    assert_eq!(operator.as_pattern(), None);
    assert!(operator.test(b"GET", b"^GET$", None));
    assert!(!operator.test(b"PUT", b"^GET$", None));
    assert!(!operator.test(b"(", b"(", None), "what is no pattern matches nothing");
    assert!(has_macro("a%{TX.1}") && !has_macro("a%{2}") && !has_macro("%{unclosed"));
}

#[test]
fn phrases() {
    check("pm", "union select", &[(b"x UNION y", true), (b"Selected", true), (b"unio", false)]);
    check("pm", r#""a|42 43|d\;e""#, &[(b"xabcd;ex", true), (b"a|42 43|d", false)]);
    check("pm", r"\x41", &[(br"\x41", true), (b"A", false)]);
    check(
        "pmFromFile",
        "words.data",
        &[(b"../ETC/passwd", true), (b"union select", true), (b"# a list", false), (b"union", false)],
    );
    assert_eq!(captured("pm", "passwd /etc/passwd", b"cat /ETC/PASSWD"), [(0, "/etc/passwd".into())]);
    assert_eq!(operator("pmf", "words.data").as_phrases().unwrap().len(), 2);
    assert!(refusal("pmFromFile", "absent.data").contains("absent.data"));
    assert!(refusal("pm", " ").contains("at least one phrase"));
}

#[test]
fn text() {
    check("streq", "ab", &[(b"ab", true), (b"AB", false), (b"abc", false)]);
    check("contains", "b", &[(b"abc", true), (b"ac", false)]);
    check("strmatch", "b", &[(b"abc", true), (b"B", false)]);
    check("beginsWith", "ab", &[(b"abc", true), (b"xab", false), (b"a", false)]);
    check("endsWith", "bc", &[(b"abc", true), (b"bcd", false)]);
    check("within", "GET POST", &[(b"GET", true), (b"", true), (b"PUT", false)]);
    check("containsWord", "or", &[(b"1 or 2", true), (b"or", true), (b"1or2", true), (b"for", false), (b"order or", true)]);
    assert!(operator("within", "%{tx.allowed}").test(b"GET", b"GET POST", None));
    assert!(!operator("within", "%{tx.allowed}").test(b"PUT", b"GET POST", None));
}

#[test]
fn numbers() {
    check("eq", "5", &[(b"5", true), (b" +5x", true), (b"6", false)]);
    check("eq", "0", &[(b"", true), (b"text", true), (b"1", false)]);
    check("ne", "5", &[(b"6", true), (b"5", false)]);
    check("lt", "5", &[(b"4", true), (b"-9", true), (b"5", false)]);
    check("le", "5", &[(b"5", true), (b"6", false)]);
    check("gt", "5", &[(b"6", true), (b"99999999999999999999999", true), (b"5", false)]);
    check("ge", "5", &[(b"5", true), (b"4", false)]);
    assert!(operator("gt", "%{tx.max}").test(b"6", b"5", None));
}

#[test]
fn networks() {
    let list = "127.0.0.1, ::1,10.0.0.0/8,10.1.0.0/16";
    check("ipMatch", list, &[(b"127.0.0.1", true), (b"::1", true), (b"10.255.0.1", true), (b"11.0.0.1", false), (b"no", false)]);
    check("ipMatch", "10.0.0.0/8", &[(b"::ffff:10.0.0.1", true), (b"9.255.255.255", false), (b"", false)]);
    check(
        "ipMatchFromFile",
        "networks.data",
        &[(b"10.9.8.7", true), (b"192.0.2.1", true), (b"2001:db8::9", true), (b"192.0.2.2", false)],
    );
    check(
        "ipMatch",
        "::ffff:10.0.0.0/104,::ffff:192.0.2.1",
        &[(b"10.1.1.1", true), (b"::ffff:192.0.2.1", true), (b"192.0.2.2", false)],
    );
    assert!(refusal("ipMatch", "10.0.0.0/33").contains("10.0.0.0/33"));
}

#[test]
fn encodings() {
    check("validateByteRange", "9,10,32-126", &[(b"ab\n", false), (b"a\0", true), (b"\x7f", true), (b"", false)]);
    check("validateUrlEncoding", "", &[(b"a%20b", false), (b"100%", true), (b"%4", true), (b"%zz", true), (b"%%20", true)]);
    check(
        "validateUtf8Encoding",
        "",
        &[
            ("\u{e9}\u{1f600}".as_bytes(), false),
            (b"\xc0\xaf", true),
            (b"\xed\xa0\x80", true),
            (b"\xe2\x82", true),
            (b"\xff", true),
        ],
    );
    for range in ["256", "5-4", "a", ""] {
        assert!(
            matches!(Operator::compile("validateByteRange", range, &NoFiles), Err(OperatorError::Argument { .. })),
            "{range}"
        );
    }
}

#[test]
fn injections() {
    check("detectSQLi", "", &[(b"1' or '1'='1", true), (b"-1 union all select 1,2 -- ", true), (b"a nice day", false)]);
    check("detectXSS", "", &[(b"<script>alert(1)</script>", true), (b"<img src=x onerror=alert(1)>", true), (b"a < b", false)]);
    assert_eq!(captured("detectSQLi", "", b"1' or '1'='1"), [(0, "s&sos".into())]);
}

proptest::proptest! {
    #[test]
    fn what_holds_no_tag_and_no_attribute_is_no_xss(value in "[^<=]{0,40}(on|src|style|javascript:|\"|'|`| |>|/|!--|\\[CDATA\\[){0,6}") {
        proptest::prop_assume!(!value.contains(['<', '=']));
        proptest::prop_assert!(!libinjectionrs::detect_xss(value.as_bytes()).is_injection());
    }
}

#[test]
fn the_constant_ones() {
    check("unconditionalMatch", "", &[(b"", true)]);
    check("noMatch", "", &[(b"a", false)]);
}

#[test]
fn operators_that_are_not_here_say_why() {
    assert!(refusal("rbl", "list.example").contains("name server"));
    assert!(matches!(Operator::compile("geoLookup", "", &NoFiles), Err(OperatorError::Unavailable { name: "geoLookup", .. })));
    assert!(matches!(Operator::refused("GeoLookup", ""), Some(OperatorError::Unavailable { .. })));
    assert!(matches!(Operator::refused("rx", "(?=a)"), Some(OperatorError::Pattern(PatternError::Unsupported("look-around")))));
    assert!(Operator::refused("rx", "(").is_none() && Operator::refused("nonsense", "").is_none());
    assert_eq!(Operator::compile("nonsense", "", &NoFiles).unwrap_err(), OperatorError::Unknown("nonsense".into()));
}

/// The Core Rule Set, if the caller has it: every pattern compiles, none needs more than linear time.
#[test]
fn all_patterns_of_the_core_rule_set_compile() {
    let Some(folder) = std::env::var_os("GAMBESON_CRS") else {
        eprintln!("skipped: GAMBESON_CRS names no folder with the Core Rule Set");
        return;
    };
    let mut patterns = Vec::new();
    for entry in std::fs::read_dir(std::path::Path::new(&folder).join("rules")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            patterns.extend(patterns_of(&std::fs::read_to_string(path).unwrap()));
        }
    }
    assert!(patterns.len() > 100, "only {} patterns were found", patterns.len());
    let failed: Vec<_> = patterns.iter().filter(|pattern| !rx::Rx::new(pattern).is_ok_and(|rx| rx.builds())).collect();
    assert!(failed.is_empty(), "{} of {} patterns fail: {failed:#?}", failed.len(), patterns.len());
}

/// The argument of each `@rx` of a rule file.
fn patterns_of(rules: &str) -> Vec<String> {
    let uncommented: String =
        rules.lines().filter(|line| !line.trim_start().starts_with('#')).map(|line| line.to_owned() + "\n").collect();
    let begins = uncommented.match_indices("@rx ").map(|(at, mark)| &uncommented[at + mark.len()..]);
    begins
        .map(|text| {
            let end = text.match_indices('"').find(|(at, _)| !text[..*at].ends_with('\\')).unwrap().0;
            text[..end].replace("\\\"", "\"").replace("\\\n", "")
        })
        .collect()
}
