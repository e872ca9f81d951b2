//! With and without a plan the rules say the same of every request.

use crate::crs;
use gambeson_seclang::ftw;
use gambeson_seclang::{NoFiles, RuleSet, Transaction};

/// One request in so many is tried: unoptimised builds are slow. `GAMBESON_EVERY=1` tries all.
fn every() -> usize {
    std::env::var("GAMBESON_EVERY").ok().and_then(|n| n.parse().ok()).unwrap_or(25)
}

fn check(rules: &RuleSet, request: &[u8]) {
    let planned = ftw::exchange(Transaction::new(rules), request);
    let plain = ftw::exchange(Transaction::plain(rules), request);
    assert_eq!(planned, plain, "{}", String::from_utf8_lossy(request));
}

/// A small generator: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

const PIECES: [&[u8]; 16] = [
    b"%27",
    b"' or 1=1",
    b"<script",
    b"\\u0041",
    b"&lt;",
    b"A",
    b" ",
    b"/**/",
    b"../",
    b"\0",
    b"%u0027",
    b"${jndi:",
    b"=",
    b"&a=",
    b"\xff",
    b"%",
];

/// The request with pieces put in, taken out or doubled behind its first line's method.
fn mutated(request: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut request = request.to_vec();
    for _ in 0..=numbers.below(3) {
        let at = 5.min(request.len()) + numbers.below(request.len().saturating_sub(5));
        match numbers.below(3) {
            0 => drop(request.splice(at..at, PIECES[numbers.below(PIECES.len())].iter().copied())),
            1 => drop(request.drain(at..(at + numbers.below(8)).min(request.len()))),
            _ => {
                let end = (at + numbers.below(12)).min(request.len());
                let piece = request[at..end].to_vec();
                drop(request.splice(at..at, piece));
            }
        }
    }
    request
}

fn compare(settings: &str, salt: u64) {
    let Some(folder) = crs::folder() else { return };
    let rules = crs::load(&folder, settings);
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ salt);
    for test in crs::tests(&folder).iter().step_by(every()) {
        for stage in &test.stages {
            check(&rules, &stage.request);
            for _ in 0..2 {
                check(&rules, &mutated(&stage.request, &mut numbers));
            }
        }
    }
}

#[test]
fn all_paranoia_levels_and_nothing_refused() {
    compare(ftw::SETTINGS, 1);
}

#[test]
fn first_paranoia_level_and_refusals() {
    compare("SecRuleEngine On", 2);
}

#[test]
fn paranoia_level_chosen_by_a_request() {
    compare("SecRule REQUEST_METHOD \"@streq POST\" \"id:1,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=3\"", 3);
}

/// Conditions and transformations of which rules are made by chance.
const CONDITIONS: [&str; 16] = [
    "@rx ^ab$",
    "@rx (?i)\\bunion\\s+select\\b",
    "@rx ^[^a]+b",
    "@rx a.*b$",
    "@rx <script[^>]*>",
    "@rx ^(?:/a|x b)",
    "@rx A\\x20?B",
    "@rx ^$",
    "!@rx ^[a-z ]*$",
    "@pm etc/passwd union X",
    "@pm Ab",
    "!@pm a b",
    "@contains ab",
    "@streq ab",
    "@detectSQLi",
    "@validateByteRange 32-126",
];
const TRANSFORMS: [&str; 24] = [
    "base64Decode",
    "cmdLine",
    "compressWhitespace",
    "cssDecode",
    "escapeSeqDecode",
    "hexDecode",
    "htmlEntityDecode",
    "jsDecode",
    "lowercase",
    "normalizePath",
    "removeComments",
    "removeCommentsChar",
    "removeNulls",
    "removeWhitespace",
    "replaceComments",
    "replaceNulls",
    "sqlHexDecode",
    "trim",
    "trimLeft",
    "trimRight",
    "uppercase",
    "urlDecode",
    "urlDecodeUni",
    "utf8toUnicode",
];
const PARTS: [&[u8]; 24] = [
    b"a",
    b"b",
    b"AB",
    b" ",
    b"+",
    b"\t",
    b"%61",
    b"%",
    b"&#97;",
    b"\\x61",
    b"\\61",
    b"/",
    b"./",
    b"/**/",
    b"union",
    b"SELECT",
    b"YWI=",
    b"6162",
    b"0x6162",
    b"<script ",
    b">",
    b"'",
    b"\xc3\xa4",
    b"etc/passwd",
];

#[test]
fn rules_made_by_chance_find_the_same_with_a_plan() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..60 {
        // A few of each, so that they meet often.
        let [transforms, parts] = [TRANSFORMS.len(), PARTS.len()].map(|all| [(); 5].map(|()| numbers.below(all)));
        let mut text = String::from("SecRuleEngine On\n");
        for id in 1..=40 {
            let chain: Vec<String> =
                (0..numbers.below(5)).map(|_| format!("t:{},", TRANSFORMS[transforms[numbers.below(5)]])).collect();
            let multi = if numbers.below(3) == 0 { "multiMatch," } else { "" };
            let condition = CONDITIONS[numbers.below(CONDITIONS.len())];
            text += &format!(
                "SecRule ARGS|REQUEST_HEADERS:x \"{condition}\" \"id:{id},phase:1,pass,log,{multi}{}msg:'m'\"\n",
                chain.concat()
            );
        }
        let rules = RuleSet::load(&[("a.conf", &text)], &NoFiles).unwrap_or_else(|faults| panic!("{faults:?}"));
        for _ in 0..60 {
            let mut value = || (0..numbers.below(7)).flat_map(|_| PARTS[parts[numbers.below(5)]]).copied().collect::<Vec<u8>>();
            let (query, field) = ([b"/?q=", &*value()].concat(), value());
            let judged = |mut transaction: Transaction<'_>| {
                transaction.request_line(b"GET", &query, b"HTTP/1.1");
                transaction.request_header(b"X", &field);
                transaction.request_head();
                transaction.finish().matches.iter().map(|m| (m.rule, m.value.clone())).collect::<Vec<_>>()
            };
            let (planned, plain) = (judged(Transaction::new(&rules)), judged(Transaction::plain(&rules)));
            assert_eq!(planned, plain, "{} and {}, by\n{text}", query.escape_ascii(), field.escape_ascii());
        }
    }
}
