//! Native strings of WSGI: text in which every character is one byte (PEP 3333, "A Note on String Types").

use pyo3::{prelude::*, types::PyString};

/// The bytes of a native string; `None` when it is none.
pub(crate) fn bytes_of(text: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    let text = text.cast::<PyString>().ok()?.encode_utf8().ok()?;
    let utf8 = text.as_bytes();
    if utf8.is_ascii() {
        return Some(utf8.to_vec());
    }
    std::str::from_utf8(utf8).ok()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// Text of ASCII alone, such as a method or an address.
pub(crate) fn ascii_of(text: &Bound<'_, PyAny>) -> Option<String> {
    String::from_utf8(bytes_of(text)?).ok().filter(|text| text.is_ascii())
}

/// Bytes as a native string.
pub(crate) fn native<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => PyString::new(py, text),
        _ => PyString::new(py, &bytes.iter().map(|b| char::from(*b)).collect::<String>()),
    }
}
