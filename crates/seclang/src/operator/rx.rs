//! `@rx`: regular expressions in linear time.

use std::sync::OnceLock;

use regex_automata::meta;

use super::Captures;
use super::pattern::{self, PatternError};

/// The largest automaton of the engine, in bytes: some room above what the check of a pattern allows, for it is read backwards too.
const AUTOMATON_BYTES_MAX: usize = 16 << 20;

/// What the lazily built automaton of one pattern may keep between searches, in bytes. Beyond it starts anew: slower, not wrong.
const CACHE_BYTES_MAX: usize = 1 << 20;

/// The pattern by which rules capture a value as it is: no engine needs to look.
const WHOLE: &str = "^.*$";

/// A checked pattern and, once it was needed, its engine.
#[derive(Debug)]
pub(super) struct Rx {
    pattern: String,
    engine: OnceLock<Option<meta::Regex>>,
}

impl Rx {
    /// Rewrites and checks a pattern; the engine comes with its first use.
    pub(super) fn new(source: &str) -> Result<Self, PatternError> {
        let pattern = pattern::rewrite(source.as_bytes())?;
        pattern::check(&pattern)?;
        Ok(Self { pattern, engine: OnceLock::new() })
    }

    /// Builds the engine at once, to see whether it can be built.
    #[cfg(test)]
    pub(super) fn builds(&self) -> bool {
        engine(&self.pattern).is_some()
    }

    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern matches anywhere. Should its engine need too much memory after all, it always does: never a silent pass.
    pub(super) fn test(&self, value: &[u8], captures: Option<&mut Captures>) -> bool {
        if self.pattern == WHOLE {
            captures.into_iter().for_each(|captures| captures.replace(std::iter::once(Some(value))));
            return true;
        }
        match self.engine.get_or_init(|| engine(&self.pattern)) {
            Some(engine) => search(engine, value, captures),
            None => true,
        }
    }
}

/// Compiles a pattern whose macros were just expanded and tests it. What is no pattern matches nothing, as in ModSecurity.
pub(super) fn test_once(source: &[u8], value: &[u8], captures: Option<&mut Captures>) -> bool {
    let compiled = pattern::rewrite(source).ok().and_then(|pattern| engine(&pattern));
    compiled.is_some_and(|engine| search(&engine, value, captures))
}

fn search(engine: &meta::Regex, value: &[u8], captures: Option<&mut Captures>) -> bool {
    let Some(captures) = captures else { return engine.is_match(value) };
    if engine.captures_len() == 1 {
        let found = engine.find(value);
        if let Some(whole) = &found {
            captures.replace(std::iter::once(value.get(whole.range())));
        }
        return found.is_some();
    }
    let mut groups = engine.create_captures();
    engine.captures(value, &mut groups);
    if groups.is_match() {
        captures.replace(groups.iter().map(|span| value.get(span?.range())));
    }
    groups.is_match()
}

fn engine(pattern: &str) -> Option<meta::Regex> {
    let config =
        meta::Config::new().nfa_size_limit(Some(AUTOMATON_BYTES_MAX)).hybrid_cache_capacity(CACHE_BYTES_MAX).utf8_empty(false);
    meta::Builder::new().configure(config).syntax(pattern::syntax()).build(pattern).ok()
}
