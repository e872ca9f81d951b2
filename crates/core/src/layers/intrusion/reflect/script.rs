//! Values in the strings of a page's scripts: `var q = "VALUE";` with a value that closes the quote and goes on with code.

use super::PLACES_MAX;
use html5gum::{DefaultEmitter, Token, Tokenizer};
use memchr::memmem;

/// Whether a value would go on with code once its quote is closed: an operator, and something that is called or set.
///
/// What people write has letters, spaces and full stops behind quotes, not operators and calls; and what is kept back for this is only
/// judged by where it stands in the page.
pub(super) fn could_leave(value: &[u8]) -> bool {
    [b'"', b'\'', b'`'].into_iter().any(|quote| leaves(value, quote))
}

/// Whether it does so in a string of that quote: with one that is not escaped.
fn leaves(value: &[u8], quote: u8) -> bool {
    const GOES_ON: &[u8] = b";+-*/,)]}|&=?:<>^%!";
    let mut rest = value;
    while let Some(at) = memchr::memchr2(quote, b'\\', rest) {
        let is_escape = rest.get(at) == Some(&b'\\');
        rest = rest.get(at + 1 + usize::from(is_escape)..).unwrap_or_default();
        if is_escape {
            continue;
        }
        let code = rest.trim_ascii_start();
        if code.first().is_some_and(|byte| GOES_ON.contains(byte)) && code.iter().any(|byte| matches!(byte, b'(' | b'=' | b'`')) {
            return true;
        }
    }
    false
}

/// The texts of a page's scripts; those of data blocks are none.
pub(super) fn of_page(page: &[u8]) -> Vec<Vec<u8>> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let (mut scripts, mut inside) = (Vec::new(), false);
    for token in Tokenizer::new_with_emitter(page, emitter).flatten() {
        match token {
            Token::StartTag(tag) => {
                let kind = tag.attributes.get(&b"type"[..]).map_or(&b""[..], |kind| &kind[..]);
                let runs = kind.is_empty() || kind == b"module" || memmem::find(kind, b"script").is_some();
                inside = &tag.name[..] == b"script" && runs;
                if inside {
                    scripts.push(Vec::new());
                }
            }
            Token::String(text) if inside => {
                scripts.iter_mut().last().into_iter().for_each(|script| script.extend_from_slice(&text))
            }
            Token::EndTag(_) => inside = false,
            _ => {}
        }
    }
    scripts
}

/// Whether the value stands in a string of the script and leaves it.
pub(super) fn is_left(script: &[u8], value: &[u8]) -> bool {
    let places = memmem::find_iter(script, value).take(PLACES_MAX);
    let mut reading = Reading { script, at: 0, within: Within::Code };
    places.into_iter().any(|place| match reading.up_to(place) {
        // The page's backslash before it is of the same escape as its first byte.
        Within::Text(quote) => leaves(value.get(reading.at.saturating_sub(place)..).unwrap_or_default(), quote),
        Within::Code | Within::Line | Within::Comment => false,
    })
}

/// Where in a script one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    /// A string, by its quote.
    Text(u8),
    /// A comment to the end of the line.
    Line,
    Comment,
}

/// Reads a script from place to place, as far as strings and comments go. What it takes for a string in a pattern ends with the line.
struct Reading<'s> {
    script: &'s [u8],
    at: usize,
    within: Within,
}

impl Reading<'_> {
    fn up_to(&mut self, place: usize) -> Within {
        while self.at < place {
            let rest = self.script.get(self.at..).unwrap_or_default();
            let (next, bytes) = match (self.within, rest) {
                (Within::Code, [b'/', b'/', ..]) => (Within::Line, 2),
                (Within::Code, [b'/', b'*', ..]) => (Within::Comment, 2),
                (Within::Code, [quote @ (b'"' | b'\'' | b'`'), ..]) => (Within::Text(*quote), 1),
                (Within::Text(_), [b'\\', ..]) => (self.within, 2),
                (Within::Text(quote), [byte, ..]) if *byte == quote || (*byte == b'\n' && quote != b'`') => (Within::Code, 1),
                (Within::Line, [b'\n', ..]) => (Within::Code, 1),
                (Within::Comment, [b'*', b'/', ..]) => (Within::Code, 2),
                (within, _) => (within, 1),
            };
            self.within = next;
            self.at += bytes;
        }
        self.within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_closes_its_quote_and_goes_on_leaves() {
        for value in ["\";alert(1)//", "'-alert(1)-'", "x\" ; a=1", "`+fetch(`//x`)+`", "\\\\\"+a()+\""] {
            assert!(could_leave(value.as_bytes()), "{value}");
        }
        for value in
            ["O'Brien (Dublin)", "\"quoted\" words", "what's new = old?", "a, b = c", "5' 11\"", "\\\"+a()", "it's; (well)"]
        {
            assert!(!could_leave(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn only_a_string_of_that_quote_is_left() {
        let left = |page: &str, value: &str| of_page(page.as_bytes()).iter().any(|script| is_left(script, value.as_bytes()));
        let value = "\";alert(1)//";
        assert!(left(&format!("<p>a</p><script>var a = 'b\\'\"'; // it's\nvar q = \"{value}\";</script>"), value));
        assert!(left(&format!("<script type=module>f(`x`, \"{value}\")</script>"), value));
        assert!(!left(&format!("<script>var q = '{value}';</script>"), value), "another quote");
        assert!(!left(&format!("<script>// {value}\n/* {value} */</script>"), value), "a comment");
        assert!(!left(&format!("<script type=application/json>{{\"q\": \"{value}\"}}</script>"), value), "data");
        assert!(!left(&format!("<script>a()</script><p>\"{value}\""), value), "no script");
        assert!(!left("<script>var q = \"\\\";alert(1)//\";</script>", value), "escaped");
    }
}
