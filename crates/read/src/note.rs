//! What can be read in more than one way, or is not as it should be.

use crate::{Out, Stop};

macro_rules! notes {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// Something about the input that another reader could take otherwise. A note does not stop a reader: what it means is
        /// for policy, with [`crate::Profile::agrees`] saying which of them a framework reads as we do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Note { $($(#[$doc])+ $name,)+ }

        impl Note {
            /// Every note.
            pub const ALL: &'static [Note] = &[$(Note::$name,)+];

            /// Its name in policies and logs.
            pub fn name(self) -> &'static str {
                match self { $(Note::$name => $text,)+ }
            }
        }
    };
}

notes! {
    /// A `%` without two hexadecimal digits behind it; left as it is.
    BadPercent = "bad-percent",
    /// A decoded name or value that is not UTF-8.
    BadUtf8 = "bad-utf8",
    /// A byte above 127 that is not escaped, in a query or form.
    RawNonAscii = "raw-non-ascii",
    /// Unescaped bytes that are not UTF-8.
    RawBadUtf8 = "raw-bad-utf8",
    /// A pair of a query or form without a name.
    EmptyName = "empty-name",
    /// An unescaped `;` in a query or form: old Pythons end a pair there.
    Semicolon = "semicolon",
    /// An unescaped `#` in a query: the start of a fragment to some.
    Hash = "hash",
    /// An unescaped space or control in a query: taken out by some.
    RawControl = "raw-control",
    /// White space at the very end of a form: cut off by some.
    TrailingSpace = "trailing-space",
    /// A charset that is not UTF-8, or none that is known.
    Charset = "charset",
    /// A media type that is not `type/subtype`, or `multipart` not written in lower case.
    MediaType = "media-type",
    /// A parameter of a media type that is written twice, badly quoted, or not `name=value`.
    MediaParameter = "media-parameter",

    /// Nothing between two semicolons of a `Cookie` header.
    CookieEmpty = "cookie-empty",
    /// A cookie named like an attribute (`path`) or with a `$` in front: no cookie to some.
    CookieReserved = "cookie-reserved",
    /// A cookie whose name is empty.
    CookieNoName = "cookie-no-name",
    /// A cookie without `=`.
    CookieNoEquals = "cookie-no-equals",
    /// White space around the `=` of a cookie.
    CookieSpace = "cookie-space",
    /// A cookie whose name is not a token.
    CookieName = "cookie-name",
    /// A cookie whose value has bytes that RFC 6265 does not allow, but no white space.
    CookieValue = "cookie-value",
    /// White space within the value of a cookie, outside of quotes.
    CookieInnerSpace = "cookie-inner-space",
    /// A cookie with a control in it: some strip them as white space.
    CookieControl = "cookie-control",
    /// A cookie with a byte above 127.
    CookieNonAscii = "cookie-non-ascii",
    /// A cookie in quotes; they and the escapes within (`\"`, `\054`) are undone.
    CookieQuoted = "cookie-quoted",
    /// A cookie that begins with a quote and is not all quoted, has a `;` within quotes, or an escape for a byte above 127.
    CookieQuote = "cookie-quote",

    /// A key that the same object has already.
    JsonDuplicateKey = "json-duplicate-key",
    /// A key with a dot in it, so that two paths have one flattened name.
    JsonDottedKey = "json-dotted-key",
    /// `NaN`, `Infinity`, `-Infinity`: Python only.
    JsonNonFinite = "json-non-finite",
    /// Half of a surrogate pair (`\ud800`), given as three bytes as Python keeps it.
    JsonLoneSurrogate = "json-lone-surrogate",
    /// A byte order mark before the text.
    Bom = "byte-order-mark",

    /// A document type: what it declares is not carried out.
    XmlDoctype = "xml-doctype",
    /// A document type that declares entities (CWE-611, CWE-776).
    XmlEntity = "xml-entity",
    /// A reference that is not one of XML's own; left as it is.
    XmlReference = "xml-reference",
    /// A processing instruction.
    XmlInstruction = "xml-instruction",

    /// An escaped slash in a path: a slash to every app behind WSGI or ASGI.
    EncodedSlash = "encoded-slash",
    /// A backslash in a path.
    PathBackslash = "path-backslash",
    /// A segment `.` or `..`, escaped or not.
    DotSegment = "dot-segment",
    /// A control in a path.
    PathControl = "path-control",
    /// A path that has escapes once its own are undone.
    DoubleEncoded = "double-encoded",

    /// The boundary is written in quotes.
    BoundaryQuoted = "boundary-quoted",
    /// The boundary is longer than 70 bytes, ends in a space, or has bytes that RFC 2046 does not allow.
    BoundaryOdd = "boundary-odd",
    /// Spaces or tabs behind a delimiter.
    BoundaryPadding = "boundary-padding",
    /// `--boundary` where no delimiter is: in the middle of a line, in a part's head, or with more behind it.
    StrayBoundary = "stray-boundary",
    /// Bytes before the first delimiter.
    Preamble = "preamble",
    /// Bytes after the last delimiter.
    Epilogue = "epilogue",
    /// No last delimiter.
    NoFinalBoundary = "no-final-boundary",
    /// A multipart body with a last delimiter only.
    NoParts = "no-parts",
    /// A part that ends within its headers.
    PartCutShort = "part-cut-short",
    /// A line of a part's head, or the line before or of a delimiter, that ends in LF alone.
    BareLf = "bare-lf",
    /// A CR alone in a part's head.
    BareCr = "bare-cr",
    /// A NUL or another control in a part's head.
    PartHeadControl = "part-head-control",
    /// A header continued on the next line.
    HeaderFolding = "header-folding",
    /// A header of a part without a colon, or whose name is not a token.
    BadPartHeader = "bad-part-header",
    /// White space before the colon of a part's header.
    SpaceBeforeColon = "space-before-colon",
    /// More than 8 headers in a part, which python-multipart refuses.
    ManyPartHeaders = "many-part-headers",
    /// A part's head of more than 1000 bytes, which Django does not find the end of.
    LongPartHead = "long-part-head",
    /// A part's head that is not UTF-8.
    PartHeadBadUtf8 = "part-head-bad-utf8",
    /// The same header twice in a part.
    TwoPartHeaders = "two-part-headers",
    /// A part without `Content-Disposition`.
    NoDisposition = "no-disposition",
    /// A disposition that is not `form-data`.
    OddDisposition = "odd-disposition",
    /// A part without a name.
    NoPartName = "no-part-name",
    /// A part whose name is empty.
    EmptyPartName = "empty-part-name",
    /// A parameter twice.
    TwoParameters = "two-parameters",
    /// A parameter that is not `name=token` or `name="text"`.
    BadParameter = "bad-parameter",
    /// White space around a parameter's `=`.
    ParameterSpace = "parameter-space",
    /// A parameter in single quotes.
    SingleQuotes = "single-quotes",
    /// A parameter without quotes.
    UnquotedParameter = "unquoted-parameter",
    /// `\"` in a quoted parameter; undone.
    QuotedPair = "quoted-pair",
    /// Another backslash in a quoted parameter: `\\` is undone, others are left as they are.
    Backslash = "backslash",
    /// `%22` in a quoted parameter, as browsers write a quote; left as it is. Not noted when reading as Werkzeug, which undoes it.
    PercentQuote = "percent-quote",
    /// `;` in a quoted parameter.
    SemicolonInQuotes = "semicolon-in-quotes",
    /// A field's name that begins or ends with white space.
    NameSpace = "name-space",
    /// A name or file name that begins with `/`.
    LeadingSlash = "leading-slash",
    /// `filename*=utf-8''a` (RFC 8187), which RFC 7578 forbids; no file name. Not noted when reading as Werkzeug, Django or aiohttp,
    /// to which it is one.
    ExtendedFilename = "extended-filename",
    /// Any other parameter with a star: `name*=`, `filename*0=` (RFC 2231), another charset; not decoded.
    StarParameter = "star-parameter",
    /// The same parameter with and without a star.
    TwoFilenames = "two-filenames",
    /// A `Content-Transfer-Encoding` that changes the content; left as it is.
    TransferEncoding = "transfer-encoding",
    /// A `Content-Encoding` in a part; left as it is.
    PartContentEncoding = "part-content-encoding",
    /// A part of text in a charset that makes a difference for it.
    PartCharset = "part-charset",
    /// A field named `_charset_`, which says how others are to be read.
    CharsetField = "charset-field",
    /// A part that is multipart itself; read as content.
    NestedMultipart = "nested-multipart",
    /// A part whose `Content-Length` is not the length of its content.
    PartLength = "part-length",
}

/// The notes a reader has given already: each is given once, or a hostile body would fill a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes(u128);

impl Notes {
    /// Gives a note unless it was given before.
    pub(crate) fn once(&mut self, note: Note, out: &mut Out<'_>) -> Result<(), Stop> {
        if self.insert(note) { out.note(note) } else { Ok(()) }
    }

    /// Adds a note; returns whether it is new.
    pub fn insert(&mut self, note: Note) -> bool {
        let new = !self.contains(note);
        self.0 |= 1 << (note as u8);
        new
    }

    /// Whether the note is among them.
    pub fn contains(self, note: Note) -> bool {
        self.0 & (1 << (note as u8)) != 0
    }

    /// Adds all of another set.
    pub fn extend(&mut self, others: Notes) {
        self.0 |= others.0;
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = Note> {
        // Nearly always there is none.
        let known = if self.0 == 0 { &[] } else { Note::ALL };
        known.iter().copied().filter(move |note| self.contains(*note))
    }
}

const _: () = assert!(Note::ALL.len() <= 128, "the set of notes is 128 bits wide");
