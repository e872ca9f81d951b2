//! What a client is told of the limits that count it: the `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers.

use super::Limit;
use crate::{exchange::Response, store::Taken};
use http::{HeaderName, HeaderValue};
use std::time::Duration;

/// What the limits say of a request. The limits for everybody are told only when they refuse: nobody paces by them.
#[derive(Debug, Default)]
pub struct Standing {
    entries: Vec<(Limit, Taken)>,
}

impl Standing {
    pub(super) fn add(&mut self, limit: Limit, taken: Taken) {
        self.entries.push((limit, taken));
    }

    /// Sets `RateLimit-Policy` (quota and window) and `RateLimit` (what is left, and seconds until there is more): lists of
    /// structured fields (RFC 9651), each limit named by its text.
    pub(super) fn tell(&self, response: &mut Response) {
        let policy = self.entries.iter().map(|(limit, _)| format!("\"{limit}\";q={};w={}", limit.count, seconds(limit.period)));
        let now = self.entries.iter().map(|(limit, taken)| {
            let wait = if taken.allowed { taken.reset_after } else { taken.retry_after };
            format!("\"{limit}\";r={};t={}", taken.remaining, seconds(wait))
        });
        set(response, HeaderName::from_static("ratelimit-policy"), policy.collect());
        set(response, HeaderName::from_static("ratelimit"), now.collect());
    }
}

fn set(response: &mut Response, name: HeaderName, items: Vec<String>) {
    if let Ok(value) = HeaderValue::try_from(items.join(", "))
        && !value.is_empty()
    {
        response.set(name, value);
    }
}

/// Whole seconds, rounded up: whoever waits that long has waited long enough.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
