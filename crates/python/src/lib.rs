//! The engine inside a Python process: [`wsgi`] puts a guard around any WSGI app.
//!
//! One policy, the same engine as in the gateway, called synchronously. What only a gateway sees (connections, bytes on
//! the wire, TLS) cannot be enforced here and is said at start.

mod answer;
mod body;
mod border;
mod environ;
mod guard;
mod head;
mod host;
mod input;
mod journal;
mod keys;
mod policy_file;
mod target;
mod text;

use guard::Guard;
use host::Host;
use pyo3::{create_exception, exceptions::PyValueError, prelude::*};
use std::{path::PathBuf, sync::Arc};

create_exception!(gambeson, PolicyError, PyValueError, "The policy cannot be used; the text lists every problem with its place.");

/// Puts the policy's layers around a WSGI app.
///
/// `policy` is a file; a bare name is looked for in the working folder and the folders above. `state` is the folder for
/// the audit log, `.gambeson` beside the policy unless named. A policy that cannot be used raises `PolicyError`.
#[pyfunction]
#[pyo3(signature = (app, policy = PathBuf::from("gambeson.toml"), *, state = None))]
fn wsgi(py: Python<'_>, app: Bound<'_, PyAny>, policy: PathBuf, state: Option<PathBuf>) -> PyResult<Py<Guard>> {
    if !app.is_callable() {
        return Err(pyo3::exceptions::PyTypeError::new_err("a WSGI app is a callable (PEP 3333)"));
    }
    let host = Host::open(py, policy_file::find(&policy)?, state)?;
    host.introduce(py);
    let guard = Py::new(py, Guard::new(app.unbind(), Arc::new(host)))?;
    py.import("atexit")?.call_method1("register", (guard.getattr(py, "flush")?,))?;
    Ok(guard)
}

#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<Guard>()?;
    module.add("PolicyError", py.get_type::<PolicyError>())?;
    module.add("BodyTooLarge", py.get_type::<input::BodyTooLarge>())?;
    module.add_function(wrap_pyfunction!(wsgi, module)?)
}
