//! Every rule of the layer.

use crate::{layers::Rule, target::TargetFault};

const fn target(fault: TargetFault) -> Rule {
    let why = "A rule that reads the path in one way and an app that reads it in another do not meet (CWE-22, CWE-41, CWE-647).";
    Rule { name: fault.rule(), about: fault.why(), why }
}

/// Every rule this layer refuses, answers or changes by, in kebab case. What is found in the bytes of a connection
/// before there is a request (bare line feeds, chunk sizes …) has its own list in the reader of those bytes.
pub const RULES: &[Rule] = &[
    target(TargetFault::Form),
    target(TargetFault::ControlByte),
    target(TargetFault::Fragment),
    target(TargetFault::Backslash),
    target(TargetFault::BadEscape),
    target(TargetFault::EncodedControl),
    target(TargetFault::EncodedSlash),
    target(TargetFault::DotSegment),
    target(TargetFault::InvalidUtf8),
    Rule {
        name: "target-too-long",
        about: "The address is longer than `protocol.target`: 414.",
        why: "An app server's limit is reached in its own, less tidy way (RFC 9110 section 15.5.15).",
    },
    Rule {
        name: "method-not-allowed",
        about: "The method is not in `protocol.methods`: 405.",
        why: "A method nobody thought of does what nobody thought of; TRACE echoes secrets, CONNECT opens tunnels (CWE-650, CWE-693).",
    },
    Rule {
        name: "missing-host",
        about: "There is no host: 400.",
        why: "Which site is asked for would be a guess (RFC 9112 section 3.2).",
    },
    Rule {
        name: "repeated-host",
        about: "There is more than one Host: 400.",
        why: "A gateway may decide by one and the app by the other (RFC 9112 section 3.2, CWE-444).",
    },
    Rule {
        name: "bad-host",
        about: "The host is not a name or address with an optional port: 400.",
        why: "Apps build links from it: password resets have been poisoned so (CWE-644).",
    },
    Rule {
        name: "authority-mismatch",
        about: "Host names another place than the request line or `:authority`: 400.",
        why: "A gateway may decide by one and the app by the other (RFC 9113 section 8.3.1, CWE-444).",
    },
    Rule {
        name: "header-alias",
        about: "A header name has other characters than letters, digits and `-`: 400.",
        why: "WSGI reads `X_User` and `X-User` as one variable, so a forged field passes for a trusted one (CVE-2025-64484, CWE-444).",
    },
    Rule {
        name: "header-dropped",
        about: "A field in `protocol.drop_headers` was removed.",
        why: "Apps take it for the word of a proxy; from a client it is forged (CWE-290; httpoxy, CVE-2016-5385).",
    },
    Rule {
        name: "too-many-headers",
        about: "There are more header fields than `protocol.headers`: 431.",
        why: "Each costs the app work and memory (CWE-770).",
    },
    Rule {
        name: "header-too-large",
        about: "A header field is larger than `protocol.header`: 431.",
        why: "It costs the app memory (CWE-770).",
    },
    Rule {
        name: "head-too-large",
        about: "The head is larger than `protocol.head`: 431.",
        why: "It costs the app memory (CWE-770).",
    },
    Rule {
        name: "length-and-chunked",
        about: "Content-Length and Transfer-Encoding contradict each other: 400.",
        why: "Where the body ends is a matter of opinion: request smuggling (RFC 9112 section 6.1, CWE-444).",
    },
    Rule {
        name: "bad-length",
        about: "Content-Length is not one plain decimal number: 400.",
        why: "Where the body ends is a matter of opinion: request smuggling (RFC 9110 section 8.6, CWE-444).",
    },
    Rule {
        name: "unknown-transfer-coding",
        about: "Transfer-Encoding is anything but `chunked`, or stands in HTTP/2 or HTTP/1.0: 501.",
        why: "Where the body ends is a matter of opinion: request smuggling (RFC 9112 section 6.1, CWE-444).",
    },
    Rule {
        name: "unknown-expectation",
        about: "Expect asks for something else than 100-continue: 417.",
        why: "Nothing else is defined (RFC 9110 section 10.1.1).",
    },
    Rule {
        name: "upgrade",
        about: "Upgrade asks for something else than a WebSocket, and was removed.",
        why: "An h2c connection through a gateway passes all its rules by (CWE-444).",
    },
    Rule {
        name: "websocket-handshake",
        about: "The request asks for a WebSocket but lacks what RFC 6455 section 4.1 requires: 400.",
        why: "A gateway that opens a tunnel for a half handshake, which the app refuses, lets requests through unseen (CWE-444).",
    },
    Rule {
        name: "many-ranges",
        about: "More byte ranges are asked for than `protocol.ranges`; Range was removed, so the whole is sent.",
        why: "Many small or overlapping ranges multiply the work (RFC 9110 section 17.15, CVE-2011-3192).",
    },
    Rule {
        name: "body-too-large",
        about: "The body is larger than `protocol.body` or the route's own: 413.",
        why: "A body without bound fills memory and disks (CWE-770).",
    },
];
