//! What a request shows to be let in: whatever a browser adds by itself can be ridden, whatever a program must add cannot.

use crate::{exchange::Request, policy::SessionCookies};
use http::header::{AUTHORIZATION, COOKIE};

/// Schemes that a browser remembers and adds to every request (RFC 7617, 7616, 4559).
const BY_BROWSER: [&str; 4] = ["basic", "digest", "negotiate", "ntlm"];

/// Header fields that carry an API key. A page of another origin can set none of them without a preflight.
const API_KEYS: [&str; 3] = ["x-api-key", "api-key", "x-auth-token"];

/// Whether the request carries something that a browser adds whatever page asks for it.
pub(super) fn ambient(request: &Request, sessions: &SessionCookies) -> bool {
    let certificate = request.connection.tls.as_ref().is_some_and(|tls| tls.client_certificate.is_some());
    certificate || has_session(request, sessions) || authorizations(request).any(|scheme| scheme.is_none_or(by_browser))
}

/// Whether the request carries something that only a program adds.
pub(super) fn explicit(request: &Request) -> bool {
    let key = API_KEYS.iter().any(|name| request.headers.contains_key(*name));
    key || authorizations(request).any(|scheme| scheme.is_some_and(|scheme| !by_browser(scheme)))
}

/// A cookie line that is not text counts as a session: nobody can say that it is none.
fn has_session(request: &Request, sessions: &SessionCookies) -> bool {
    let text = request.headers.get_all(COOKIE).iter().all(|line| line.to_str().is_ok());
    !text || request.cookies().any(|(name, _)| sessions.contains(name))
}

/// The scheme of each `Authorization` line; `None` when the line is not text.
fn authorizations(request: &Request) -> impl Iterator<Item = Option<&str>> {
    let lines = request.headers.get_all(AUTHORIZATION).iter().map(|line| line.to_str().ok());
    lines.map(|line| line.map(|line| line.trim_start().split(' ').next().unwrap_or_default()))
}

fn by_browser(scheme: &str) -> bool {
    BY_BROWSER.iter().any(|known| known.eq_ignore_ascii_case(scheme))
}
