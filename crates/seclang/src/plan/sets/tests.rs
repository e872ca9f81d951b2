use super::*;
use crate::files::NoFiles;
use crate::operator::Operator;
use std::borrow::Cow;

/// Patterns with everything that is cut, written out or seen through.
const PATTERNS: [(&str, &[Transform]); 18] = [
    (r"(?i)union.*?select.*?from", &[Transform::UrlDecodeUni]),
    (r"<script[^>]*>[\s\S]*?", &[Transform::RemoveNulls]),
    (r"^(?:a.*b|c)d", &[]),
    (r"(?:a.*b|c)d", &[Transform::Lowercase]),
    (r"\b(?:ab|b[^c]+c)\b", &[]),
    (r"a{3,9}b", &[]),
    (r"^a{6}$", &[]),
    (r"(?:ab+){2,}c?$", &[]),
    (r"a b", &[Transform::CmdLine]),
    (r"a/b\(c", &[Transform::CmdLine]),
    (r"^\s*ab$", &[Transform::RemoveWhitespace]),
    (r"^ab$", &[Transform::UrlDecodeUni, Transform::Trim]),
    (r"^(?:a|b+)$", &[Transform::TrimLeft, Transform::TrimRight, Transform::Lowercase]),
    (r"a b  ?c", &[Transform::CompressWhitespace]),
    (r"a b", &[Transform::UrlDecode, Transform::Lowercase, Transform::CompressWhitespace]),
    (r"[^\w]+?a[^\w]*b", &[Transform::ReplaceNulls]),
    (r"(?:^|;)a(?:$|b)", &[]),
    (r"\Ba.\Bc", &[Transform::RemoveNulls, Transform::RemoveWhitespace]),
];

fn patterns() -> (Pieces, Vec<Operator>) {
    let operators: Vec<Operator> =
        PATTERNS.iter().map(|(text, _)| Operator::compile("rx", text, &NoFiles).expect("it is a pattern")).collect();
    let written: Vec<(u16, &str, &[Transform])> = (0..)
        .zip(operators.iter().zip(PATTERNS))
        .map(|(atom, (operator, (_, transforms)))| (atom, operator.as_pattern().expect("it is a pattern"), transforms))
        .collect();
    (Pieces::of(&written, &[]).expect("there are some"), operators)
}

fn transformed<'v>(value: &'v [u8], transforms: &[Transform]) -> Cow<'v, [u8]> {
    transforms.iter().fold(Cow::Borrowed(value), |value, transform| Cow::Owned(transform.apply(&value).into_owned()))
}

/// Words over letters that the patterns are made of, long and short.
fn values() -> impl Iterator<Item = Vec<u8>> {
    const LETTERS: &[u8] = b"aabbccdd  //(;\"A+\0,\n";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..40_000).map(move |_| (0..next() % 14).map(|_| LETTERS[(next() % LETTERS.len() as u64) as usize]).collect())
}

#[test]
fn no_value_that_a_rule_matches_is_passed_over() {
    let (patterns, operators) = patterns();
    let (mut memory, mut pieces) = (Memory::default(), Found::default());
    let samples = [
        "uNiOn all SELECT 1 from x",
        "<scr\0ipt a=b>x",
        "a \n\t b c",
        "AAAAAAb",
        "a+%+b",
        "bxxcxc ab",
        "a , ^b",
        "+ab +",
        "a ;/b (c",
        "aaaaaa",
    ];
    let mut matched = [0_usize; PATTERNS.len()];
    for value in samples.iter().map(|sample| sample.as_bytes().to_vec()).chain(values()) {
        let found = patterns.found(&value, &mut memory, &mut pieces);
        for (at, (operator, (text, transforms))) in operators.iter().zip(PATTERNS).enumerate() {
            if operator.test(&transformed(&value, transforms), b"", None) {
                matched[at] += 1;
                assert!(found.contains(at), "{text} with {transforms:?} is in {:?}", String::from_utf8_lossy(&value));
            }
        }
    }
    assert!(matched.iter().all(|times| *times > 0), "each pattern was tried on something it matches: {matched:?}");
}

#[test]
fn ordinary_text_is_left_alone() {
    let (union, script) = (r"(?i)union.*?select.*?from", r"(?i)\x3cscript[^\x3e]*\x3e");
    let patterns = Pieces::of(&[(0, union, &[]), (1, script, &[])], &[]).expect("there are two");
    let (mut memory, mut pieces) = (Memory::default(), Found::default());
    let text = b"We were very happy with it, from the beginning on. Select what you like & tell us.";
    assert_eq!(patterns.found(text, &mut memory, &mut pieces), Bits::EMPTY);
    assert!(patterns.found(b"<script x>", &mut memory, &mut pieces).contains(1));
}

#[test]
fn phrases_are_found_in_either_case_and_at_any_place() {
    let phrases: [(u16, &[u8]); 6] = [
        (0, b"etc/passwd"),
        (0, b"etc/"),
        (1, b"etc/passwd"),
        (1, b"a long phrase that is cut"),
        (2, b"d\xe4"),
        (3, b"Etc/Shadow"),
    ];
    let pieces = Pieces::of(&[(7, "sw?", &[])], &phrases).expect("there are some");
    let (mut memory, mut scratch) = (Memory::default(), Found::default());
    let mut found = |value: &[u8]| -> Vec<usize> {
        let found = pieces.found(value, &mut memory, &mut scratch);
        (0..Bits::MAX).filter(|atom| found.contains(*atom)).collect()
    };
    assert_eq!(found(b"/ETC/passwd"), [0, 1, 7]);
    assert_eq!(found(b"eetc/shadow"), [0, 3, 7]);
    assert_eq!(found(b"An etc/ A LONG phrase that is"), [0, 1, 7]);
    assert_eq!(found(b"a long d\xe4"), [2]);
    assert_eq!(found(b"etc / d\xc4"), []);
}
