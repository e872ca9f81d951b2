//! Who asks, for which host, by which scheme: from the connection and the head, and from a trusted proxy's word.
//!
//! Only a peer in `listen.trusted_proxies` is believed. What it says is read from the end: a proxy appends to what the
//! client wrote, so the last word is the nearest proxy's and everything before it may be forged (CWE-290, CWE-348).

use crate::{
    exchange::{Connection, Scheme},
    layers::Denial,
    policy::{Mode, Policy},
    record::shown,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The scheme a request came by: what a trusted proxy says of its own client, else what TLS says.
pub(super) fn scheme(policy: &Policy, connection: &Connection, headers: &HeaderMap) -> Scheme {
    match told(policy, connection, headers, "x-forwarded-proto") {
        Some(word) if word.eq_ignore_ascii_case("https") => Scheme::Https,
        Some(word) if word.eq_ignore_ascii_case("http") => Scheme::Http,
        _ if connection.tls.is_some() => Scheme::Https,
        _ => Scheme::Http,
    }
}

/// The client's address: the nearest one in `X-Forwarded-For` that is no trusted proxy, if the peer is one.
pub(super) fn client(policy: &Policy, connection: &Connection, headers: &HeaderMap) -> IpAddr {
    let mut client = connection.peer.to_canonical();
    let mut lines: Vec<&[u8]> = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes).collect();
    lines.reverse();
    for word in lines.iter().flat_map(|line| words_from_the_end(line)) {
        if !is_trusted(policy, client) {
            break;
        }
        let Some(address) = word.and_then(address) else { break };
        client = address.to_canonical();
    }
    client
}

/// The words of a list, the last first; `None` for one that is not text. Each is read by itself: what a client wrote before the
/// proxy's word on the same line must not take that word away.
fn words_from_the_end(line: &[u8]) -> impl Iterator<Item = Option<&str>> {
    line.rsplit(|byte| *byte == b',').map(|word| std::str::from_utf8(word).ok().map(str::trim))
}

/// An address, with or without port: `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port)
}

/// The host asked for, and its port when written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Authority {
    /// In lower case; an IPv6 address in its brackets.
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

/// What the policy's `protocol` layer found wrong with the host, and what to go on with when it only reports.
pub(super) type Read = Result<(Authority, Option<Box<Denial>>), Box<Denial>>;

/// Reads the host: `:authority` or that of an absolute target, else `Host`; a trusted proxy's word before both.
pub(super) fn authority(policy: &Policy, connection: &Connection, sent: Option<&str>, headers: &HeaderMap, mode: Mode) -> Read {
    let (own, denial) = match strict(sent, headers) {
        Ok(authority) => (authority, None),
        Err(denial) if mode == Mode::Enforce => return Err(denial),
        Err(denial) => (lenient(sent, headers), (mode == Mode::Report).then_some(denial)),
    };
    match told(policy, connection, headers, "x-forwarded-host") {
        Some(told) => parse(told.as_bytes(), "header x-forwarded-host").map(|authority| (authority, denial)),
        None => Ok((own, denial)),
    }
}

fn strict(sent: Option<&str>, headers: &HeaderMap) -> Result<Authority, Box<Denial>> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().map(|value| parse(value.as_bytes(), "header host")).transpose()?;
    if hosts.next().is_some() {
        return Err(malformed("repeated-host", "there is more than one Host (RFC 9112 section 3.2)"));
    }
    let sent = sent.map(|text| parse(text.as_bytes(), ":authority")).transpose()?;
    match (sent, host) {
        (Some(sent), Some(host)) if sent != host => {
            let why = "Host and the authority of the request differ (RFC 9113 section 8.3.1)";
            Err(malformed("authority-mismatch", why).at("header host", shown(host.host.as_bytes())))
        }
        (Some(authority), _) | (None, Some(authority)) => Ok(authority),
        (None, None) => Err(malformed("missing-host", "there is no host (RFC 9112 section 3.2)")),
    }
}

fn parse(bytes: &[u8], part: &str) -> Result<Authority, Box<Denial>> {
    std::str::from_utf8(bytes).ok().and_then(Authority::parse).ok_or_else(|| bad_host(part, bytes))
}

fn bad_host(part: &str, value: &[u8]) -> Box<Denial> {
    malformed("bad-host", "not a host name or address with an optional port (RFC 9110 section 7.2)").at(part, shown(value))
}

fn malformed(rule: &'static str, why: &'static str) -> Box<Denial> {
    Denial::new(rule, StatusCode::BAD_REQUEST, "This request does not say clearly which site it asks for.", why)
}

/// The host as it stands, for a layer that is off or only reports; empty when it cannot be told.
fn lenient(sent: Option<&str>, headers: &HeaderMap) -> Authority {
    let host = || headers.get(header::HOST).and_then(|value| value.to_str().ok());
    sent.or_else(host).and_then(Authority::parse).unwrap_or_default()
}

impl Authority {
    /// Reads `name`, `name:port`, `192.0.2.7`, `[2001:db8::7]:port`. Percent-encoding, user names and international
    /// letters are in no host that a browser sends, and apps have been poisoned with them (CWE-644).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) => (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), rest),
            None => {
                let (name, rest) = text.split_at_checked(text.find(':').unwrap_or(text.len()))?;
                (is_name(name).then(|| name.to_ascii_lowercase())?, rest)
            }
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => Some(parse_port(digits)?),
            None if port.is_empty() => None,
            None => return None,
        };
        Some(Self { host, port })
    }
}

fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253 && name.split('.').all(label)
}

fn parse_port(digits: &str) -> Option<u16> {
    let plain = (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|&port| plain && port != 0)
}

/// The last word of a trusted peer's header field; `None` when the peer is not trusted or says nothing.
fn told<'h>(policy: &Policy, connection: &Connection, headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    if !is_trusted(policy, connection.peer.to_canonical()) {
        return None;
    }
    let line = headers.get_all(name).iter().next_back()?;
    words_from_the_end(line.as_bytes()).next().flatten().filter(|word| !word.is_empty())
}

fn is_trusted(policy: &Policy, address: IpAddr) -> bool {
    policy.listen.trusted_proxies.iter().any(|network: &IpNet| network.contains(&address))
}

#[cfg(test)]
mod tests;
