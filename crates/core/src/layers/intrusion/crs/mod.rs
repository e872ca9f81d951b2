//! Somebody's SecLang rules, such as the OWASP Core Rule Set, beside our own detectors.
//!
//! A request's head is judged in phase 1, its body in phase 2, the answer in phases 3 and 4: as ModSecurity does. Phase 5, which can
//! refuse nothing and only logs, is left out. Nothing is loaded and nothing costs until the policy names a folder.

mod evidence;
mod exclude;
mod load;
mod policy;
mod running;
#[cfg(test)]
mod tests;

pub use policy::Crs;
pub(super) use policy::SECTION;
pub use running::Judgement;

use crate::{
    exchange::{Request, Response},
    layers::{Body, Denial, Inspector, Layer, Outcome, Verdict},
    policy::{LayerName, Mode, Route},
    store::Answer,
};
use http::{Method, StatusCode};

impl Layer for Crs {
    fn name(&self) -> LayerName {
        LayerName::Intrusion
    }

    fn mode(&self, of_layer: Mode) -> Mode {
        match (self.rules.is_some(), self.mode, of_layer) {
            (false, ..) | (_, Mode::Off, _) | (_, _, Mode::Off) => Mode::Off,
            (_, Mode::Enforce, Mode::Enforce) => Mode::Enforce,
            _ => Mode::Report,
        }
    }

    fn judge(&self, request: &mut Request, _: Option<&Route>, _: &[Answer]) -> Verdict {
        let Some(rules) = &self.rules else { return Verdict::Pass };
        let judgement = Judgement::of_head(rules.clone(), request);
        request.facts.crs = Some(judgement.clone());
        match judgement.denial(1..=1) {
            Some(denial) => Verdict::Refuse(denial),
            None if request.has_body => Verdict::Inspect(Box::new(Watch { judgement, window: self.body_bytes })),
            None => judgement.body_end().map_or(Verdict::Pass, Verdict::Refuse),
        }
    }

    fn hold(&self, request: &Request, response: &Response) -> Option<usize> {
        let judgement = request.facts.crs.as_ref()?;
        let wants_body = judgement.answer_head(response);
        (wants_body && self.answer_bytes > 0 && has_body(request, response)).then_some(self.answer_bytes)
    }

    fn mend(&self, request: &Request, _: Option<&Route>, response: &mut Response, body: Option<Body<'_>>) -> Outcome {
        let Some(judgement) = &request.facts.crs else { return Outcome::Pass };
        if let Some(bytes) = judgement.left_out() {
            let why = "the rules judged the beginning of the body only";
            response.noted("crs-partial", why, "body".to_owned(), format!("more than {bytes} bytes"));
        }
        let replaced = response.from_app.then(|| judgement.answer(body, response)).flatten();
        if let Some((why, part, value)) = judgement.only_detected() {
            response.noted("crs-detected", why, part, value);
        }
        replaced.map_or(Outcome::Pass, Outcome::Replace)
    }
}

/// Whether there can be a body (RFC 9110 section 6.4.1).
fn has_body(request: &Request, response: &Response) -> bool {
    let none = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
    request.method != Method::HEAD && !response.status.is_informational() && !none.contains(&response.status)
}

/// Hands a request's body to the rules.
#[derive(Debug)]
struct Watch {
    judgement: Judgement,
    window: usize,
}

impl Inspector for Watch {
    fn window(&self) -> usize {
        self.window
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Box<Denial>> {
        self.judgement.body(bytes, self.window).map_or(Ok(()), Err)
    }

    fn end(&mut self) -> Result<(), Box<Denial>> {
        self.judgement.body_end().map_or(Ok(()), Err)
    }

    fn held(&self) -> usize {
        /// A value is kept as sent, as read, and as transformations leave it.
        const COPIES: usize = 4;
        self.judgement.body_bytes().min(self.window).saturating_mul(COPIES)
    }
}
