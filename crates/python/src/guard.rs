//! The guard around an app: every request is decided before the app sees it, every answer before the server does.

use crate::{
    answer::{Answer, Begun, Out, StartResponse},
    body::Body,
    border::{guarded, last_resort},
    environ::{Environ, View},
    head::{line_of, settle_length},
    host::Host,
    input::Input,
};
use gambeson_core::{
    engine::{Decision, Exchange, Inspecting, Outgoing, Payload, Permit, RequestBody, Step},
    policy::{IN_PROCESS_GAPS, LayerName},
};
use http::Method;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyException, PyRuntimeError},
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyTuple},
};
use std::{path::PathBuf, sync::Arc, time::Instant};

/// A WSGI app behind the policy's layers, itself a WSGI app. Made by `gambeson.wsgi()`.
#[pyclass(frozen, module = "gambeson")]
pub(crate) struct Guard {
    app: Py<PyAny>,
    host: Arc<Host>,
}

impl Guard {
    pub(crate) fn new(app: Py<PyAny>, host: Arc<Host>) -> Self {
        Self { app, host }
    }

    fn exchange<'py>(
        &self,
        environ: &Bound<'py, PyAny>,
        start: &Bound<'py, PyAny>,
        began: &Began,
    ) -> PyResult<Bound<'py, PyAny>> {
        let engine = self.host.engine();
        let environ = match Environ::read(environ.cast::<PyDict>()?, &self.host.keys) {
            Ok(environ) => environ,
            Err(it) => {
                let outgoing = engine.refuse_unreadable(&it.connection, began.moment, LayerName::Protocol, it.denial);
                return self.respond(start, outgoing, began, false);
            }
        };
        let (received, connection, view) = environ.split()?;
        let head_only = received.method == Method::HEAD;
        let pending = match engine.receive(received, connection, began.moment) {
            Step::Ask(pending) => pending,
            Step::Respond(outgoing) => return self.respond(start, outgoing, began, head_only),
        };
        let answers = self.host.answers(pending.asks());
        // A call that waited would hold one of the server's few workers: whoever shall be slow comes in seldom instead.
        let decision = match pending.decide(&answers) {
            Decision::Delay(delayed) if self.host.is_paced(delayed.client(), delayed.time()) => delayed.go_on(),
            Decision::Delay(delayed) => return self.respond(start, delayed.refuse(), began, head_only),
            decision => decision,
        };
        let (decision, held) = match decision {
            Decision::Inspect(inspecting) => inspect(&view, inspecting)?,
            decision => (decision, Vec::new()),
        };
        let (permit, mut body, exchange) = match decision {
            Decision::Forward(permit, body, exchange) => (permit, body, exchange),
            Decision::Respond(outgoing) => return self.respond(start, outgoing, began, head_only),
            Decision::Collect(collecting) => {
                let (bytes, whole) = view.collect(collecting.bytes_max())?;
                return self.respond(start, collecting.body(&bytes, whole), began, head_only);
            }
            Decision::Inspect(_) | Decision::Delay(_) => {
                return Err(PyRuntimeError::new_err("a request was to be inspected or delayed twice"));
            }
        };
        if let Some(Err(denial)) = view.length().map(|length| body.declared(length)) {
            return self.respond(start, exchange.fail(LayerName::Protocol, denial), began, head_only);
        }
        self.forward(start, &view, permit, (body, held), exchange, began)
    }

    /// Answers instead of the app.
    fn respond<'py>(
        &self,
        start: &Bound<'py, PyAny>,
        outgoing: Outgoing,
        began: &Began,
        head_only: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = start.py();
        let Outgoing { mut head, payload, finish } = outgoing;
        settle_length(&mut head, &payload);
        start.call1((line_of(py, head.status, None), self.host.pairs.list(py, &head.headers)?))?;
        self.host.record(py, finish, began.at);
        match payload {
            Payload::Own(body) if !head_only => one_piece(py, &body),
            Payload::Own(_) | Payload::App => one_piece(py, b""),
        }
    }

    /// Calls the app with exactly what was permitted.
    fn forward<'py>(
        &self,
        start: &Bound<'py, PyAny>,
        view: &View<'py>,
        permit: Permit,
        (body, held): (RequestBody, Vec<u8>),
        exchange: Exchange,
        began: &Began,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, head_only) = (start.py(), exchange.request().method == Method::HEAD);
        let has_body = exchange.request().has_body;
        view.apply(permit, &exchange)?;
        let answer = Arc::new(Answer::new(Arc::clone(&self.host), began.at, head_only, exchange, start.clone().unbind()));
        if let Some(input) = view.input() {
            // What nobody announced was not judged, so the app finds nothing there.
            let length = if has_body { view.length() } else { Some(0) };
            let input = Input::new(input.clone().unbind(), Arc::clone(&answer), body, held, length);
            view.dict().set_item(intern!(py, "wsgi.input"), Bound::new(py, input)?)?;
        }
        let called = self.app.bind(py).call1((view.dict(), Bound::new(py, StartResponse(Arc::clone(&answer)))?));
        match called {
            Ok(result) => deliver(answer, result, view),
            Err(error) => {
                let out = answer.failed(py, error)?;
                answer.done(py);
                match out {
                    Out::Own(body) => one_piece(py, &body),
                    Out::Nothing | Out::Same => one_piece(py, b""),
                }
            }
        }
    }
}

/// Lets the beginning of the body be judged; it is handed back, for the app to read it after all.
fn inspect(view: &View<'_>, mut inspecting: Inspecting) -> PyResult<(Decision, Vec<u8>)> {
    if let Some(Err(denial)) = view.length().map(|length| inspecting.declared(length)) {
        return Ok((Decision::Respond(inspecting.fail(denial)), Vec::new()));
    }
    // A client that is gone is the app's to see: it reads for itself, and what it still gets is judged as it passes.
    let (bytes, whole) = view.collect(inspecting.window()).unwrap_or((Vec::new(), false));
    // Where nobody says how long the body is, it is judged as the app reads it.
    let whole = whole && (view.length().is_some() || view.is_terminated()?);
    Ok((inspecting.begin(&bytes, whole), bytes))
}

/// When an exchange began, and what chance it was given.
struct Began {
    at: Instant,
    moment: gambeson_core::engine::Moment,
}

/// The bytes in a list or tuple of them; `None` for everything that may yet change.
fn settled_length(result: &Bound<'_, PyAny>) -> Option<usize> {
    let length = |piece: Bound<'_, PyAny>| Some(piece.cast::<PyBytes>().ok()?.as_bytes().len());
    if let Ok(list) = result.cast_exact::<PyList>() {
        list.iter().map(length).sum()
    } else {
        result.cast_exact::<PyTuple>().ok()?.iter().map(length).sum()
    }
}

fn one_piece<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    if body.is_empty() {
        return Ok(PyList::empty(py).into_any());
    }
    Ok(PyList::new(py, [PyBytes::new(py, body)])?.into_any())
}

/// What the server gets to iterate over. A list cannot change its mind while it is read, and the server sends a file in
/// its own wrapper by means of the system: these go through as they are, once their head was judged.
fn deliver<'py>(answer: Arc<Answer>, result: Bound<'py, PyAny>, view: &View<'py>) -> PyResult<Bound<'py, PyAny>> {
    let py = result.py();
    let length = settled_length(&result);
    let settled = length.is_some();
    if settled || view.is_file_wrapper(&result) {
        match answer.begin(py, length)? {
            Begun::Passing => {
                answer.done(py);
                return Ok(result);
            }
            Begun::Own(body) if settled => {
                answer.done(py);
                return one_piece(py, &body);
            }
            // Even when nothing of it is wanted, it must be closed.
            Begun::Own(body) => return Ok(Bound::new(py, Body::instead(answer, result.unbind(), body))?.into_any()),
            Begun::Open => {}
        }
    }
    Ok(Bound::new(py, Body::new(answer, result.unbind()))?.into_any())
}

#[pymethods]
impl Guard {
    fn __call__<'py>(&self, environ: &Bound<'py, PyAny>, start_response: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = start_response.py();
        let moment = self.host.moment()?;
        let began = Began { at: Instant::now(), moment };
        match guarded(|| self.exchange(environ, start_response, &began)) {
            Err(error) if error.is_instance_of::<PyException>(py) => {
                let id = moment.entropy.reference().to_string();
                self.host.log_error(py, &format!("a request could not be judged and was refused, reference {id}"), &error);
                last_resort(py, start_response, &id, error)
            }
            outcome => outcome,
        }
    }

    /// Reads the policy file again. A bad one raises `PolicyError` and changes nothing; requests under way keep the policy
    /// they began with. Each process reloads for itself.
    fn reload(&self, py: Python<'_>) -> PyResult<()> {
        self.host.reload(py)
    }

    /// Writes what waits to the audit log. At the end of the process this happens by itself.
    fn flush(&self, py: Python<'_>) {
        self.host.close(py);
    }

    /// The policy file.
    #[getter]
    fn policy(&self) -> PathBuf {
        self.host.policy().clone()
    }

    /// What of a policy is not enforced inside the app's process, or not in full: section and keys, and why.
    #[getter]
    fn gaps(&self) -> Vec<(String, &'static str)> {
        IN_PROCESS_GAPS.iter().map(|gap| (gap.name(), gap.why)).collect()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.app)
    }
}
