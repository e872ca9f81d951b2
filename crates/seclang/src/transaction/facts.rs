//! What the exchange is: every byte that came, and where in it the named values stand.

use crate::transform::Transform;
use crate::variable::Variable;
use std::borrow::Cow;

/// A piece of the text all values stand in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// The part of this piece that starts and ends at these offsets within it.
    pub(crate) fn part(self, from: usize, to: usize) -> Span {
        let at = |offset: usize| self.start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX)).min(self.end);
        Span { start: at(from), end: at(to) }
    }
}

/// A named value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: Span,
    pub(crate) value: Span,
}

/// Where named values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    ArgsGet,
    ArgsPost,
    RequestHeaders,
    Cookies,
    Files,
    FilesSizes,
    PartNames,
    PartHeaders,
    XmlTexts,
    XmlAttributes,
    ResponseHeaders,
}

const TABLES: usize = 11;

/// Flags of multipart bodies and of the body in general, by the variable that shows them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flags(u128);

impl Flags {
    pub(crate) fn set(&mut self, flag: Variable) {
        self.0 |= 1 << (flag as u8);
    }

    pub(crate) fn get(self, flag: Variable) -> bool {
        self.0 & (1 << (flag as u8)) != 0
    }
}

const _: () = assert!(Variable::NAMES.len() <= 128, "flags are 128 bits wide");

/// The first line of the request, taken apart.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Line {
    pub(crate) whole: Span,
    pub(crate) method: Span,
    pub(crate) raw: Span,
    pub(crate) uri: Span,
    pub(crate) path: Span,
    pub(crate) basename: Span,
    pub(crate) query: Span,
    pub(crate) protocol: Span,
}

/// The facts of one exchange.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    text: Vec<u8>,
    tables: [Vec<Pair>; TABLES],
    pub(crate) flags: Flags,
    pub(crate) line: Line,
    pub(crate) body: Vec<u8>,
    /// Whether REQUEST_BODY shows the body.
    pub(crate) body_shown: bool,
    pub(crate) body_error: String,
    pub(crate) processor: Cow<'static, str>,
    pub(crate) unique_id: String,
    pub(crate) client: (String, u16),
    pub(crate) server: (String, u16),
    pub(crate) status: u16,
    pub(crate) response_protocol: Span,
    pub(crate) response_body: Vec<u8>,
}

impl Facts {
    /// Keeps bytes. Beyond 4 GiB, which no limit allows, nothing more is kept.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        match (u32::try_from(start), u32::try_from(self.text.len())) {
            (Ok(start), Ok(end)) => Span { start, end },
            _ => Span::default(),
        }
    }

    pub(crate) fn add(&mut self, table: Table, name: &[u8], value: &[u8]) {
        let pair = Pair { name: self.keep(name), value: self.keep(value) };
        self.put(table, pair);
    }

    pub(crate) fn put(&mut self, table: Table, pair: Pair) {
        if let Some(pairs) = self.tables.get_mut(table as usize) {
            pairs.push(pair);
        }
    }

    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    pub(crate) fn table(&self, table: Table) -> &[Pair] {
        self.tables.get(table as usize).map_or(&[], |pairs| pairs)
    }

    /// The first value of a field of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.named(Table::RequestHeaders, name.as_bytes()).next()
    }

    pub(crate) fn named(&self, table: Table, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        let pairs = self.table(table).iter();
        pairs.filter(move |pair| self.bytes(pair.name).eq_ignore_ascii_case(name)).map(|pair| self.bytes(pair.value))
    }

    /// The values of a variable that has many, each with its name.
    pub(crate) fn many(&self, variable: Variable) -> Many<'_> {
        let (first, second, shows) = match variable {
            Variable::Args => (Table::ArgsGet, Some(Table::ArgsPost), Shows::Value),
            Variable::ArgsNames => (Table::ArgsGet, Some(Table::ArgsPost), Shows::Name),
            Variable::ArgsGet => (Table::ArgsGet, None, Shows::Value),
            Variable::ArgsGetNames => (Table::ArgsGet, None, Shows::Name),
            Variable::ArgsPost => (Table::ArgsPost, None, Shows::Value),
            Variable::ArgsPostNames => (Table::ArgsPost, None, Shows::Name),
            Variable::RequestHeaders => (Table::RequestHeaders, None, Shows::Value),
            Variable::RequestHeadersNames => (Table::RequestHeaders, None, Shows::Name),
            Variable::RequestCookies => (Table::Cookies, None, Shows::Value),
            Variable::RequestCookiesNames => (Table::Cookies, None, Shows::Name),
            Variable::Files | Variable::MultipartFilename => (Table::Files, None, Shows::Value),
            Variable::FilesNames => (Table::Files, None, Shows::Name),
            Variable::FilesSizes => (Table::FilesSizes, None, Shows::Value),
            Variable::MultipartName => (Table::PartNames, None, Shows::Name),
            Variable::MultipartPartHeaders => (Table::PartHeaders, None, Shows::Value),
            Variable::Xml => (Table::XmlTexts, Some(Table::XmlAttributes), Shows::Value),
            Variable::ResponseHeaders => (Table::ResponseHeaders, None, Shows::Value),
            Variable::ResponseHeadersNames => (Table::ResponseHeaders, None, Shows::Name),
            _ => return Many { facts: self, pairs: [].iter().chain([].iter()), shows: Shows::Value },
        };
        let second = second.map_or(&[][..], |table| self.table(table));
        Many { facts: self, pairs: self.table(first).iter().chain(second), shows }
    }

    /// The value of a variable that has one.
    pub(crate) fn one(&self, variable: Variable) -> Cow<'_, [u8]> {
        let number = |n: usize| Cow::Owned(n.to_string().into_bytes());
        let span = |span: Span| Cow::Borrowed(self.bytes(span));
        match variable {
            Variable::RequestLine => span(self.line.whole),
            Variable::RequestMethod => span(self.line.method),
            Variable::RequestUriRaw => span(self.line.raw),
            Variable::RequestUri => span(self.line.uri),
            Variable::RequestFilename => span(self.line.path),
            Variable::RequestBasename => span(self.line.basename),
            Variable::QueryString => span(self.line.query),
            Variable::RequestProtocol => span(self.line.protocol),
            Variable::RequestBody | Variable::StreamInputBody if self.body_shown => Cow::Borrowed(&self.body),
            Variable::RequestBodyLength => number(self.body.len()),
            Variable::ReqbodyProcessor => Cow::Borrowed(self.processor.as_bytes()),
            Variable::ReqbodyErrorMsg | Variable::ReqbodyProcessorErrorMsg => Cow::Borrowed(self.body_error.as_bytes()),
            Variable::ArgsCombinedSize => number(self.size(Table::ArgsGet) + self.size(Table::ArgsPost)),
            Variable::FilesCombinedSize => number(self.uploaded()),
            Variable::FullRequest => Cow::Owned(self.whole_request()),
            Variable::FullRequestLength => number(self.whole_request().len()),
            Variable::RemoteAddr | Variable::RemoteHost => Cow::Borrowed(self.client.0.as_bytes()),
            Variable::RemotePort => number(self.client.1.into()),
            Variable::ServerAddr => Cow::Borrowed(self.server.0.as_bytes()),
            Variable::ServerPort => number(self.server.1.into()),
            Variable::ServerName => Cow::Borrowed(self.host()),
            Variable::AuthType => Cow::Borrowed(self.authorization().0),
            Variable::RemoteUser => Cow::Owned(self.user()),
            Variable::UniqueId => Cow::Borrowed(self.unique_id.as_bytes()),
            Variable::ResponseStatus => number(self.status.into()),
            Variable::ResponseProtocol => span(self.response_protocol),
            Variable::ResponseBody | Variable::StreamOutputBody => Cow::Borrowed(&self.response_body),
            Variable::ResponseContentLength => number(self.response_body.len()),
            Variable::ResponseContentType => {
                Cow::Borrowed(self.named(Table::ResponseHeaders, b"content-type").next().unwrap_or(b""))
            }
            Variable::StatusLine => {
                Cow::Owned([self.bytes(self.response_protocol), b" ", self.status.to_string().as_bytes()].concat())
            }
            Variable::PathInfo | Variable::PcreError => Cow::Borrowed(b""),
            Variable::RequestBody | Variable::StreamInputBody => Cow::Borrowed(b""),
            Variable::ModsecBuild => Cow::Borrowed(b"030000000"),
            flag => Cow::Borrowed(if self.flags.get(flag) { b"1" } else { b"0" }),
        }
    }

    fn size(&self, table: Table) -> usize {
        self.table(table).iter().map(|pair| pair.name.len() + pair.value.len()).sum()
    }

    fn uploaded(&self) -> usize {
        let sizes = self.table(Table::FilesSizes).iter();
        sizes.filter_map(|pair| std::str::from_utf8(self.bytes(pair.value)).ok()?.parse::<usize>().ok()).sum()
    }

    fn whole_request(&self) -> Vec<u8> {
        let mut whole = self.bytes(self.line.whole).to_vec();
        whole.extend_from_slice(b"\r\n");
        for pair in self.table(Table::RequestHeaders) {
            whole.extend([self.bytes(pair.name), b": ", self.bytes(pair.value), b"\r\n"].concat());
        }
        whole.extend_from_slice(b"\r\n");
        whole.extend_from_slice(&self.body);
        whole
    }

    fn host(&self) -> &[u8] {
        let host = self.header("host").unwrap_or(b"");
        let port = host.iter().rposition(|b| *b == b':').filter(|at| host.iter().skip(at + 1).all(u8::is_ascii_digit));
        host.get(..port.unwrap_or(host.len())).unwrap_or(host)
    }

    /// The user name of Basic authentication (RFC 7617): what stands before the first colon.
    fn user(&self) -> Vec<u8> {
        let (scheme, credentials) = self.authorization();
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Vec::new();
        }
        let mut user = Transform::Base64Decode.apply(credentials.trim_ascii()).into_owned();
        user.truncate(memchr::memchr(b':', &user).unwrap_or(user.len()));
        user
    }

    fn authorization(&self) -> (&[u8], &[u8]) {
        let value = self.header("authorization").unwrap_or(b"");
        let at = value.iter().position(|b| *b == b' ').unwrap_or(value.len());
        value.split_at(at)
    }
}

/// What a variable shows of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Value,
    Name,
}

/// Walks over the values of a variable, each with its name.
#[derive(Clone)]
pub(crate) struct Many<'f> {
    facts: &'f Facts,
    pairs: std::iter::Chain<std::slice::Iter<'f, Pair>, std::slice::Iter<'f, Pair>>,
    shows: Shows,
}

impl<'f> Iterator for Many<'f> {
    type Item = (&'f [u8], &'f [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.nth(0)
    }

    fn nth(&mut self, at: usize) -> Option<Self::Item> {
        let pair = self.pairs.nth(at)?;
        let name = self.facts.bytes(pair.name);
        Some((name, if self.shows == Shows::Name { name } else { self.facts.bytes(pair.value) }))
    }
}
