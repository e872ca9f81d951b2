//! Response heads: from the app's `start_response` call to the engine, and from the engine to the server's.

use crate::text::{bytes_of, native};
use gambeson_core::{engine::Payload, exchange::ResponseHead};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyList, PyString, PyTuple},
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A head as the app gave it.
pub(crate) struct AppHead {
    pub(crate) head: ResponseHead,
    pub(crate) line: StatusLine,
}

/// A status line with the app's own reason phrase.
pub(crate) struct StatusLine {
    status: StatusCode,
    text: Py<PyString>,
}

/// Fields that are the server's alone (PEP 3333, "Other HTTP Features").
const SERVERS: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

impl AppHead {
    /// Reads what the app gave to `start_response`. What no server may send (a line break in a value, CWE-113) is the
    /// app's error and raised to it.
    pub(crate) fn read(status: &Bound<'_, PyAny>, headers: &Bound<'_, PyAny>) -> PyResult<Self> {
        let line = status.cast::<PyString>().map_err(|_| PyTypeError::new_err("the status must be a str (PEP 3333)"))?;
        let code = status_of(status).ok_or_else(|| PyValueError::new_err("the status must be like '200 OK' (PEP 3333)"))?;
        let list = headers.cast::<PyList>().map_err(|_| PyTypeError::new_err("the headers must be a list (PEP 3333)"))?;
        let mut fields = HeaderMap::with_capacity(list.len() + 16);
        for pair in list.iter() {
            let (name, value) = field_of(&pair)?;
            if !SERVERS.contains(&name) {
                let added = fields.try_append(name, value);
                added.map_err(|_| PyValueError::new_err("there are too many header fields"))?;
            }
        }
        let line = StatusLine { status: code, text: line.clone().unbind() };
        Ok(Self { head: ResponseHead { status: code, headers: fields }, line })
    }
}

fn status_of(line: &Bound<'_, PyAny>) -> Option<StatusCode> {
    let text = bytes_of(line)?;
    let (code, rest) = text.as_bytes().split_at_checked(3)?;
    let plain = rest.iter().all(|b| *b >= b' ' && *b != 0x7f) && (rest.is_empty() || rest.starts_with(b" "));
    StatusCode::from_bytes(code).ok().filter(|status| plain && !status.is_informational())
}

fn field_of(pair: &Bound<'_, PyAny>) -> PyResult<(HeaderName, HeaderValue)> {
    let wrong = || PyTypeError::new_err("each header must be a tuple of two str (PEP 3333)");
    let pair = pair.cast::<PyTuple>().map_err(|_| wrong())?;
    let (name, value) = (pair.get_item(0)?, pair.get_item(1)?);
    let name_bytes = bytes_of(&name).filter(|_| pair.len() == 2).ok_or_else(wrong)?;
    let name = HeaderName::from_bytes(name_bytes.as_bytes())
        .map_err(|_| PyValueError::new_err("the name of a header field is malformed"))?;
    let value = bytes_of(&value).and_then(|bytes| HeaderValue::from_bytes(bytes.as_bytes()).ok());
    let value = value.ok_or_else(|| PyValueError::new_err(format!("the value of the header {name} is malformed")))?;
    Ok((name, value))
}

/// Settles the length of our own body; the app's framing stays as the app gave it.
pub(crate) fn settle_length(head: &mut ResponseHead, payload: &Payload) {
    let Payload::Own(body) = payload else { return };
    if head.status == StatusCode::NO_CONTENT || head.status == StatusCode::NOT_MODIFIED {
        head.headers.remove(header::CONTENT_LENGTH);
    } else {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
}

/// The status line for the server: the app's own, unless the status became another.
pub(crate) fn line_of<'py>(py: Python<'py>, status: StatusCode, app: Option<&StatusLine>) -> Bound<'py, PyString> {
    match app {
        Some(app) if app.status == status => app.text.bind(py).clone(),
        _ => PyString::new(py, &format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or("Unknown"))),
    }
}

/// Header fields as Python objects, kept for those that most answers share.
#[derive(Default)]
pub(crate) struct Pairs(Mutex<HashMap<HeaderName, (HeaderValue, Py<PyTuple>)>>);

/// Names are the app's and ours, not the clients'; still there is a limit.
const PAIRS_MAX: usize = 64;

impl Pairs {
    /// The header fields for the server.
    pub(crate) fn list<'py>(&self, py: Python<'py>, headers: &HeaderMap) -> PyResult<Bound<'py, PyList>> {
        let mut pairs = Vec::with_capacity(headers.len());
        // Python is not called while the lock is held: what it runs may come back here.
        let known = self.known();
        for (name, value) in headers {
            let pair = known.get(name).filter(|(before, _)| before == value);
            pairs.push((name, value, pair.map(|(_, pair)| pair.bind(py).clone())));
        }
        drop(known);
        let made = pairs.into_iter().map(|(name, value, pair)| pair.map_or_else(|| self.make(py, name, value), Ok));
        PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)
    }

    fn make<'py>(&self, py: Python<'py>, name: &HeaderName, value: &HeaderValue) -> PyResult<Bound<'py, PyTuple>> {
        let pair = PyTuple::new(py, [PyString::new(py, name.as_str()), native(py, value.as_bytes())])?;
        let mut known = self.known();
        // The first value stays: one that changes is not worth keeping, and a cookie is not ours to keep.
        if name != header::SET_COOKIE && known.len() < PAIRS_MAX && !known.contains_key(name) {
            known.insert(name.clone(), (value.clone(), pair.clone().unbind()));
        }
        drop(known);
        Ok(pair)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<HeaderName, (HeaderValue, Py<PyTuple>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
