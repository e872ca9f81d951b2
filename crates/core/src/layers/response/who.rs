//! Whom an exchange is counted for: the network it comes from, and the sessions it shows. Never a user's name: whoever knows it could
//! lock its owner out (CWE-645).

use super::{Ladder, challenge};
use crate::{exchange::Request, store::Subject};
use http::HeaderValue;
use std::hash::{DefaultHasher, Hasher as _};

/// More session cookies are not looked at: a browser has one or two.
const SESSIONS_MAX: usize = 8;

/// The network first, then the sessions.
pub(super) fn subjects(ladder: &Ladder, request: &Request) -> Vec<Subject> {
    let mut subjects = vec![Subject::customer(request.client)];
    let sessions = request.cookies().filter(|(name, value)| is_session(ladder, name) && !value.is_empty());
    for subject in sessions.map(|(_, value)| session(value)).take(SESSIONS_MAX) {
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    subjects
}

/// Whether a cookie of that name holds a session: tokens against forged requests stay the same for all that a browser does.
pub(super) fn is_session(ladder: &Ladder, name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ladder.session_cookies.contains(name) && !lower.contains("csrf") && !lower.contains("xsrf") && !challenge::is_pass(name)
}

fn session(value: &str) -> Subject {
    Subject::Session(hash(("session", value)))
}

/// For counting, where a collision costs one count: no key is needed.
pub(super) fn hash(value: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The names of the cookies that name this session, and the `Cookie` line without them.
pub(super) fn without_session(ladder: &Ladder, request: &Request, ended: Subject) -> (Vec<String>, Option<HeaderValue>) {
    let is_ended = |name: &str, value: &str| is_session(ladder, name) && session(value) == ended;
    let names = request.cookies().filter(|(name, value)| is_ended(name, value)).map(|(name, _)| name.to_owned()).collect();
    let kept = request.cookies().filter(|(name, value)| !is_ended(name, value));
    let line = kept.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    (names, HeaderValue::from_str(&line).ok().filter(|line| !line.is_empty()))
}
