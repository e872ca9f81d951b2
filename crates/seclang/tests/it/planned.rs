//! With and without a plan the rules say the same of every request.

use crate::crs;
use gambeson_seclang::ftw;
use gambeson_seclang::{RuleSet, Transaction};

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
