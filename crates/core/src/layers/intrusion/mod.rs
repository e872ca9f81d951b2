//! Injection and probing: what the values of a request would become in the app.
//!
//! A request is read as the app's framework reads it; a reading that is not the only one is refused. Each value is judged by parsers
//! of what an attacker would have parsed. The head's values are judged at once, the body's as it passes, its beginning before the app
//! sees any of it. What could become markup is looked for in the page that answers.

mod body;
pub mod crs;
mod judge;
mod ordinary;
mod policy;
mod reflect;
mod rules;
#[cfg(test)]
mod tests;

pub use policy::{Intrusion, SECTION};
pub use reflect::Suspects;
pub use rules::RULES;

use crate::{
    exchange::{Request, Response},
    layers::{Body, Layer, Outcome, Verdict, disclosure::encoding},
    policy::{LayerName, Route},
    store::Answer,
};
use http::{HeaderValue, header};
use judge::Judge;

impl Layer for Intrusion {
    fn name(&self) -> LayerName {
        LayerName::Intrusion
    }

    fn judge(&self, request: &mut Request, _: Option<&Route>, _: &[Answer]) -> Verdict {
        let mut judge = Judge::new(self, request);
        let (judged, noted) = (judge.head(request), judge.noted.take());
        let suspects = match request.has_body {
            true => Some(judge.suspects.get_or_insert_default().clone()),
            false => judge.suspects.clone(),
        };
        let verdict = match judged {
            Err(denial) => Verdict::Refuse(denial),
            Ok(()) if request.has_body => body::inspect(self, request, judge),
            Ok(()) => Verdict::Pass,
        };
        if suspects.is_some() && self.looks_for_reflections() {
            ask_for_what_can_be_read(request);
        }
        // Not a fact for others: it says what to look for in the answer.
        request.facts.suspects = suspects;
        if let Some(noted) = noted {
            request.note(noted.rule, noted.why, noted.part, noted.value);
        }
        verdict
    }

    fn hold(&self, request: &Request, response: &Response) -> Option<usize> {
        let suspects = request.facts.suspects.as_ref().is_some_and(|suspects| !suspects.is_empty());
        (suspects && self.looks_for_reflections() && reflect::is_page(response)).then_some(self.reflection_bytes)
    }

    fn mend(&self, request: &Request, _: Option<&Route>, response: &mut Response, body: Option<Body<'_>>) -> Outcome {
        let (Some(body), Some(suspects)) = (body, &request.facts.suspects) else { return Outcome::Pass };
        // The body may be held for another layer.
        if !response.from_app || self.hold(request, response).is_none() {
            return Outcome::Pass;
        }
        match suspects.reflected(body.bytes, response.headers()) {
            Some(denial) => Outcome::Replace(denial),
            None => Outcome::Pass,
        }
    }
}

impl Intrusion {
    fn looks_for_reflections(&self) -> bool {
        self.reflection_bytes > 0 && !self.allow.iter().any(|rule| rule == reflect::REFLECTED)
    }
}

/// Asks the app for no content coding that is not undone here: of those that the client takes, gzip and deflate.
fn ask_for_what_can_be_read(request: &mut Request) {
    let is_read = |coding: &&str| encoding::is_undone(coding.split(';').next().unwrap_or_default().trim());
    let accepted: Vec<&str> =
        request.headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok()).collect();
    let codings: Vec<&str> = accepted.iter().flat_map(|line| line.split(',')).map(str::trim).collect();
    let left: Vec<&str> = codings.iter().copied().filter(is_read).collect();
    if left.len() < codings.len() {
        let value = if left.is_empty() { "identity".to_owned() } else { left.join(", ") };
        request.set(header::ACCEPT_ENCODING, HeaderValue::from_str(&value).ok());
    }
}
