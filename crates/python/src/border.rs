//! The border between Python and the engine: nothing crosses it as a panic, and no fault of ours lets a request pass.

use pyo3::{exceptions::PyRuntimeError, prelude::*, types::PyList};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what may panic. A panic becomes an ordinary exception.
pub(crate) fn guarded<T>(run: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    // What a panic leaves half done is an exchange in `Taken`, from which nothing leaves any more.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(PyRuntimeError::new_err("internal error in gambeson")))
}

/// The answer when the engine itself could not answer: it uses nothing that may have failed.
///
/// # Errors
/// The fault itself, when the server has sent a head already (PEP 3333): then it must break off.
pub(crate) fn last_resort<'py>(
    py: Python<'py>,
    start: &Bound<'py, PyAny>,
    id: &str,
    error: PyErr,
) -> PyResult<Bound<'py, PyAny>> {
    let body = format!("This request could not be judged, so it was refused. Reference: {id}\n");
    let length = body.len().to_string();
    let headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", length.as_str()),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-gambeson-ref", id),
    ];
    let exc_info = (error.get_type(py), error.value(py), error.traceback(py));
    match start.call1(("500 Internal Server Error", PyList::new(py, headers)?, exc_info)) {
        Ok(_) => Ok(PyList::new(py, [pyo3::types::PyBytes::new(py, body.as_bytes())])?.into_any()),
        Err(_) => Err(error),
    }
}
