//! What the keys of a WSGI environ mean (PEP 3333, CGI), looked up once and remembered.

use http::HeaderName;
use pyo3::{
    prelude::*,
    types::{PyDict, PyString},
};

/// What an environ key means.
#[derive(Debug, Clone)]
pub(crate) enum Meaning {
    /// `REQUEST_METHOD`
    Method,
    /// `SCRIPT_NAME`: the part of the path that belongs to where the app is mounted.
    Script,
    /// `PATH_INFO`: the rest of the path, decoded once.
    Path,
    /// `QUERY_STRING`
    Query,
    /// `RAW_URI` (gunicorn) or `REQUEST_URI` (others): the target as sent.
    RawTarget,
    /// `SERVER_PROTOCOL`
    Protocol,
    /// `REMOTE_ADDR`
    Peer,
    /// `wsgi.url_scheme`
    Scheme,
    /// `wsgi.input`
    Input,
    /// `wsgi.file_wrapper`
    FileWrapper,
    /// `CONTENT_LENGTH`
    Length,
    /// A header field.
    Field(HeaderName),
    /// A header field the server already gave another place; it must not be seen twice.
    Twin,
    /// No server writes this key: a header field would alias another one, or has no valid name.
    Alias,
    /// Nothing of the request.
    Other,
}

impl Meaning {
    fn of(key: &str) -> Self {
        match key {
            "REQUEST_METHOD" => Self::Method,
            "SCRIPT_NAME" => Self::Script,
            "PATH_INFO" => Self::Path,
            "QUERY_STRING" => Self::Query,
            "RAW_URI" | "REQUEST_URI" => Self::RawTarget,
            "SERVER_PROTOCOL" => Self::Protocol,
            "REMOTE_ADDR" => Self::Peer,
            "wsgi.url_scheme" => Self::Scheme,
            "wsgi.input" => Self::Input,
            "wsgi.file_wrapper" => Self::FileWrapper,
            "CONTENT_LENGTH" => Self::Length,
            "CONTENT_TYPE" => Self::Field(http::header::CONTENT_TYPE),
            "HTTP_CONTENT_LENGTH" | "HTTP_CONTENT_TYPE" => Self::Twin,
            _ => key.strip_prefix("HTTP_").map_or(Self::Other, Self::of_field),
        }
    }

    /// `HTTP_X_A` is `x-a`. A dash or a small letter is none of a server's doing: beside `HTTP_X_A` it would be the same
    /// field with another value.
    fn of_field(name: &str) -> Self {
        if name.bytes().any(|b| b == b'-' || b.is_ascii_lowercase()) {
            return Self::Alias;
        }
        HeaderName::try_from(name.replace('_', "-")).map_or(Self::Alias, Self::Field)
    }
}

/// A meaning as a value of a Python dict.
#[pyclass(frozen, module = "gambeson._native")]
pub(crate) struct Known(pub(crate) Meaning);

/// Every key seen so far. A Python dict finds a Python string by its cached hash, faster than its text can be had.
pub(crate) struct Keys(Py<PyDict>);

/// Clients choose header names, so what is remembered has a limit; beyond it, names are read afresh.
const KEYS_MAX: usize = 1024;

impl Keys {
    pub(crate) fn new(py: Python<'_>) -> Self {
        Self(PyDict::new(py).unbind())
    }

    /// What a key means.
    pub(crate) fn meaning<'py>(&self, key: &Bound<'py, PyString>) -> PyResult<Bound<'py, Known>> {
        let known = self.0.bind(key.py());
        if let Some(found) = known.get_item(key)? {
            return Ok(found.cast_into::<Known>()?);
        }
        let meaning = key.to_cow().map_or(Meaning::Alias, |text| Meaning::of(&text));
        let made = Bound::new(key.py(), Known(meaning))?;
        if known.len() < KEYS_MAX {
            known.set_item(key, &made)?;
        }
        Ok(made)
    }
}

/// The environ key of a header field.
pub(crate) fn key_of<'py>(py: Python<'py>, name: &HeaderName) -> Bound<'py, PyString> {
    use pyo3::intern;
    match name.as_str() {
        "host" => intern!(py, "HTTP_HOST").clone(),
        "content-type" => intern!(py, "CONTENT_TYPE").clone(),
        "x-forwarded-for" => intern!(py, "HTTP_X_FORWARDED_FOR").clone(),
        "x-forwarded-proto" => intern!(py, "HTTP_X_FORWARDED_PROTO").clone(),
        "x-forwarded-host" => intern!(py, "HTTP_X_FORWARDED_HOST").clone(),
        "x-gambeson-nonce" => intern!(py, "HTTP_X_GAMBESON_NONCE").clone(),
        other => PyString::new(py, &format!("HTTP_{}", other.to_ascii_uppercase().replace('-', "_"))),
    }
}
