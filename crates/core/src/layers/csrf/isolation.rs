//! Resource isolation: what a foreign page may load with the visitor's credentials.
//!
//! Links are navigations and pass. An image, style sheet, font or script that other sites embed passes by default. What remains is
//! data that only scripts read: a foreign page has no business there, and learns from how long it takes, how large it is, or by
//! running it as a script.

use super::{Csrf, MODE, SITE, Sent, credentials, deny, policy::Isolation, sent};
use crate::{exchange::Request, layers::Denial};
use http::Method;

/// Destinations whose answers a browser shows without giving them to the page (W3C Fetch Metadata section 2.1).
const EMBEDDED: [&str; 7] = ["image", "style", "font", "audio", "video", "track", "manifest"];

impl Csrf {
    /// Judges a request that only reads.
    pub(super) fn isolate(&self, request: &Request) -> Option<Box<Denial>> {
        let foreign = match (self.isolation, sent(&request.headers, SITE)) {
            (Isolation::Off, _) => false,
            (_, Sent::Once("cross-site")) => true,
            (Isolation::Strict, Sent::Once("same-site")) => true,
            _ => false,
        };
        let reads = matches!(request.method, Method::GET | Method::HEAD);
        if !foreign || !reads || self.may_load(request) || !credentials::ambient(request, &self.session_cookies) {
            return None;
        }
        let named = matches!(sent(&request.headers, "origin"), Sent::Once(origin) if self.names(request, origin));
        (!named).then(|| {
            deny("isolation", "a foreign page loads logged-in data that is not made to be embedded", request, "sec-fetch-dest")
        })
    }

    fn may_load(&self, request: &Request) -> bool {
        let dest = request.header("sec-fetch-dest").unwrap_or_default();
        match request.header(MODE) {
            // A frame's content is the business of `frame-ancestors`; plug-ins know no such thing.
            Some("navigate") => !matches!(dest, "object" | "embed"),
            Some(_) => self.isolation == Isolation::Data && (EMBEDDED.contains(&dest) || is_script(dest, request)),
            None => true,
        }
    }
}

/// A script tag runs whatever it gets, so that data written as script can be stolen: only files that are scripts by name.
fn is_script(dest: &str, request: &Request) -> bool {
    let path = request.target.decoded_path();
    dest == "script" && (path.ends_with(".js") || path.ends_with(".mjs"))
}
