//! The answer's body on its way to the server, when it must be watched piece by piece.

use crate::{
    answer::{Answer, Out},
    border::guarded,
};
use bytes::Bytes;
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyBytes, PyIterator},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The iterable that the server gets when the app's body must be watched.
#[pyclass(frozen, module = "gambeson._native")]
pub(crate) struct Body {
    answer: Arc<Answer>,
    source: Mutex<Source>,
}

#[derive(Default)]
struct Source {
    /// Ours, to be given before anything of the app's.
    first: Option<Bytes>,
    /// What the app returned, until it was closed.
    app: Option<Py<PyAny>>,
    iterator: Option<Py<PyAny>>,
}

impl Body {
    pub(crate) fn new(answer: Arc<Answer>, app: Py<PyAny>) -> Self {
        Self { answer, source: Mutex::new(Source { first: None, app: Some(app), iterator: None }) }
    }

    /// Our own body in the place of the app's, which is only closed.
    pub(crate) fn instead(answer: Arc<Answer>, app: Py<PyAny>, body: Bytes) -> Self {
        Self { answer, source: Mutex::new(Source { first: Some(body), app: Some(app), iterator: None }) }
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The app's iterator, made when it is first needed; `None` at its end.
    fn iterator(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let (iterator, app) = {
            let source = self.source();
            let copy = |object: &Option<Py<PyAny>>| object.as_ref().map(|object| object.clone_ref(py));
            (copy(&source.iterator), copy(&source.app))
        };
        match (iterator, app) {
            (Some(iterator), _) => Ok(Some(iterator)),
            (None, Some(app)) => {
                let iterator = app.bind(py).try_iter()?.into_any().unbind();
                self.source().iterator = Some(iterator.clone_ref(py));
                Ok(Some(iterator))
            }
            (None, None) => Ok(None),
        }
    }

    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(first) = self.source().first.take() {
            return Ok(Some(PyBytes::new(py, &first).into_any()));
        }
        while !self.answer.is_replaced() {
            let (out, piece) = match self.pull(py) {
                // PEP 3333 wants the head to leave with the first byte, so an empty piece before it says nothing.
                Ok(Some(piece)) if piece.as_bytes().is_empty() => continue,
                Ok(Some(piece)) => (self.answer.feed(py, Some(piece.as_bytes()))?, Some(piece)),
                Ok(None) => (self.answer.feed(py, None)?, None),
                Err(error) => (self.answer.failed(py, error)?, None),
            };
            match (out, piece) {
                (Out::Own(bytes), _) => return Ok(Some(PyBytes::new(py, &bytes).into_any())),
                (Out::Same, Some(piece)) => return Ok(Some(piece.into_any())),
                (_, None) => break,
                (_, Some(_)) => {}
            }
        }
        Ok(None)
    }

    fn pull<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(iterator) = self.iterator(py)? else { return Ok(None) };
        let Some(piece) = iterator.bind(py).cast::<PyIterator>()?.clone().next() else { return Ok(None) };
        let wrong = |_| PyTypeError::new_err("the app's iterable must yield bytes (PEP 3333)");
        piece?.cast_into::<PyBytes>().map(Some).map_err(wrong)
    }
}

#[pymethods]
impl Body {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        guarded(|| self.next(py))
    }

    /// Closes what the app returned and writes the exchange down.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Source { app, iterator, .. } = std::mem::take(&mut *self.source());
        drop(iterator);
        self.answer.done(py);
        match app {
            Some(app) if app.bind(py).hasattr("close")? => app.bind(py).call_method0("close").map(|_| ()),
            _ => Ok(()),
        }
    }
}
