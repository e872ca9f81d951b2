//! What each framework makes of what we note.

use crate::Note;

/// Whose reading counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Nobody known: only what all read alike is unambiguous.
    Any,
    /// Werkzeug, which Flask reads with.
    Werkzeug,
    /// Django.
    Django,
    /// Starlette and python-multipart, which FastAPI reads with.
    Starlette,
    /// aiohttp.
    Aiohttp,
    /// Bottle.
    Bottle,
}

/// Which of several fields of one name a framework gives when asked for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pick {
    /// The first.
    First,
    /// The last.
    Last,
}

impl Profile {
    /// All that are known by name.
    pub const KNOWN: [Profile; 5] = [Self::Werkzeug, Self::Django, Self::Starlette, Self::Aiohttp, Self::Bottle];

    /// By the name a policy uses for a framework: `flask`, `django`, `fastapi`, `aiohttp`, `bottle`; anything else is [`Profile::Any`].
    pub fn of_framework(name: &str) -> Self {
        match name {
            "flask" | "werkzeug" => Self::Werkzeug,
            "django" => Self::Django,
            "fastapi" | "starlette" => Self::Starlette,
            "aiohttp" => Self::Aiohttp,
            "bottle" => Self::Bottle,
            _ => Self::Any,
        }
    }

    /// Whether the framework reads what the note is about exactly as we do; of cookies it may also give the app fewer. A false
    /// `true` is a way around every detector; a false `false` refuses an honest request: so the list holds what
    /// `tests/differential/` has shown, and no more.
    pub fn agrees(self, note: Note) -> bool {
        match self {
            Self::Any => Self::KNOWN.into_iter().all(|profile| profile.agrees(note)),
            _ => ALIKE.contains(&note) || self.own().contains(&note),
        }
    }

    /// Which of several values of one name `query["name"]` gives.
    pub fn pick(self) -> Pick {
        match self {
            Self::Werkzeug | Self::Aiohttp => Pick::First,
            Self::Any | Self::Django | Self::Starlette | Self::Bottle => Pick::Last,
        }
    }

    /// The most fields of a form that it reads; with more it refuses the request. `None`: as many as come.
    pub fn form_fields_max(self) -> Option<u32> {
        match self {
            Self::Django | Self::Starlette | Self::Aiohttp => Some(1000),
            Self::Any | Self::Werkzeug | Self::Bottle => None,
        }
    }

    /// Whether a body of any other type than multipart is read as a form when the app asks for one.
    pub fn reads_any_type_as_form(self) -> bool {
        matches!(self, Self::Any | Self::Bottle)
    }

    /// Whether a body's `Content-Encoding` is undone before the app reads it.
    pub fn undoes_content_coding(self) -> bool {
        matches!(self, Self::Any | Self::Aiohttp)
    }

    /// Whether a query is decoded by the charset of the body's `Content-Type`, even where there is no body.
    pub fn decodes_query_by_charset(self) -> bool {
        matches!(self, Self::Any | Self::Django)
    }

    /// Whether forms and JSON are decoded by the charset of their `Content-Type`.
    pub fn decodes_body_by_charset(self) -> bool {
        matches!(self, Self::Any | Self::Aiohttp)
    }

    /// Whether `filename*` names a file. A reader told so by [`crate::Multipart::as_read_by`] has nothing to note there.
    pub(crate) fn reads_extended_filename(self) -> bool {
        matches!(self, Self::Werkzeug | Self::Django | Self::Aiohttp)
    }

    fn own(self) -> &'static [Note] {
        match self {
            Self::Any => &[],
            Self::Werkzeug => &[
                Note::Hash,
                Note::RawNonAscii,
                Note::TrailingSpace,
                Note::CookieSpace,
                Note::CookieName,
                Note::CookieInnerSpace,
                Note::TransferEncoding,
                Note::LeadingSlash,
            ],
            Self::Django => &[
                Note::Hash,
                Note::RawNonAscii,
                Note::TrailingSpace,
                Note::CookieSpace,
                Note::CookieName,
                Note::CookieInnerSpace,
                Note::CookieNoEquals,
                Note::CookieNoName,
                Note::LeadingSlash,
                Note::PercentQuote,
            ],
            Self::Starlette => &[
                Note::Hash,
                Note::TrailingSpace,
                Note::CookieSpace,
                Note::CookieName,
                Note::CookieInnerSpace,
                Note::CookieNoEquals,
                Note::CookieNoName,
                Note::TransferEncoding,
                Note::LeadingSlash,
                Note::PercentQuote,
                Note::ExtendedFilename,
            ],
            Self::Aiohttp => &[Note::RawNonAscii, Note::PercentQuote],
            Self::Bottle => &[
                Note::Hash,
                Note::TrailingSpace,
                Note::TransferEncoding,
                Note::LeadingSlash,
                Note::PercentQuote,
                Note::ExtendedFilename,
            ],
        }
    }
}

/// Read alike by all of them.
const ALIKE: &[Note] = &[
    Note::BadPercent,
    Note::BadUtf8,
    Note::EmptyName,
    Note::Semicolon,
    Note::CookieEmpty,
    Note::CookieReserved,
    Note::CookieQuoted,
    Note::CookieValue,
    Note::JsonDottedKey,
    Note::JsonLoneSurrogate,
    Note::BoundaryQuoted,
    Note::UnquotedParameter,
    Note::QuotedPair,
    Note::SemicolonInQuotes,
    Note::LongPartHead,
];
