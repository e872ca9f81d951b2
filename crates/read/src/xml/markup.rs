//! What stands between `<` and `>`.

/// What kind of markup it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// `<a ...>` or `<a/>`
    #[default]
    Open,
    /// `</a>`
    Close,
    /// `<!-- ... -->`
    Comment,
    /// `<![CDATA[ ... ]]>`
    Section,
    /// `<? ... ?>`
    Instruction,
    /// `<!DOCTYPE ...>`
    Declaration,
}

/// Markup that comes in byte by byte.
#[derive(Debug, Default)]
pub(super) struct Markup {
    bytes: Vec<u8>,
    kind: Kind,
    quote: Option<u8>,
    /// Brackets of a declaration that are open.
    nested: u32,
}

impl Markup {
    /// Bytes of memory taken.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds a byte; returns whether that was the last.
    pub(super) fn push(&mut self, byte: u8) -> bool {
        self.bytes.push(byte);
        if self.bytes.len() <= SECTION.len() {
            self.kind = kind_of(&self.bytes);
        }
        match self.kind {
            Kind::Comment => self.bytes.len() >= 6 && self.bytes.ends_with(b"-->"),
            Kind::Section => self.bytes.ends_with(b"]]>"),
            Kind::Instruction => self.bytes.len() >= 3 && self.bytes.ends_with(b"?>"),
            Kind::Close => byte == b'>',
            Kind::Open => self.outside_quotes(byte) && byte == b'>',
            Kind::Declaration => self.outside_quotes(byte) && self.declaration_ends(byte),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What is within, without the marks of its kind.
    pub(super) fn inner(&self) -> &[u8] {
        let (start, end) = match self.kind {
            Kind::Open => (0, 1),
            Kind::Close | Kind::Declaration => (1, 1),
            Kind::Comment => (3, 3),
            Kind::Section => (8, 3),
            Kind::Instruction => (1, 2),
        };
        self.bytes.get(start..self.bytes.len().saturating_sub(end)).unwrap_or_default()
    }

    fn outside_quotes(&mut self, byte: u8) -> bool {
        match (self.quote, byte) {
            (Some(quote), _) if quote == byte => self.quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => self.quote = Some(byte),
            (None, _) => return true,
        }
        false
    }

    fn declaration_ends(&mut self, byte: u8) -> bool {
        match byte {
            // Until it is known to be no CDATA section its bracket counts; then it never ends, which is no XML either.
            b'[' | b'<' => self.nested = self.nested.saturating_add(1),
            b'>' if self.nested == 0 => return true,
            b']' | b'>' => self.nested = self.nested.saturating_sub(1),
            _ => {}
        }
        false
    }
}

/// The longest mark by which a kind is known.
const SECTION: &[u8] = b"![CDATA[";

fn kind_of(start: &[u8]) -> Kind {
    match start {
        [b'/', ..] => Kind::Close,
        [b'?', ..] => Kind::Instruction,
        [b'!', b'-', b'-', ..] => Kind::Comment,
        _ if start.starts_with(SECTION) => Kind::Section,
        [b'!', ..] => Kind::Declaration,
        _ => Kind::Open,
    }
}

/// Splits a name off the front.
pub(super) fn name(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| is_name(**byte)).count())
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'_' | b':' | b'-' | b'.')
}

/// The attributes of a tag; `None` for what is none, and then no more.
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    fn one(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let text = self.rest.trim_ascii_start();
        let (name, after) = name(text);
        if name.is_empty() || text.len() == self.rest.len() {
            return None;
        }
        let value = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        let (quote, value) = value.split_first()?;
        if !matches!(quote, b'"' | b'\'') {
            return None;
        }
        let end = memchr::memchr(*quote, value)?;
        let (value, after) = value.split_at(end);
        self.rest = after.get(1..)?;
        (!value.contains(&b'<')).then_some((name, value))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Option<(&'a [u8], &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.trim_ascii().is_empty() {
            return None;
        }
        let found = self.one();
        if found.is_none() {
            self.rest = b"";
        }
        Some(found)
    }
}
