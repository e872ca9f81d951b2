//! The condition of a rule: `!@rx PATTERN`, or a pattern alone.

/// A condition, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) negated: bool,
    pub(crate) name: String,
    pub(crate) argument: String,
}

/// Without an `@` the whole is a pattern, as in `SecRule ARGS "attack"`.
pub(crate) fn condition(text: &str) -> Written {
    let (negated, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    match rest.strip_prefix('@') {
        Some(rest) => {
            let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            Written { negated, name: name.to_owned(), argument: argument.to_owned() }
        }
        None => Written { negated, name: "rx".into(), argument: rest.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_alone_is_a_pattern() {
        let read = |text| {
            let w = condition(text);
            (w.negated, w.name, w.argument)
        };
        assert_eq!(read("!@within a b"), (true, "within".into(), "a b".into()));
        assert_eq!(read("@detectSQLi"), (false, "detectSQLi".into(), String::new()));
        assert_eq!(read("^a b"), (false, "rx".into(), "^a b".into()));
        assert_eq!(read("!^a"), (true, "rx".into(), "^a".into()));
    }
}
