//! The request's body on its way to the app: counted, and ended where the policy or the declared length ends it.

use crate::answer::Answer;
use gambeson_core::engine::RequestBody;
use pyo3::{
    create_exception,
    exceptions::PyOSError,
    intern,
    prelude::*,
    types::{PyBytes, PyString},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

create_exception!(
    gambeson,
    BodyTooLarge,
    PyOSError,
    "The request's body is larger than the policy allows: whatever the app answers now, the client gets 413."
);

/// Without a declared length, this many bytes are asked for at a time: what is over the limit is never held.
const PIECE_BYTES: u64 = 64 * 1024;

/// The `wsgi.input` that the app gets.
#[pyclass(frozen, module = "gambeson._native")]
pub(crate) struct Input {
    source: Py<PyAny>,
    answer: Arc<Answer>,
    count: Mutex<Count>,
}

struct Count {
    body: RequestBody,
    /// What was read before the app was called, to be judged.
    held: VecDeque<u8>,
    /// What is left of the declared length.
    declared_left: Option<u64>,
    /// Why it was refused: an app that reads on gets nothing more of it.
    refused: Option<String>,
}

/// Which method of the server's input is called.
#[derive(Clone, Copy)]
enum How {
    Read,
    Line,
}

impl Input {
    pub(crate) fn new(source: Py<PyAny>, answer: Arc<Answer>, body: RequestBody, held: Vec<u8>, length: Option<u64>) -> Self {
        Self { source, answer, count: Mutex::new(Count { body, held: held.into(), declared_left: length, refused: None }) }
    }

    /// How many bytes may still come, if the client said so.
    fn declared_left(&self) -> Option<u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).declared_left
    }

    fn get<'py>(&self, py: Python<'py>, how: How, size: Option<i64>) -> PyResult<Bound<'py, PyBytes>> {
        let wanted = size.and_then(|size| u64::try_from(size).ok());
        match (wanted, self.declared_left()) {
            (wanted, Some(left)) => self.piece(py, how, wanted.unwrap_or(left).min(left)),
            (Some(wanted), None) if wanted <= PIECE_BYTES => self.piece(py, how, wanted),
            (wanted, None) => self.gather(py, how, wanted.unwrap_or(u64::MAX)),
        }
    }

    /// Reads piece by piece until enough, the end, or the end of a line.
    fn gather<'py>(&self, py: Python<'py>, how: How, wanted: u64) -> PyResult<Bound<'py, PyBytes>> {
        let mut all = Vec::new();
        let mut left = wanted;
        while left > 0 {
            let piece = self.piece(py, how, left.min(PIECE_BYTES))?;
            let bytes = piece.as_bytes();
            all.extend_from_slice(bytes);
            left = left.saturating_sub(bytes.len() as u64);
            if bytes.is_empty() || (matches!(how, How::Line) && bytes.ends_with(b"\n")) {
                break;
            }
        }
        Ok(PyBytes::new(py, &all))
    }

    /// As much as is wanted of what was read already.
    fn held(&self, how: How, bytes_max: u64) -> Vec<u8> {
        let held = &mut self.count.lock().unwrap_or_else(PoisonError::into_inner).held;
        let bytes = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(held.len());
        let line = |how| matches!(how, How::Line).then(|| held.iter().take(bytes).position(|byte| *byte == b'\n'));
        let bytes = line(how).flatten().map_or(bytes, |end| end + 1);
        held.drain(..bytes).collect()
    }

    fn source<'py>(&self, py: Python<'py>, how: How, bytes_max: u64) -> PyResult<Bound<'py, PyBytes>> {
        let method: &Bound<'py, PyString> = match how {
            How::Read => intern!(py, "read"),
            How::Line => intern!(py, "readline"),
        };
        Ok(self.source.bind(py).call_method1(method, (bytes_max,))?.cast_into::<PyBytes>()?)
    }

    fn piece<'py>(&self, py: Python<'py>, how: How, bytes_max: u64) -> PyResult<Bound<'py, PyBytes>> {
        if bytes_max == 0 {
            return Ok(PyBytes::new(py, b""));
        }
        if let Some(why) = &self.count.lock().unwrap_or_else(PoisonError::into_inner).refused {
            return Err(BodyTooLarge::new_err(why.clone()));
        }
        let held = self.held(how, bytes_max);
        let left = bytes_max.saturating_sub(held.len() as u64);
        let is_enough = left == 0 || (matches!(how, How::Line) && held.ends_with(b"\n"));
        let piece = match held.as_slice() {
            [] => self.source(py, how, left)?,
            held if is_enough => PyBytes::new(py, held),
            held => PyBytes::new(py, &[held, self.source(py, how, left)?.as_bytes()].concat()),
        };
        let counted = {
            let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
            let length = piece.as_bytes().len() as u64;
            count.declared_left = count.declared_left.map(|left| left.saturating_sub(length));
            if length == 0 { count.body.end() } else { count.body.piece(piece.as_bytes()) }
        };
        match counted {
            Ok(()) => Ok(piece),
            Err(denial) => {
                let why = denial.why.clone().into_owned();
                self.count.lock().unwrap_or_else(PoisonError::into_inner).refused = Some(why.clone());
                self.answer.refuse(denial);
                Err(BodyTooLarge::new_err(why))
            }
        }
    }
}

#[pymethods]
impl Input {
    #[pyo3(signature = (size = None, /))]
    fn read<'py>(&self, py: Python<'py>, size: Option<i64>) -> PyResult<Bound<'py, PyBytes>> {
        self.get(py, How::Read, size)
    }

    #[pyo3(signature = (size = None, /))]
    fn readline<'py>(&self, py: Python<'py>, size: Option<i64>) -> PyResult<Bound<'py, PyBytes>> {
        self.get(py, How::Line, size)
    }

    /// Lines until their bytes are at least `hint`, or all.
    #[pyo3(signature = (hint = None, /))]
    fn readlines<'py>(&self, py: Python<'py>, hint: Option<i64>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let enough = hint.and_then(|hint| usize::try_from(hint).ok()).filter(|hint| *hint > 0).unwrap_or(usize::MAX);
        let (mut lines, mut bytes) = (Vec::new(), 0_usize);
        while bytes < enough {
            let line = self.get(py, How::Line, None)?;
            if line.as_bytes().is_empty() {
                break;
            }
            bytes = bytes.saturating_add(line.as_bytes().len());
            lines.push(line);
        }
        Ok(lines)
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = self.get(py, How::Line, None)?;
        Ok(Some(line).filter(|line| !line.as_bytes().is_empty()))
    }
}
