//! Tags and attributes as browsers cut them, also when the text ends within one: the page that follows may complete it.

/// A start tag.
pub(super) struct Tag<'a> {
    /// As written.
    pub(super) name: &'a [u8],
    /// Where `<` stands.
    pub(super) start: usize,
    /// Where the attributes begin.
    pub(super) attributes: usize,
    /// Behind `>`, or the end of the text.
    pub(super) end: usize,
    /// A comment that asks the server for something: `<!--#exec`.
    pub(super) include: bool,
}

/// An attribute; without a value the value is empty.
pub(super) struct Attribute<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// Where the value begins.
    pub(super) at: usize,
}

/// What server-side includes ask for.
const INCLUDES: &[&[u8]] = &[b"exec", b"include", b"echo", b"config", b"printenv", b"set"];

/// The next start tag, or server-side include, from a place on. Comments and raw text are looked into: what ends them is the page's.
pub(super) fn next_tag(text: &[u8], from: usize) -> Option<Tag<'_>> {
    let mut at = from;
    loop {
        let start = at + memchr::memchr(b'<', text.get(at..)?)?;
        let rest = text.get(start + 1..)?;
        if rest
            .strip_prefix(b"!--#")
            .is_some_and(|c| INCLUDES.iter().any(|word| c.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))))
        {
            return Some(Tag { name: b"", start, attributes: text.len(), end: start + 5, include: true });
        }
        if rest.first().is_some_and(u8::is_ascii_alphabetic) {
            let length = rest.iter().take_while(|b| !b.is_ascii_whitespace() && !matches!(b, b'/' | b'>' | b'<')).count();
            let name = rest.get(..length)?;
            let attributes_at = start + 1 + length;
            let end = attributes(text, attributes_at, &mut |_| {});
            return Some(Tag { name, start, attributes: attributes_at, end, include: false });
        }
        at = start + 1;
    }
}

/// Calls `visit` with each attribute up to the end of the tag; the place behind `>` or the end of the text.
pub(super) fn attributes<'a>(text: &'a [u8], from: usize, visit: &mut dyn FnMut(Attribute<'a>)) -> usize {
    let mut at = from;
    loop {
        at = skip(text, at, |b| is_space(b) || b == b'/');
        match text.get(at) {
            None => return text.len(),
            Some(b'>') => return at + 1,
            // Browsers read on; filters that cut tags out leave a tag behind: `<scr<script>ipt>`.
            Some(b'<') => return at,
            Some(_) => {}
        }
        let name_end = skip(text, at + 1, |b| !is_space(b) && !matches!(b, b'/' | b'>' | b'=' | b'<'));
        let name = text.get(at..name_end).unwrap_or_default();
        let equals = skip(text, name_end, is_space);
        if text.get(equals) != Some(&b'=') {
            visit(Attribute { name, value: b"", at: name_end });
            at = name_end;
            continue;
        }
        let begin = skip(text, equals + 1, is_space);
        let (value_at, value_end, next) = value(text, begin);
        visit(Attribute { name, value: text.get(value_at..value_end).unwrap_or_default(), at: value_at });
        at = next;
    }
}

/// The range of a value, and the place behind it.
fn value(text: &[u8], begin: usize) -> (usize, usize, usize) {
    match text.get(begin) {
        Some(&quote @ (b'"' | b'\'')) => {
            let inner = text.get(begin + 1..).unwrap_or_default();
            let length = memchr::memchr(quote, inner).unwrap_or(inner.len());
            (begin + 1, begin + 1 + length, (begin + 2 + length).min(text.len()))
        }
        _ => {
            let end = skip(text, begin, |b| !is_space(b) && b != b'>');
            (begin, end, end)
        }
    }
}

/// HTML's white space, and the vertical tab some readers take for one.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn skip(text: &[u8], from: usize, over: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from.min(text.len()) + rest.iter().position(|&b| !over(b)).unwrap_or(rest.len())
}
