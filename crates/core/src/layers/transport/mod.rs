//! TLS, HTTPS, and the hosts the app answers to.

mod files;
mod hosts;
mod policy;

#[cfg(test)]
mod tests;

pub use policy::{Acme, Certificate, Challenge, ClientCertificates, Profile, SECTION, Transport};

use crate::{
    exchange::{Request, Response, Scheme},
    layers::{Body, Denial, Layer, Outcome, Reply, Rule, Verdict},
    policy::{LayerName, Route},
    record::{Action, shown},
    store::Answer,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[
    Rule {
        name: "unknown-host",
        about: "The host asked for is not in `app.hosts`: 421.",
        why: "An app that believes any Host builds poisoned links, fills caches, and answers pages of an attacker's own \
              domain (CWE-644, CWE-350).",
    },
    Rule {
        name: "misdirected",
        about: "The host asked for is not the one the TLS connection was opened for: 421; browsers then open another.",
        why: "A connection judged for one site must not speak to another (RFC 9110 section 15.5.20).",
    },
    Rule {
        name: "redirect",
        about: "Plain HTTP is sent to HTTPS: 308, the method stays.",
        why: "Plain HTTP is read and rewritten on its way (CWE-319).",
    },
];

impl Layer for Transport {
    fn name(&self) -> LayerName {
        LayerName::Transport
    }

    fn judge(&self, request: &mut Request, _: Option<&Route>, _: &[Answer]) -> Verdict {
        if !self.hosts.contains(&request.host) {
            return Verdict::Refuse(unknown_host(request));
        }
        if let Some(denial) = self.misdirected(request) {
            return Verdict::Refuse(denial);
        }
        match self.redirect(request) {
            Some(location) => Verdict::Answer(Box::new(moved(location))),
            None => Verdict::Pass,
        }
    }

    fn mend(&self, request: &Request, _: Option<&Route>, response: &mut Response, _: Option<Body<'_>>) -> Outcome {
        if let Some(hsts) = self.hsts.as_ref().filter(|_| self.binds(request)) {
            response.set(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        Outcome::Pass
    }
}

impl Transport {
    /// Moves the redirect to another port of HTTPS, or takes it away.
    pub(crate) fn redirect_to(&mut self, port: Option<u16>) {
        self.redirect_port = self.redirect_port.and(port);
    }

    /// Whether plain HTTP is sent to HTTPS.
    #[must_use]
    pub const fn redirects(&self) -> bool {
        self.redirect_port.is_some()
    }

    /// Host must be the name that TLS was opened for. Clients name none for an address (RFC 6066 section 3).
    fn misdirected(&self, request: &Request) -> Option<Box<Denial>> {
        let sni = request.connection.tls.as_ref()?.sni.as_deref()?;
        let trusted = self.trusted_proxies.iter().any(|network| network.contains(&request.connection.peer));
        if trusted || sni.eq_ignore_ascii_case(&request.host) {
            return None;
        }
        let say = "This connection was opened for another site.";
        let why = format!("TLS was opened for `{}` (RFC 9110 section 15.5.20)", shown(sni.as_bytes()));
        Some(Denial::new("misdirected", StatusCode::MISDIRECTED_REQUEST, say, why).at("host", shown(request.host.as_bytes())))
    }

    /// Where plain HTTP is sent. The host was checked, so nobody is sent to a foreign one (CWE-601).
    fn redirect(&self, request: &Request) -> Option<HeaderValue> {
        let port = self.redirect_port.filter(|_| request.scheme == Scheme::Http)?;
        let path = request.target.as_str();
        let path = if path == "*" { "/" } else { path };
        let location = match port {
            443 => format!("https://{}{path}", request.host),
            _ => format!("https://{}:{port}{path}", request.host),
        };
        HeaderValue::try_from(location).ok()
    }

    /// Whether HSTS is sent: over HTTPS (RFC 6797 section 7.2), for a name that is ours. An address cannot be bound
    /// (section 8.1.1); localhost must not be.
    fn binds(&self, request: &Request) -> bool {
        let host = &request.host;
        request.scheme == Scheme::Https && !hosts::is_address(host) && !hosts::is_local(host) && self.hosts.contains(host)
    }
}

fn unknown_host(request: &Request) -> Box<Denial> {
    let say = "This server does not serve the site that was asked for.";
    let why = "the host is not in app.hosts (CWE-350, CWE-644)";
    let host = shown(request.host.as_bytes());
    let allow = format!("[app]\nhosts = [\"{host}\"]");
    Denial::new("unknown-host", StatusCode::MISDIRECTED_REQUEST, say, why).at("host", host).allowed_by(allow)
}

fn moved(location: HeaderValue) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    Reply { rule: "redirect", action: Action::Answer, status: StatusCode::PERMANENT_REDIRECT, headers, body: Bytes::new() }
}
