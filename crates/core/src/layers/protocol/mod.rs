//! One strict reading of HTTP.

mod head;
mod policy;
mod rules;

#[cfg(test)]
mod tests;

pub use policy::{Deadlines, HeadLimits, Http2, Protocol, SECTION};
pub use rules::RULES;

use crate::{
    exchange::Request,
    layers::{Denial, Layer, Verdict},
    policy::{LayerName, Mode, Route},
    record::{shown, shown_path, shown_under},
    store::Answer,
    target::{Target, TargetFault, TargetRules},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};

impl Layer for Protocol {
    fn name(&self) -> LayerName {
        LayerName::Protocol
    }

    fn judge(&self, request: &mut Request, _: Option<&Route>, _: &[Answer]) -> Verdict {
        let checks = [Self::method, Self::size, Self::names];
        if let Some(denial) = checks.iter().find_map(|check| check(self, request).err()) {
            return Verdict::Refuse(denial);
        }
        // Most heads have none of these: one look at each name is cheaper than a look-up for each field.
        let concerned = request.headers.keys().any(|name| concerns(name.as_str()));
        let checks = [Self::framing, Self::expectation, Self::websocket];
        if let Some(denial) = checks.iter().filter(|_| concerned).find_map(|check| check(self, request).err()) {
            return Verdict::Refuse(denial);
        }
        self.drop_headers(request);
        if concerned {
            self.drop_upgrade(request);
            self.drop_ranges(request);
        }
        Verdict::Pass
    }
}

type Judged = Result<(), Box<Denial>>;

/// Whether a field of that name says how the message is framed, or asks for something out of the ordinary.
fn concerns(name: &str) -> bool {
    matches!(name, "content-length" | "transfer-encoding" | "expect" | "upgrade" | "range")
}

const MALFORMED: &str = "This request is malformed.";
const TOO_LARGE: &str = "The head of this request is larger than this site accepts. Deleting the site's cookies may help.";

impl Protocol {
    /// Reads a target: strictly; in `report` mode a fault that can be lived with is handed back beside it; with the layer off
    /// whatever can be forwarded at all is read.
    pub(crate) fn read_target(&self, raw: &[u8], mode: Mode) -> Result<(Target, Option<Box<Denial>>), Box<Denial>> {
        let strict = TargetRules { encoded_slashes: self.encoded_slashes, ..TargetRules::default() };
        let lenient = || Target::parse(raw, &TargetRules::LENIENT);
        match Target::parse(raw, &strict) {
            Ok(target) => Ok((target, None)),
            Err(fault) => match (mode, lenient()) {
                (Mode::Report, Ok(target)) => Ok((target, Some(target_denial(fault, raw)))),
                (Mode::Off, Ok(target)) => Ok((target, None)),
                _ => Err(target_denial(fault, raw)),
            },
        }
    }

    /// The largest request body, in bytes.
    pub(crate) fn body_bytes_max(&self, route: Option<&Route>) -> u64 {
        route.and_then(|route| route.body_bytes_max).unwrap_or(self.body_bytes_max)
    }

    fn method(&self, request: &Request) -> Judged {
        if request.target.as_str() == "*" && request.method != Method::OPTIONS {
            return Err(target_denial(TargetFault::Form, b"*"));
        }
        if self.methods.contains(&request.method) {
            return Ok(());
        }
        let say = "This site does not accept requests with this method.";
        let why = "the method is not in protocol.methods (CWE-650)";
        let mut denial = Denial::new("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, say, why)
            .at("method", shown(request.method.as_str().as_bytes()));
        let names: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        if let Ok(allow) = HeaderValue::from_str(&names.join(", ")) {
            denial.headers.insert(header::ALLOW, allow);
        }
        if matches!(request.method, Method::TRACE | Method::CONNECT) {
            return Err(denial);
        }
        Err(denial.allowed_by(format!("[protocol]\nmethods = {:?}", [names, vec![request.method.as_str()]].concat())))
    }

    /// The head's size, for hosts whose own reader has other limits or none.
    fn size(&self, request: &Request) -> Judged {
        let limits = &self.limits;
        let too_large = |rule, status, part: &str, key: &str| {
            let why = format!("larger than protocol.{key} (CWE-770)");
            Err(Denial::new(rule, status, TOO_LARGE, why).at(part, "").allowed_by(format!("[protocol]\n{key} = SIZE")))
        };
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        if request.target.as_str().len() > limits.target_bytes_max {
            return too_large("target-too-long", StatusCode::URI_TOO_LONG, "target", "target");
        }
        if request.headers.len() > limits.headers_max {
            return too_large("too-many-headers", status, "headers", "headers");
        }
        let mut bytes = request.target.as_str().len();
        for (name, value) in &request.headers {
            let own = name.as_str().len() + value.len();
            if own > limits.header_bytes_max {
                return too_large("header-too-large", status, &format!("header {name}"), "header");
            }
            bytes += own;
        }
        if bytes > limits.head_bytes_max { too_large("head-too-large", status, "headers", "head") } else { Ok(()) }
    }

    fn names(&self, request: &Request) -> Judged {
        let odd = |name: &&HeaderName| !head::is_plain(name.as_str()) && !self.odd_headers.iter().any(|odd| odd == name.as_str());
        let Some(name) = request.headers.keys().find(odd) else { return Ok(()) };
        let value = request.headers.get(name).map(|value| shown_under(name.as_str(), value.as_bytes()));
        let why = "WSGI reads this name and its twin with `-` as one variable (CWE-444)";
        let denial = Denial::new("header-alias", StatusCode::BAD_REQUEST, MALFORMED, why)
            .at(format!("header {name}"), value.unwrap_or_default())
            .allowed_by(format!("[protocol]\nodd_headers = [\"{name}\"]"));
        Err(denial)
    }

    /// The framing as parsed: a host that reads bytes itself has refused worse before.
    fn framing(&self, request: &Request) -> Judged {
        let refuse = |rule, status, name: HeaderName, why: &'static str| {
            let value = request.headers.get(&name).map(|value| shown(value.as_bytes()));
            Err(Denial::new(rule, status, MALFORMED, why).at(format!("header {name}"), value.unwrap_or_default()))
        };
        let is = |name, fits: fn(&[u8]) -> bool| {
            let mut values = request.headers.get_all(name).iter();
            values.next().is_none_or(|value| fits(value.as_bytes())) && values.next().is_none()
        };
        let has_coding = request.headers.contains_key(header::TRANSFER_ENCODING);
        if has_coding && request.headers.contains_key(header::CONTENT_LENGTH) {
            let why = "Content-Length and Transfer-Encoding contradict each other (RFC 9112 section 6.1)";
            return refuse("length-and-chunked", StatusCode::BAD_REQUEST, header::TRANSFER_ENCODING, why);
        }
        if !is(header::CONTENT_LENGTH, |value| !value.is_empty() && value.iter().all(u8::is_ascii_digit)) {
            let why = "Content-Length is not one plain decimal number (RFC 9110 section 8.6)";
            return refuse("bad-length", StatusCode::BAD_REQUEST, header::CONTENT_LENGTH, why);
        }
        let chunked = is(header::TRANSFER_ENCODING, |value| value.eq_ignore_ascii_case(b"chunked"));
        if !chunked || has_coding && request.version != Version::HTTP_11 {
            let why = "Transfer-Encoding is not exactly `chunked` in HTTP/1.1 (RFC 9112 section 6.1)";
            return refuse("unknown-transfer-coding", StatusCode::NOT_IMPLEMENTED, header::TRANSFER_ENCODING, why);
        }
        Ok(())
    }

    fn expectation(&self, request: &Request) -> Judged {
        let known = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        let Some(other) = request.headers.get_all(header::EXPECT).iter().find(|value| !known(value)) else { return Ok(()) };
        let say = "This site cannot meet the expectation this request states.";
        let why = "only 100-continue is defined (RFC 9110 section 10.1.1)";
        let denial = Denial::new("unknown-expectation", StatusCode::EXPECTATION_FAILED, say, why);
        Err(denial.at("header expect", shown(other.as_bytes())))
    }

    fn websocket(&self, request: &Request) -> Judged {
        if !request.is_websocket() || is_handshake(request) {
            return Ok(());
        }
        let why = "not a whole WebSocket handshake (RFC 6455 section 4.1)";
        let mut denial =
            Denial::new("websocket-handshake", StatusCode::BAD_REQUEST, MALFORMED, why).at("header upgrade", "websocket");
        denial.headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        Err(denial)
    }

    fn drop_headers(&self, request: &mut Request) {
        let forged: Vec<HeaderName> =
            request.headers.keys().filter(|name| self.dropped.contains(name.as_str())).cloned().collect();
        let quiet = self.trusted_proxies.iter().any(|network| network.contains(&request.connection.peer));
        for name in forged {
            let why = "apps take this field for the word of a proxy; from a client it is forged (CWE-290)";
            if quiet { request.remove_quietly(&name) } else { request.remove(&name, "header-dropped", why) }
        }
    }

    fn drop_upgrade(&self, request: &mut Request) {
        if !request.is_websocket() {
            let why = "nothing but a WebSocket is upgraded to; h2c would pass every rule by (CWE-444)";
            request.remove(&header::UPGRADE, "upgrade", why);
        }
    }

    fn drop_ranges(&self, request: &mut Request) {
        let values = request.headers.get_all(header::RANGE).iter();
        let ranges: usize = values.map(|value| value.as_bytes().split(|b| *b == b',').count()).sum();
        if ranges > self.ranges_max {
            let why = "more ranges than protocol.ranges; the whole is sent instead (RFC 9110 section 14.2)";
            request.remove(&header::RANGE, "many-ranges", why);
        }
    }
}

fn target_denial(fault: TargetFault, raw: &[u8]) -> Box<Denial> {
    let say = "The address of this request is malformed.";
    let path = raw.split(|b| *b == b'?').next().unwrap_or_default();
    let denial = Denial::new(fault.rule(), StatusCode::BAD_REQUEST, say, fault.why()).at("path", shown_path(&shown(path)));
    match fault {
        TargetFault::EncodedSlash => denial.allowed_by("[protocol]\nencoded_slashes = true"),
        _ => denial,
    }
}

/// RFC 6455 section 4.1; a body would reach the app as the tunnel's first bytes.
fn is_handshake(request: &Request) -> bool {
    let listed = |value: &HeaderValue| {
        value.as_bytes().split(|b| *b == b',').any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    };
    request.method == Method::GET
        && request.version == Version::HTTP_11
        && request.headers.get_all(header::CONNECTION).iter().any(listed)
        && request.header(header::SEC_WEBSOCKET_VERSION) == Some("13")
        && request.header(header::SEC_WEBSOCKET_KEY).is_some_and(|key| key.len() == 24)
        && request.header(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
        && !request.headers.contains_key(header::TRANSFER_ENCODING)
}
