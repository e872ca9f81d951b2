//! From a WSGI environ to a received request, and from a permit back to the environ the app sees.

use crate::{
    keys::{Keys, Meaning, key_of},
    target::{decoded, target_of},
    text::{bytes_of, native},
};
use bytes::Bytes;
use gambeson_core::{
    engine::{Exchange, Permit},
    exchange::{Connection, Received, Tls},
    layers::Denial,
    target::Target,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use pyo3::{
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyString},
};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// What an environ says of a request.
pub(crate) struct Environ<'py> {
    dict: Bound<'py, PyDict>,
    received: Received,
    connection: Connection,
    seen: Seen<'py>,
}

/// What the environ holds, to see afterwards what must change in it.
struct Seen<'py> {
    fields: Vec<(Bound<'py, PyString>, HeaderName, Bound<'py, PyBytes>)>,
    /// Keys that the app must not see.
    gone: Vec<Bound<'py, PyString>>,
    raw_targets: Vec<Bound<'py, PyString>>,
    raw: Option<Bound<'py, PyBytes>>,
    script: Option<Bound<'py, PyBytes>>,
    path: Option<Bound<'py, PyBytes>>,
    query: Option<Bound<'py, PyBytes>>,
    https: bool,
    length: Option<u64>,
    input: Option<Bound<'py, PyAny>>,
    file_wrapper: Option<Bound<'py, PyAny>>,
}

/// A request that cannot be read from its environ, with all that could be.
pub(crate) struct Unreadable {
    pub(crate) connection: Connection,
    pub(crate) denial: Box<Denial>,
}

type Fault = Box<Denial>;

fn fault(part: &str, why: &'static str) -> Fault {
    Denial::new("environ", StatusCode::BAD_REQUEST, "This request is malformed.", why).at(part, "")
}

/// Whoever comes over a Unix socket has no address. This one is nobody's, so it is never mistaken for this machine.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl<'py> Environ<'py> {
    /// Reads an environ.
    pub(crate) fn read(dict: &Bound<'py, PyDict>, keys: &Keys) -> Result<Self, Unreadable> {
        let received = Received {
            method: Method::GET,
            target: Bytes::new(),
            authority: None,
            version: Version::HTTP_11,
            headers: HeaderMap::with_capacity(24),
            has_body: false,
        };
        let seen = Seen {
            fields: Vec::with_capacity(16),
            gone: Vec::new(),
            raw_targets: Vec::new(),
            raw: None,
            script: None,
            path: None,
            query: None,
            https: false,
            length: None,
            input: None,
            file_wrapper: None,
        };
        let connection = Connection::new(NOBODY, None);
        let mut environ = Self { dict: dict.clone(), received, connection, seen };
        match environ.take_all(keys) {
            Ok(()) => Ok(environ),
            Err(denial) => Err(Unreadable { connection: environ.connection, denial }),
        }
    }

    fn take_all(&mut self, keys: &Keys) -> Result<(), Fault> {
        let mut method = false;
        for (key, value) in self.dict.clone().iter() {
            let Ok(key) = key.cast_into_exact::<PyString>() else {
                return Err(fault("environ", "a key of the environ is no plain string (PEP 3333)"));
            };
            let known = keys.meaning(&key).map_err(|_| fault("environ", "a key of the environ cannot be read"))?;
            method |= matches!(known.get().0, Meaning::Method);
            self.take(key, &known.get().0, value)?;
        }
        if !method {
            return Err(fault("method", "the environ has no REQUEST_METHOD (PEP 3333)"));
        }
        let path = [of(&self.seen.script), of(&self.seen.path)].concat();
        if !path.is_empty() && !path.starts_with(b"/") && path != b"*" {
            return Err(fault("path", "SCRIPT_NAME and PATH_INFO do not begin with a slash (PEP 3333)"));
        }
        self.received.target = target_of(self.seen.raw.as_ref().map(|raw| raw.as_bytes()), &path, of(&self.seen.query)).into();
        Ok(())
    }

    fn take(&mut self, key: Bound<'py, PyString>, meaning: &Meaning, value: Bound<'py, PyAny>) -> Result<(), Fault> {
        let bytes = |part| bytes_of(&value).ok_or_else(|| fault(part, "a value of the environ is no native string (PEP 3333)"));
        match meaning {
            Meaning::Other => {}
            Meaning::Field(name) => return self.take_field(key, name, &value),
            Meaning::Method => self.received.method = method_of(&value)?,
            Meaning::Script => self.seen.script = Some(bytes("SCRIPT_NAME")?),
            Meaning::Path => self.seen.path = Some(bytes("PATH_INFO")?),
            Meaning::Query => self.seen.query = Some(bytes("QUERY_STRING")?),
            Meaning::RawTarget => {
                self.seen.raw = Some(bytes("REQUEST_URI")?);
                self.seen.raw_targets.push(key);
            }
            Meaning::Protocol => self.received.version = version_of(&value),
            Meaning::Peer => self.connection.peer = peer_of(&value)?,
            Meaning::Scheme => {
                self.seen.https = bytes_of(&value).is_some_and(|scheme| scheme.as_bytes() == b"https");
                self.connection.tls = self.seen.https.then(|| Arc::new(Tls::default()));
            }
            Meaning::Input => self.seen.input = Some(value),
            Meaning::FileWrapper => self.seen.file_wrapper = Some(value),
            Meaning::Length => self.take_length(bytes("CONTENT_LENGTH")?.as_bytes())?,
            Meaning::Twin => self.seen.gone.push(key),
            Meaning::Alias => return Err(fault("header", "the name of a header field is none a server makes (CWE-436)")),
        }
        Ok(())
    }

    fn take_field(&mut self, key: Bound<'py, PyString>, name: &HeaderName, value: &Bound<'py, PyAny>) -> Result<(), Fault> {
        let wrong = || fault(&format!("header {name}"), "the value holds what no header field may (RFC 9110 section 5.5)");
        let bytes = bytes_of(value).ok_or_else(wrong)?;
        let value = HeaderValue::from_bytes(bytes.as_bytes()).map_err(|_| wrong())?;
        // PEP 3333: an empty CONTENT_TYPE is an absent one.
        if name == header::CONTENT_TYPE && value.is_empty() {
            return Ok(());
        }
        self.seen.fields.push((key, name.clone(), bytes));
        let added = self.received.headers.try_append(name.clone(), value);
        added.map(|_| ()).map_err(|_| fault("header", "there are too many header fields"))
    }

    /// PEP 3333: an empty `CONTENT_LENGTH` is an absent one.
    fn take_length(&mut self, text: &[u8]) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        let wrong = || fault("header content-length", "the length of the body is no number (RFC 9110 section 8.6)");
        let digits = text.iter().all(u8::is_ascii_digit).then_some(text);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        self.seen.length = Some(digits.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?);
        let value = HeaderValue::from_bytes(text).map_err(|_| wrong())?;
        self.received.headers.insert(header::CONTENT_LENGTH, value);
        Ok(())
    }

    /// What must be decided, and what is needed to give the app its view afterwards.
    pub(crate) fn split(self) -> PyResult<(Received, Connection, View<'py>)> {
        let (mut received, view) = (self.received, View { dict: self.dict, seen: self.seen });
        received.has_body = match view.length() {
            Some(length) => length > 0,
            None => {
                received.headers.contains_key(header::TRANSFER_ENCODING) || (view.is_terminated()? && may_have_body(&received))
            }
        };
        Ok((received, self.connection, view))
    }
}

/// Whether a body is to be expected that nothing announces: HTTP/2 has such, and servers that undo chunks.
fn may_have_body(received: &Received) -> bool {
    !matches!(received.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn method_of(value: &Bound<'_, PyAny>) -> Result<Method, Fault> {
    let method = bytes_of(value).and_then(|bytes| Method::from_bytes(bytes.as_bytes()).ok());
    method.ok_or_else(|| fault("method", "the method is no token (RFC 9110 section 9.1)"))
}

fn version_of(value: &Bound<'_, PyAny>) -> Version {
    match of(&bytes_of(value)) {
        b"HTTP/1.0" => Version::HTTP_10,
        b"HTTP/2" | b"HTTP/2.0" => Version::HTTP_2,
        b"HTTP/3" | b"HTTP/3.0" => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

fn peer_of(value: &Bound<'_, PyAny>) -> Result<IpAddr, Fault> {
    let bytes = bytes_of(value).ok_or_else(|| fault("REMOTE_ADDR", "the client's address is no native string (PEP 3333)"))?;
    let address =
        std::str::from_utf8(bytes.as_bytes()).unwrap_or_default().split('%').next().unwrap_or_default().trim_matches(['[', ']']);
    Ok(address.parse().unwrap_or(NOBODY))
}

/// What was given, or nothing.
fn of<'a>(bytes: &'a Option<Bound<'_, PyBytes>>) -> &'a [u8] {
    bytes.as_ref().map(|bytes| bytes.as_bytes()).unwrap_or_default()
}

/// The environ, about to become what the app sees.
pub(crate) struct View<'py> {
    dict: Bound<'py, PyDict>,
    seen: Seen<'py>,
}

impl<'py> View<'py> {
    /// The environ itself.
    pub(crate) const fn dict(&self) -> &Bound<'py, PyDict> {
        &self.dict
    }

    /// The declared length of the body, in bytes.
    pub(crate) const fn length(&self) -> Option<u64> {
        self.seen.length
    }

    /// The server's `wsgi.input`.
    pub(crate) const fn input(&self) -> Option<&Bound<'py, PyAny>> {
        self.seen.input.as_ref()
    }

    /// Whether the server says where the body ends: reading beyond its end finds nothing, and does not wait.
    pub(crate) fn is_terminated(&self) -> PyResult<bool> {
        let ended = self.dict.get_item(intern!(self.dict.py(), "wsgi.input_terminated"))?;
        Ok(ended.is_some_and(|ended| ended.is_truthy().unwrap_or(false)))
    }

    /// The request's body, or as much of it as is wanted, and whether that is all. Without a declared length nothing is read
    /// unless the server says where the body ends: to wait for more would be to wait for ever.
    pub(crate) fn collect(&self, bytes_max: usize) -> PyResult<(Vec<u8>, bool)> {
        let length = self.seen.length.unwrap_or(if self.is_terminated()? { u64::MAX } else { 0 });
        let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(bytes_max);
        let mut body = Vec::new();
        while let Some(input) = self.seen.input.as_ref().filter(|_| body.len() < wanted) {
            let piece = input.call_method1(intern!(self.dict.py(), "read"), (wanted - body.len(),))?;
            match piece.cast::<PyBytes>()?.as_bytes() {
                [] => return Ok((body, true)),
                bytes => body.extend_from_slice(bytes),
            }
        }
        let whole = body.len() as u64 == length;
        Ok((body, whole))
    }

    /// Whether this is a file in the server's own wrapper.
    pub(crate) fn is_file_wrapper(&self, result: &Bound<'py, PyAny>) -> bool {
        self.seen.file_wrapper.as_ref().is_some_and(|wrapper| result.get_type().is(wrapper))
    }

    /// Makes the environ say exactly what was decided, and nothing else about the request.
    pub(crate) fn apply(&self, permit: Permit, exchange: &Exchange) -> PyResult<()> {
        let py = self.dict.py();
        for key in &self.seen.gone {
            self.dict.del_item(key)?;
        }
        let forwarded = exchange.forwarded(&permit);
        self.apply_fields(forwarded.headers)?;
        self.apply_target(forwarded.target)?;
        if permit.is_upgrade() {
            self.dict.set_item(intern!(py, "HTTP_CONNECTION"), intern!(py, "Upgrade"))?;
        }
        let request = exchange.request();
        let https = request.scheme.as_str() == "https";
        if https != self.seen.https {
            self.dict.set_item(intern!(py, "wsgi.url_scheme"), request.scheme.as_str())?;
        }
        if request.client != request.connection.peer {
            self.dict.set_item(intern!(py, "REMOTE_ADDR"), request.client.to_string())?;
        }
        Ok(())
    }

    fn apply_fields(&self, decided: &HeaderMap) -> PyResult<()> {
        let py = self.dict.py();
        let fields = &self.seen.fields;
        let mut kept = vec![false; fields.len()];
        let mut next = 0;
        for (name, value) in decided {
            // Most fields still stand where they stood, so each is found at once.
            let same = |place: &usize| fields.get(*place).is_some_and(|(_, seen, _)| seen == name);
            let place = Some(next).filter(same).or_else(|| (0..fields.len()).find(same));
            next = place.map_or(next, |place| place + 1);
            if let Some(kept) = place.and_then(|place| kept.get_mut(place)) {
                *kept = true;
            }
            match place.and_then(|place| fields.get(place)) {
                Some((_, _, before)) if before.as_bytes() == value.as_bytes() => {}
                Some((key, ..)) => self.dict.set_item(key, native(py, value.as_bytes()))?,
                None => self.dict.set_item(key_of(py, name), native(py, value.as_bytes()))?,
            }
        }
        for ((key, ..), _) in fields.iter().zip(kept).filter(|(_, kept)| !kept) {
            self.dict.del_item(key)?;
        }
        Ok(())
    }

    fn apply_target(&self, target: &Target) -> PyResult<()> {
        let py = self.dict.py();
        let whole = decoded(target.path().as_bytes());
        // What is mounted below a prefix sees the rest. A prefix that is gone was not this app's request.
        let path = whole.strip_prefix(of(&self.seen.script));
        let path = path.ok_or_else(|| pyo3::exceptions::PyValueError::new_err("the path left SCRIPT_NAME"))?;
        if path != of(&self.seen.path) {
            self.dict.set_item(intern!(py, "PATH_INFO"), native(py, path))?;
        }
        let query = target.query().unwrap_or_default().as_bytes();
        if query != of(&self.seen.query) {
            self.dict.set_item(intern!(py, "QUERY_STRING"), native(py, query))?;
        }
        if self.seen.raw.as_ref().is_some_and(|raw| raw.as_bytes() != target.as_str().as_bytes()) {
            for key in &self.seen.raw_targets {
                self.dict.set_item(key, target.as_str())?;
            }
        }
        Ok(())
    }
}
