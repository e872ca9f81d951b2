//! Native strings of WSGI: text in which every character is one byte (PEP 3333, "A Note on String Types").

use pyo3::{
    prelude::*,
    types::{PyBytes, PyString},
};

/// The bytes of a native string; `None` when it is none.
pub(crate) fn bytes_of<'py>(text: &Bound<'py, PyAny>) -> Option<Bound<'py, PyBytes>> {
    let encoded = text.cast::<PyString>().ok()?.encode_utf8().ok()?;
    let utf8 = encoded.as_bytes();
    if utf8.is_ascii() {
        return Some(encoded);
    }
    let bytes: Option<Vec<u8>> = std::str::from_utf8(utf8).ok()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    Some(PyBytes::new(text.py(), &bytes?))
}

/// Bytes as a native string.
pub(crate) fn native<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => PyString::new(py, text),
        _ => PyString::new(py, &bytes.iter().map(|b| char::from(*b)).collect::<String>()),
    }
}
