//! `[protocol]`

use crate::policy::{Key, Kind, Listen, MODE, Reader, Section, Size};
use http::Method;
use ipnet::IpNet;
use std::time::Duration;

/// `[protocol]`
pub const SECTION: Section = Section {
    name: "protocol",
    about: "One strict reading of HTTP: what two parsers may read in two ways is refused, and everything has a limit.",
    why: "Smuggling and desynchronisation (CWE-444), forged identity by header aliases (CWE-290), slow clients and \
          oversize (CWE-400, CWE-770); ASVS 5.0 4.2.1 to 4.2.5.",
    keys: &[
        MODE,
        Key {
            name: "methods",
            kind: Kind::List(&Kind::Text("method")),
            default: "[\"GET\", \"HEAD\", \"POST\", \"PUT\", \"PATCH\", \"DELETE\", \"OPTIONS\"]",
            about: "Methods that may reach the app; others are answered 405. TRACE and CONNECT never do.",
            why: "What web apps use; WebDAV and the like are named when they are meant.",
        },
        Key {
            name: "target",
            kind: Kind::Size,
            default: "\"8KiB\"",
            about: "The longest address (path and query); 414 beyond it.",
            why: "RFC 9110 section 4.1 asks for 8000 bytes at least; gunicorn's own limit is half of that.",
        },
        Key {
            name: "head",
            kind: Kind::Size,
            default: "\"32KiB\"",
            about: "The largest request head in all; 431 beyond it.",
            why: "Room for the largest cookies of several sign-on providers; hundreds of connections fit in memory.",
        },
        Key {
            name: "header",
            kind: Kind::Size,
            default: "\"16KiB\"",
            about: "The largest single header field, name and value; 431 beyond it.",
            why: "Browsers send up to 4 KiB a cookie, several in one field.",
        },
        Key {
            name: "headers",
            kind: Kind::Integer(8, 1000),
            default: "100",
            about: "The most header fields; 431 beyond it.",
            why: "Browsers send about 20; gunicorn refuses more than 100.",
        },
        Key {
            name: "body",
            kind: Kind::Size,
            default: "\"64MiB\"",
            about: "The largest request body; 413 beyond it, while it streams. A route's own `body` wins.",
            why: "Ordinary uploads pass; a body without bound fills disks (CWE-770).",
        },
        Key {
            name: "drop_headers",
            kind: Kind::List(&Kind::Text("header name, `*` at the end for any ending")),
            default: super::head::DROPPED,
            about: "Header fields that never reach the app: those that name a user, an address or another method or path in \
                    the client's stead.",
            why: "Apps believe them because a proxy usually sets them; from a client they are forged (CWE-290, httpoxy \
                  CVE-2016-5385). A login proxy in front of the gateway needs its own taken off this list.",
        },
        Key {
            name: "odd_headers",
            kind: Kind::List(&Kind::Text("header name")),
            default: "[]",
            about: "Header names that are let through although they have other characters than letters, digits and `-`.",
            why: "WSGI reads `X_User` and `X-User` as the same variable, so one can be passed off as the other (CWE-444).",
        },
        Key {
            name: "encoded_slashes",
            kind: Kind::Bool,
            default: "false",
            about: "Let `%2F` and `%5C` stand in a path.",
            why: "WSGI apps see a separator where the gateway's rules saw none (CWE-22, CWE-647).",
        },
        Key {
            name: "ranges",
            kind: Kind::Integer(0, 1000),
            default: "5",
            about: "The most byte ranges asked for at once; with more, the whole is sent instead.",
            why: "Many small ranges multiply an app's work (RFC 9110 section 17.15); players and PDF viewers ask for a few.",
        },
        Key {
            name: "first_byte",
            kind: Kind::Duration,
            default: "\"8s\"",
            about: "How long a new connection may wait before it sends anything, the TLS handshake included.",
            why: "Browsers open spare connections, but not for longer.",
        },
        Key {
            name: "head_time",
            kind: Kind::Duration,
            default: "\"8s\"",
            about: "How long a request head may take from its first byte to its last; 408 beyond it.",
            why: "A head is one packet or two; a client that drips it holds a place (CWE-400, slowloris).",
        },
        Key {
            name: "body_rate",
            kind: Kind::Size,
            default: "\"240B\"",
            about: "The fewest bytes a second at which a request body may come; 408 below it.",
            why: "The slowest mobile networks are faster.",
        },
        Key {
            name: "body_grace",
            kind: Kind::Duration,
            default: "\"8s\"",
            about: "How long a body may pause before its bytes must buy time at `body_rate`.",
            why: "Long enough for a tunnel, short enough to end a drip.",
        },
        Key {
            name: "keep_alive",
            kind: Kind::Duration,
            default: "\"30s\"",
            about: "How long a connection may idle between requests.",
            why: "A page's requests come within seconds; a resumed handshake is cheap.",
        },
        Key {
            name: "send_stall",
            kind: Kind::Duration,
            default: "\"30s\"",
            about: "How long a client may take nothing of an answer that is ready for it.",
            why: "A zero window must not hold an answer in memory (CWE-400).",
        },
        Key {
            name: "http2",
            kind: Kind::Bool,
            default: "true",
            about: "Offer HTTP/2 on HTTPS.",
            why: "Many requests share a connection; its abuses are bounded here and counted.",
        },
        Key {
            name: "http2_streams",
            kind: Kind::Integer(1, 10_000),
            default: "128",
            about: "The most requests at a time on one HTTP/2 connection.",
            why: "RFC 9113 section 6.5.2 advises no fewer than 100.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Protocol {
    /// The largest head, for the reader of the connection.
    pub limits: HeadLimits,
    /// How long a client may take.
    pub deadlines: Deadlines,
    /// HTTP/2.
    pub http2: Http2,
    pub(super) body_bytes_max: u64,
    pub(super) methods: Vec<Method>,
    pub(super) dropped: super::head::Names,
    pub(super) odd_headers: Vec<String>,
    pub(super) encoded_slashes: bool,
    pub(super) ranges_max: usize,
    /// A trusted proxy's own fields are dropped without a word: it sends them with every request.
    pub(super) trusted_proxies: Vec<IpNet>,
}

/// The largest head that is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeadLimits {
    /// Path and query, in bytes.
    pub target_bytes_max: usize,
    /// The whole head, in bytes.
    pub head_bytes_max: usize,
    /// One header field, name and value, in bytes.
    pub header_bytes_max: usize,
    /// Number of header fields.
    pub headers_max: usize,
}

/// How long a client may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// To the first byte of a connection, the TLS handshake included.
    pub first_byte: Duration,
    /// From the first byte of a head to its last.
    pub head: Duration,
    /// The slowest a request body may come, in bytes a second.
    pub body_bytes_per_second_min: u32,
    /// How long a body may pause before its bytes buy time.
    pub body_grace: Duration,
    /// Between two requests.
    pub keep_alive: Duration,
    /// Without taking any of an answer.
    pub send_stall: Duration,
}

/// Limits of HTTP/2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Http2 {
    /// Whether it is offered.
    pub offer: bool,
    /// Requests at a time on one connection.
    pub streams_max: u32,
}

impl Protocol {
    pub(crate) fn compile(reader: &mut Reader<'_>, listen: &Listen) -> Self {
        let protocol = Self {
            limits: limits(reader),
            deadlines: deadlines(reader),
            http2: Http2 { offer: reader.get("http2"), streams_max: reader.get("http2_streams") },
            body_bytes_max: size(reader, "body").0,
            methods: methods(reader),
            dropped: reader.get("drop_headers"),
            odd_headers: reader.get::<Vec<String>>("odd_headers").iter().map(|name| name.to_ascii_lowercase()).collect(),
            encoded_slashes: reader.get("encoded_slashes"),
            ranges_max: reader.get("ranges"),
            trusted_proxies: listen.trusted_proxies.clone(),
        };
        compare_limits(reader, protocol.limits);
        protocol
    }
}

fn size(reader: &mut Reader<'_>, key: &str) -> Size {
    reader.optional(key).unwrap_or(Size(0))
}

fn limits(reader: &mut Reader<'_>) -> HeadLimits {
    HeadLimits {
        target_bytes_max: at_least(reader, "target", 256),
        head_bytes_max: at_least(reader, "head", 1024),
        header_bytes_max: at_least(reader, "header", 256),
        headers_max: reader.get("headers"),
    }
}

fn at_least(reader: &mut Reader<'_>, key: &str, bytes_min: usize) -> usize {
    let bytes = size(reader, key).bytes();
    if bytes < bytes_min {
        reader.error(key, format!("less than {bytes_min} bytes: ordinary requests would be refused"), "write a larger size");
    }
    bytes
}

fn compare_limits(reader: &mut Reader<'_>, limits: HeadLimits) {
    for (key, bytes) in [("target", limits.target_bytes_max), ("header", limits.header_bytes_max)] {
        if bytes > limits.head_bytes_max && reader.is_written(key) {
            reader.warning(key, "larger than the whole head may be", "raise `head` as well, or lower this");
        }
    }
    if limits.head_bytes_max > 1 << 20 {
        reader.warning("head", "every connection may hold this much memory", "a head of more than 1 MiB is not a browser's");
    }
}

fn deadlines(reader: &mut Reader<'_>) -> Deadlines {
    Deadlines {
        first_byte: deadline(reader, "first_byte"),
        head: deadline(reader, "head_time"),
        body_bytes_per_second_min: u32::try_from(size(reader, "body_rate").0).unwrap_or(u32::MAX),
        body_grace: deadline(reader, "body_grace"),
        keep_alive: deadline(reader, "keep_alive"),
        send_stall: deadline(reader, "send_stall"),
    }
}

fn deadline(reader: &mut Reader<'_>, key: &str) -> Duration {
    let deadline: Duration = reader.get(key);
    if deadline.is_zero() {
        reader.error(key, "no client is that fast", "write a duration above zero, such as \"10s\"");
    } else if deadline > Duration::from_secs(300) {
        reader.warning(key, "a slow client holds its connection for more than five minutes", "ten seconds do for most");
    }
    deadline
}

fn methods(reader: &mut Reader<'_>) -> Vec<Method> {
    let methods = reader.methods("methods");
    if methods.is_empty() {
        reader.error("methods", "no request could reach the app", "name at least \"GET\"");
    }
    for never in [Method::TRACE, Method::CONNECT] {
        if methods.contains(&never) {
            let message = format!("{never} never reaches an app: it echoes secrets or opens tunnels (CWE-693)");
            reader.error("methods", message, "leave it out");
        }
    }
    methods
}
