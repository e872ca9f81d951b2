//! Whom an exchange is counted for: the network it comes from, and the sessions it shows. Never a user's name: whoever knows it could
//! lock its owner out (CWE-645).

use super::{Ladder, challenge};
use crate::{exchange::Request, store::Subject};
use http::HeaderValue;
use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::LazyLock,
};

/// More session cookies are not looked at: a browser has one or two.
const SESSIONS_MAX: usize = 8;

/// The network first, then what it was allocated with, then the sessions that these `Cookie` lines name.
pub(super) fn subjects<'h>(ladder: &Ladder, client: IpAddr, lines: impl IntoIterator<Item = &'h HeaderValue>) -> Vec<Subject> {
    let mut subjects = vec![Subject::customer(client), Subject::allocation(client)];
    let pairs = lines.into_iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let cookies = pairs.filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.trim(), value.trim()));
    let sessions = cookies.filter(|(name, value)| is_session(ladder, name) && !value.is_empty());
    for subject in sessions.map(|(_, value)| session(value)).take(SESSIONS_MAX) {
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    subjects
}

/// Whether a cookie of that name holds a session: tokens against forged requests stay the same for all that a browser does.
pub(super) fn is_session(ladder: &Ladder, name: &str) -> bool {
    let has = |word: &str| name.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    ladder.session_cookies.contains(name) && !has("csrf") && !has("xsrf") && !challenge::is_pass(name)
}

fn session(value: &str) -> Subject {
    Subject::Session(hash(("session", value)))
}

/// For counting. Its key is of this process: with one that is known a scanner would pick the values that a quarter leaves out, and
/// a log of hashes would tell sessions to whoever guesses at them.
pub(super) fn hash(value: impl std::hash::Hash) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEY.hash_one(value)
}

/// The names of the cookies that name this session, and the `Cookie` line without them.
pub(super) fn without_session(ladder: &Ladder, request: &Request, ended: Subject) -> (Vec<String>, Option<HeaderValue>) {
    let is_ended = |name: &str, value: &str| is_session(ladder, name) && session(value) == ended;
    let names = request.cookies().filter(|(name, value)| is_ended(name, value)).map(|(name, _)| name.to_owned()).collect();
    let kept = request.cookies().filter(|(name, value)| !is_ended(name, value));
    let line = kept.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    (names, HeaderValue::from_str(&line).ok().filter(|line| !line.is_empty()))
}
