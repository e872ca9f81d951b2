//! The body behind a request's head: counted, and judged, as it passes.

use super::finding_of;
use crate::{
    layers::{Denial, Inspector},
    policy::{LayerName, Mode, Modes},
    record::{Action, Finding},
};
use http::StatusCode;
use std::sync::{Arc, Mutex, PoisonError};

/// A request body on its way to the app.
#[derive(Debug)]
pub struct RequestBody {
    bytes_left: u64,
    bytes_max: u64,
    /// What is still to come of a body whose length was declared.
    declared_left: Option<u64>,
    /// What was judged before the app got any of it, and now passes.
    judged: usize,
    size: Mode,
    watches: Vec<Watch>,
    late: Late,
}

/// A layer's inspector, and the mode it works in.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) layer: LayerName,
    pub(super) mode: Mode,
    pub(super) inspector: Box<dyn Inspector>,
}

/// What is found of a body, perhaps when the exchange was answered already: so both hold it.
#[derive(Debug, Clone, Default)]
pub(super) struct Late(Option<Arc<Mutex<Vec<Finding>>>>);

impl Late {
    /// One body is written down for at most this many findings.
    const FINDINGS_MAX: usize = 8;

    pub(super) fn all(&self) -> Vec<Finding> {
        let found = |late: &Arc<Mutex<Vec<_>>>| late.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.0.as_ref().map(found).unwrap_or_default()
    }

    fn add(&self, finding: Finding) {
        let Some(late) = &self.0 else { return };
        let mut findings = late.lock().unwrap_or_else(PoisonError::into_inner);
        if findings.len() < Self::FINDINGS_MAX && !findings.iter().any(|other| other.rule == finding.rule) {
            findings.push(finding);
        }
    }
}

type Judged = Result<(), Box<Denial>>;

impl RequestBody {
    pub(super) fn new(bytes_max: u64, modes: Modes, watches: Vec<Watch>) -> Self {
        let size = modes.get(LayerName::Protocol);
        let late = Late((size == Mode::Report || !watches.is_empty()).then(Arc::default));
        Self { bytes_left: bytes_max, bytes_max, declared_left: None, judged: 0, size, watches, late }
    }

    /// Where it is told what was found.
    pub(super) fn late(&self) -> Late {
        self.late.clone()
    }

    /// How many bytes must be judged before the app gets any.
    pub(super) fn window(&self) -> usize {
        self.watches.iter().map(|watch| watch.inspector.window()).max().unwrap_or(0)
    }

    /// Bytes of memory that the layers take for what is not judged yet. A host bounds the sum over all exchanges.
    #[must_use]
    pub fn held(&self) -> usize {
        self.watches.iter().map(|watch| watch.inspector.held()).sum()
    }

    /// Judges the beginning, before the app gets any of it; it passes by [`piece`](Self::piece) once more.
    pub(super) fn begin(&mut self, bytes: &[u8], whole: bool) -> Judged {
        self.judged = bytes.len();
        if bytes.len() as u64 > self.bytes_max {
            self.over(None)?;
        }
        self.watch(bytes)?;
        if whole { self.end() } else { Ok(()) }
    }

    /// Judges a length that was declared, before a byte is read.
    ///
    /// # Errors
    /// The refusal, when it is more than the policy allows.
    pub fn declared(&mut self, bytes: u64) -> Judged {
        self.declared_left = Some(bytes);
        if bytes > self.bytes_max { self.over(Some(bytes)) } else { Ok(()) }
    }

    /// Judges the next piece. The last one of a declared length is judged as the end, too: with it the app has all.
    ///
    /// # Errors
    /// The refusal, when the body grew over what the policy allows or a layer refuses what it says.
    pub fn piece(&mut self, bytes: &[u8]) -> Judged {
        let left = self.bytes_left.checked_sub(bytes.len() as u64);
        self.bytes_left = left.unwrap_or(0);
        if left.is_none() {
            self.over(None)?;
        }
        self.declared_left = self.declared_left.map(|left| left.saturating_sub(bytes.len() as u64));
        let new = bytes.get(self.judged..).unwrap_or_default();
        self.judged = self.judged.saturating_sub(bytes.len());
        self.watch(new)?;
        if self.declared_left == Some(0) { self.end() } else { Ok(()) }
    }

    /// Judges what is complete only now. To be called when the body has ended, before the app is told so.
    ///
    /// # Errors
    /// The refusal of a layer.
    pub fn end(&mut self) -> Judged {
        let watches = std::mem::take(&mut self.watches);
        watches.into_iter().try_for_each(|mut watch| written(&self.late, watch.layer, watch.mode, watch.inspector.end()))
    }

    fn watch(&mut self, bytes: &[u8]) -> Judged {
        let late = &self.late;
        self.watches.iter_mut().try_for_each(|watch| written(late, watch.layer, watch.mode, watch.inspector.feed(bytes)))
    }

    fn over(&self, declared: Option<u64>) -> Judged {
        match self.size {
            Mode::Enforce => return Err(self.too_large(declared)),
            Mode::Report => {
                self.late.add(finding_of(LayerName::Protocol, Mode::Report, Action::Refuse, &self.too_large(declared)));
            }
            Mode::Off => {}
        }
        Ok(())
    }

    fn too_large(&self, declared: Option<u64>) -> Box<Denial> {
        let why = format!("the body is larger than {} bytes (CWE-770)", self.bytes_max);
        let say = "The request body is larger than this site accepts.";
        let value = declared.map_or_else(|| format!("more than {} bytes", self.bytes_max), |bytes| format!("{bytes} bytes"));
        Denial::new("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, say, why)
            .at("body", value)
            .allowed_by("[[route]]\npath = \"PATH\"\nbody = \"SIZE\"")
    }
}

/// Writes down what a layer refuses in any mode, since an answer may have left already; hands it on where it is enforced.
fn written(late: &Late, layer: LayerName, mode: Mode, judged: Judged) -> Judged {
    let Err(mut denial) = judged else { return Ok(()) };
    let action = if denial.is_note { Action::Note } else { Action::Refuse };
    late.add(finding_of(layer, mode, action, &denial));
    denial.is_written = true;
    if mode == Mode::Enforce && !denial.is_note { Err(denial) } else { Ok(()) }
}
