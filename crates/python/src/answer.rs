//! The answer to one request: what the app says goes through the engine before any of it reaches the server.
//!
//! PEP 3333 lets an app change its head until the first byte of the body. So the head is only kept when the app calls
//! `start_response`, and judged when the body begins or ends.

use crate::{
    head::{AppHead, StatusLine, line_of, settle_length},
    host::Host,
};
use bytes::Bytes;
use gambeson_core::{
    engine::{Exchange, Finish, Held, Outgoing, Payload, ResponseStep},
    layers::Denial,
    policy::LayerName,
};
use http::{HeaderValue, StatusCode, header};
use pyo3::{
    exceptions::{PyException, PyRuntimeError, PyTypeError},
    prelude::*,
    types::PyBytes,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// The answer to one request, shared by all that the app holds of it. No lock is held while Python runs.
pub(crate) struct Answer {
    host: Arc<Host>,
    begun: Instant,
    /// Whether the client asked for the head alone.
    head_only: bool,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// The server's `start_response`, until it was called.
    start: Option<Py<PyAny>>,
    /// What the server's `start_response` returned.
    write: Option<Py<PyAny>>,
    /// Why the request's body was refused in the middle of it.
    refused: Option<Box<Denial>>,
    finish: Option<Finish>,
}

enum Phase {
    /// The app has not called `start_response`.
    Waiting(Exchange),
    /// It has; its body has not begun.
    Headed(Exchange, AppHead),
    /// Part of the body must be seen before the head may leave.
    Holding(Held, StatusLine, Vec<u8>),
    /// The head left; the app's body follows.
    Passing,
    /// Our own answer left; what the app still says is dropped.
    Replaced,
    /// Taken for a moment. Whoever finds it so came back from inside, or after a fault: nothing may leave.
    Taken,
}

/// What leaves now.
pub(crate) enum Out {
    /// Nothing yet.
    Nothing,
    /// The piece that was just given.
    Same,
    /// These bytes.
    Own(Bytes),
}

/// Where an answer stands once its head was judged.
pub(crate) enum Begun {
    /// The head left and the body may follow.
    Passing,
    /// Ours left instead, with this body.
    Own(Bytes),
    /// The body must be iterated over to know.
    Open,
}

impl Answer {
    pub(crate) fn new(host: Arc<Host>, begun: Instant, head_only: bool, exchange: Exchange, start: Py<PyAny>) -> Self {
        let phase = Phase::Waiting(exchange);
        let state = State { phase, start: Some(start), write: None, refused: None, finish: None };
        Self { host, begun, head_only, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Phase {
        std::mem::replace(&mut self.state().phase, Phase::Taken)
    }

    fn put(&self, phase: Phase) {
        self.state().phase = phase;
    }

    /// The app calls `start_response`.
    pub(crate) fn start(&self, head: AppHead, exc_info: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let again = || PyRuntimeError::new_err("start_response was called twice without exc_info (PEP 3333)");
        let (phase, outcome) = match (self.take(), exc_info) {
            (Phase::Waiting(exchange), _) | (Phase::Headed(exchange, _), Some(_)) => (Phase::Headed(exchange, head), Ok(())),
            // Too late for another head, and the client must not get the first one: the app's failure is told.
            (phase, Some(exc_info)) => (phase, Err(raised(exc_info))),
            (phase, None) => (phase, Err(again())),
        };
        self.put(phase);
        outcome
    }

    /// Refuses the request because of its body.
    pub(crate) fn refuse(&self, denial: Box<Denial>) {
        self.state().refused = Some(denial);
    }

    /// Judges the head now, when the app can no longer change it. `length` is that of the whole body, when it is known.
    pub(crate) fn begin(&self, py: Python<'_>, length: Option<usize>) -> PyResult<Begun> {
        if let Some(out) = self.refused(py)? {
            return Ok(Begun::Own(out));
        }
        match self.take() {
            Phase::Headed(exchange, mut head) => {
                if let Some(length) = length.filter(|_| self.head_only) {
                    // What the server would have counted, had it got the body.
                    head.head.headers.entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
                }
                let out = self.judge(py, exchange, head)?;
                let passing = matches!(self.state().phase, Phase::Passing);
                Ok(match out {
                    Out::Own(body) => Begun::Own(body),
                    _ if passing && self.head_only && length.is_some() => Begun::Own(Bytes::new()),
                    _ if passing && !self.head_only => Begun::Passing,
                    _ => Begun::Open,
                })
            }
            phase => {
                self.put(phase);
                Ok(Begun::Open)
            }
        }
    }

    /// The next piece of the app's body, or with `None` its end: says what leaves.
    pub(crate) fn feed(&self, py: Python<'_>, piece: Option<&[u8]>) -> PyResult<Out> {
        if let Some(out) = self.refused(py)? {
            return Ok(Out::Own(out));
        }
        let mut phase = self.take();
        if let Phase::Headed(exchange, head) = phase {
            if let Out::Own(body) = self.judge(py, exchange, head)? {
                return Ok(Out::Own(body));
            }
            phase = self.take();
        }
        match phase {
            Phase::Holding(held, line, gathered) => self.hold(py, held, line, gathered, piece),
            Phase::Waiting(_) => {
                self.put(phase);
                self.failed(py, PyTypeError::new_err("the app answered without calling start_response (PEP 3333)"))
            }
            Phase::Taken => Err(PyRuntimeError::new_err("this answer was given up after an error")),
            Phase::Passing | Phase::Replaced | Phase::Headed(..) => {
                // Not every server drops what an app says to HEAD; no layer has seen it.
                let same = matches!(phase, Phase::Passing) && piece.is_some() && !self.head_only;
                self.put(phase);
                Ok(if same { Out::Same } else { Out::Nothing })
            }
        }
    }

    fn judge(&self, py: Python<'_>, exchange: Exchange, head: AppHead) -> PyResult<Out> {
        match exchange.response(head.head) {
            ResponseStep::Send(outgoing) => self.leave(py, outgoing, Some(&head.line), None),
            ResponseStep::Hold(held) => {
                self.put(Phase::Holding(held, head.line, Vec::new()));
                Ok(Out::Nothing)
            }
        }
    }

    fn hold(&self, py: Python<'_>, held: Held, line: StatusLine, mut gathered: Vec<u8>, piece: Option<&[u8]>) -> PyResult<Out> {
        gathered.extend_from_slice(piece.unwrap_or_default());
        if piece.is_some() && gathered.len() < held.bytes_max() {
            self.put(Phase::Holding(held, line, gathered));
            return Ok(Out::Nothing);
        }
        let seen = gathered.get(..held.bytes_max()).unwrap_or(&gathered);
        let whole = piece.is_none() && seen.len() == gathered.len();
        let outgoing = held.body(seen, whole);
        self.leave(py, outgoing, Some(&line), Some(gathered))
    }

    /// Hands a decided head to the server.
    fn leave(&self, py: Python<'_>, outgoing: Outgoing, line: Option<&StatusLine>, held: Option<Vec<u8>>) -> PyResult<Out> {
        let Outgoing { mut head, payload, finish } = outgoing;
        settle_length(&mut head, &payload);
        let start = {
            let mut state = self.state();
            state.finish = Some(finish);
            state.start.take()
        };
        let start = start.ok_or_else(|| PyRuntimeError::new_err("this answer has left already"))?;
        let arguments = (line_of(py, head.status, line), self.host.pairs.list(py, &head.headers)?);
        let write = start.bind(py).call1(arguments)?.unbind();
        let mut state = self.state();
        state.write = Some(write);
        let (phase, out) = match (payload, held) {
            (Payload::App, None) => (Phase::Passing, Out::Nothing),
            (Payload::App, Some(held)) if held.is_empty() || self.head_only => (Phase::Passing, Out::Nothing),
            (Payload::App, Some(held)) => (Phase::Passing, Out::Own(held.into())),
            (Payload::Own(_), _) if self.head_only => (Phase::Replaced, Out::Own(Bytes::new())),
            (Payload::Own(body), _) => (Phase::Replaced, Out::Own(body)),
        };
        state.phase = phase;
        Ok(out)
    }

    /// Answers with the refusal of the request's body, if there is one and the head has not left.
    fn refused(&self, py: Python<'_>) -> PyResult<Option<Bytes>> {
        let Some(denial) = self.state().refused.take() else { return Ok(None) };
        match self.instead(py, denial)? {
            Some((_, body)) => Ok(Some(body)),
            None => Ok(None),
        }
    }

    /// The app raised. Says what leaves instead; when its head has left, the error goes on to the server, which breaks off.
    pub(crate) fn failed(&self, py: Python<'_>, error: PyErr) -> PyResult<Out> {
        if !error.is_instance_of::<PyException>(py) {
            return Err(error);
        }
        if let Some(body) = self.refused(py)? {
            return Ok(Out::Own(body));
        }
        let kind = error.get_type(py).name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
        let denial = Denial::new("app-failed", StatusCode::INTERNAL_SERVER_ERROR, FAILED, format!("the app raised {kind}"));
        match self.instead(py, denial)? {
            Some((id, body)) => {
                self.host.log_error(py, &format!("the app failed, reference {id}"), &error);
                Ok(Out::Own(body))
            }
            None => Err(error),
        }
    }

    /// Answers instead of the app, if the head has not left.
    fn instead(&self, py: Python<'_>, denial: Box<Denial>) -> PyResult<Option<(String, Bytes)>> {
        let outgoing = match self.take() {
            Phase::Waiting(exchange) | Phase::Headed(exchange, _) => exchange.fail(LayerName::Protocol, denial),
            Phase::Holding(held, ..) => held.fail(LayerName::Protocol, denial),
            phase => {
                self.put(phase);
                return Ok(None);
            }
        };
        let id = outgoing.finish.id().to_string();
        Ok(match self.leave(py, outgoing, None, None)? {
            Out::Own(body) => Some((id, body)),
            Out::Nothing | Out::Same => Some((id, Bytes::new())),
        })
    }

    /// Writes down what there is to write down; once.
    pub(crate) fn done(&self, py: Python<'_>) {
        let finish = self.state().finish.take();
        if let Some(finish) = finish {
            self.host.record(py, finish, self.begun);
        }
    }

    /// Whether nothing of the app's body is wanted any more.
    pub(crate) fn is_replaced(&self) -> bool {
        matches!(self.state().phase, Phase::Replaced)
    }

    fn write(&self, py: Python<'_>, piece: &Bound<'_, PyBytes>) -> PyResult<()> {
        let out = match piece.as_bytes() {
            [] => Out::Nothing,
            bytes => self.feed(py, Some(bytes))?,
        };
        let own = match out {
            Out::Nothing => return Ok(()),
            Out::Same => piece.clone(),
            Out::Own(bytes) => PyBytes::new(py, &bytes),
        };
        let write = self.state().write.as_ref().map(|write| write.clone_ref(py));
        let write = write.ok_or_else(|| PyRuntimeError::new_err("the server gave no write callable (PEP 3333)"))?;
        write.bind(py).call1((own,)).map(|_| ())
    }
}

const FAILED: &str = "The app could not answer this request.";

/// The exception of an `exc_info` tuple, or what is wrong with the tuple.
fn raised(exc_info: &Bound<'_, PyAny>) -> PyErr {
    let value = exc_info.get_item(1).and_then(|value| value.call_method1("with_traceback", (exc_info.get_item(2)?,)));
    value.map_or_else(|error| error, PyErr::from_value)
}

/// The `start_response` that the app gets.
#[pyclass(frozen, module = "gambeson._native")]
pub(crate) struct StartResponse(pub(crate) Arc<Answer>);

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (status, headers, exc_info = None, /))]
    fn __call__(
        &self,
        status: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        exc_info: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Write> {
        self.0.start(AppHead::read(status, headers)?, exc_info)?;
        Ok(Write(Arc::clone(&self.0)))
    }
}

/// The `write` callable that the app gets.
#[pyclass(frozen, module = "gambeson._native")]
pub(crate) struct Write(Arc<Answer>);

#[pymethods]
impl Write {
    #[pyo3(signature = (data, /))]
    fn __call__(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let data = data.cast::<PyBytes>().map_err(|_| PyTypeError::new_err("write() takes bytes (PEP 3333)"))?;
        self.0.write(data.py(), data)
    }
}
