//! URLs toward places only the server can reach (CWE-918): loopback, private networks, the metadata services of clouds.
//!
//! Only a value that as a whole is a URL counts; a link in a text is content. Addresses are read as `inet_aton` and browsers read them:
//! decimal, octal, hexadecimal, shortened, IPv6 that holds IPv4, names that resolve to what they spell.

use crate::{
    finding::{Judging, Rule, Text, Where},
    marks::Marks,
};
use std::net::{Ipv4Addr, Ipv6Addr};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 918, about }
}

const METADATA: Rule = rule("url.metadata", 9, "the metadata service of a cloud");
const HIDDEN: Rule = rule("url.hidden-address", 8, "an internal address spelled so that filters miss it");
const LOOPBACK: Rule = rule("url.loopback", 6, "this machine");
const PRIVATE: Rule = rule("url.private", 6, "an address of a private network");
const SCHEME: Rule = rule("url.scheme", 7, "a scheme that makes libraries read files or speak other protocols");
const SCHEME_WEAK: Rule = rule("url.scheme-weak", 4, "a scheme no visitor needs to send");
const USERINFO: Rule = rule("url.confusing-host", 5, "an address whose host two readers may see differently");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[METADATA, HIDDEN, LOOPBACK, PRIVATE, SCHEME, SCHEME_WEAK, USERINFO];

/// A scheme has a colon; an address without one begins with slashes.
pub(crate) const NEEDS: Marks = Marks::COLON.or(Marks::SLASH);

/// The longest URL read.
const URL_BYTES_MAX: usize = 4096;

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    // What browsers and proxies say of themselves is checked elsewhere.
    if !matches!(text.place, Where::Value | Where::Markdown | Where::Markup | Where::FileName) {
        return;
    }
    let value = text.bytes.trim_ascii();
    if value.len() > URL_BYTES_MAX || !judging.spend(value.len().min(64)) {
        return;
    }
    if let Some(rule) = url(value) {
        judging.found(rule, text, 0..text.bytes.len());
    }
}

fn url(value: &[u8]) -> Option<&'static Rule> {
    let (scheme, rest) = split_scheme(value)?;
    // A sentence is no URL.
    if rest.iter().take(300).any(|b| matches!(b, b' ' | b'\t' | b'\n')) {
        return None;
    }
    if let Some(rule) = dangerous(&scheme, rest) {
        return Some(rule);
    }
    if !matches!(scheme.as_slice(), b"" | b"http" | b"https" | b"ftp" | b"ws" | b"wss" | b"url") {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let slashes = rest.iter().take_while(|b| matches!(b, b'/' | b'\\')).count();
    if slashes < 2 && !(slashes <= 1 && !scheme.is_empty() && scheme != b"url") {
        return None;
    }
    let rest = rest.get(slashes..)?;
    let authority = rest.get(..rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#' | b'\\')).unwrap_or(rest.len()))?;
    let (user, host) = match memchr::memrchr(b'@', authority) {
        Some(at) => (true, authority.get(at + 1..)?),
        None => (false, authority),
    };
    let confusing = user || (rest.get(authority.len()) == Some(&b'\\') && memchr::memchr(b'@', rest).is_some());
    match host_kind(without_port(host)) {
        Some(rule) => Some(rule),
        None if confusing && looks_like_host(authority) => Some(&USERINFO),
        None => None,
    }
}

/// The scheme in small letters, and what follows its colon; a URL without one begins with two slashes.
fn split_scheme(value: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if value.starts_with(b"//") {
        return Some((Vec::new(), value));
    }
    let length =
        value.iter().take(24).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_')).count();
    let rest = value.get(length..)?.strip_prefix(b":")?;
    let first = value.first()?.is_ascii_alphabetic();
    (first && length >= 2).then(|| (value.get(..length).unwrap_or_default().to_ascii_lowercase(), rest))
}

/// Schemes that are harmful whatever they lead to.
fn dangerous(scheme: &[u8], rest: &[u8]) -> Option<&'static Rule> {
    match scheme {
        b"gopher" | b"dict" | b"netdoc" | b"expect" | b"phar" | b"php" | b"local_file" | b"jar" => {
            (rest.starts_with(b"/") || scheme == b"jar").then_some(&SCHEME)
        }
        // With slashes alone it names no file: who searches for `file:///` asks what that is.
        b"file" => (rest.starts_with(b"/") && rest.iter().any(|b| *b != b'/')).then_some(&SCHEME),
        b"ldap" | b"ldaps" | b"tftp" | b"rmi" | b"smb" | b"jndi" | b"ssh2.exec" => {
            rest.starts_with(b"//").then_some(&SCHEME_WEAK)
        }
        _ => None,
    }
}

/// The host without its port.
fn without_port(host: &[u8]) -> &[u8] {
    if host.starts_with(b"[") {
        return host.get(..memchr::memchr(b']', host).map_or(host.len(), |at| at + 1)).unwrap_or(host);
    }
    host.get(..memchr::memchr(b':', host).unwrap_or(host.len())).unwrap_or(host)
}

/// Whether what stands before an `@` is itself written like a host: `https://bank.example@evil.example`.
fn looks_like_host(authority: &[u8]) -> bool {
    let user = authority.get(..memchr::memchr(b'@', authority).unwrap_or(authority.len())).unwrap_or_default();
    memchr::memchr(b'.', user).is_some()
}

/// What a host is.
fn host_kind(host: &[u8]) -> Option<&'static Rule> {
    let host = host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase();
    if let Some(inner) = host.strip_prefix(b"[") {
        let address = std::str::from_utf8(inner.strip_suffix(b"]").unwrap_or(inner)).ok()?;
        return ipv6(address.split('%').next()?.parse().ok()?);
    }
    if let Some((address, plain)) = ipv4(&host) {
        return ipv4_kind(address).map(|rule| if plain || rule.score > HIDDEN.score { rule } else { &HIDDEN });
    }
    name(&host)
}

/// An IPv4 address as `inet_aton` reads it, and whether it is written in the usual way.
fn ipv4(host: &[u8]) -> Option<(Ipv4Addr, bool)> {
    let text = std::str::from_utf8(host).ok()?;
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() > 4 || host.is_empty() {
        return None;
    }
    let numbers = parts.iter().map(|part| number(part)).collect::<Option<Vec<u32>>>()?;
    let (last, first) = numbers.split_last()?;
    let mut value = 0_u32;
    for number in first {
        value = value.checked_mul(256)?.checked_add(u8::try_from(*number).ok().map(u32::from)?)?;
    }
    let room = 8 * (4 - first.len() as u32);
    if room < 32 && u64::from(*last) >= 1 << room {
        return None;
    }
    let high = if room == 32 { 0 } else { value.checked_shl(room)? };
    Some((Ipv4Addr::from(high | last), text.parse::<Ipv4Addr>().is_ok()))
}

/// A number in decimal, octal (`0177`) or hexadecimal (`0x7f`).
fn number(part: &str) -> Option<u32> {
    let (digits, radix) = match part {
        "0" => (part, 10),
        _ if part.starts_with("0x") => (part.get(2..)?, 16),
        _ if part.starts_with('0') => (part.get(1..)?, 8),
        _ => (part, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

fn ipv4_kind(address: Ipv4Addr) -> Option<&'static Rule> {
    match address.octets() {
        [169, 254, 169, 254] | [169, 254, 170, 2] | [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => {
            Some(&METADATA)
        }
        [127 | 0, ..] => Some(&LOOPBACK),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [169, 254, ..] | [100, 64..=127, ..] | [198, 18 | 19, ..] => {
            Some(&PRIVATE)
        }
        [first, ..] => (first >= 224).then_some(&PRIVATE),
    }
}

fn ipv6(address: Ipv6Addr) -> Option<&'static Rule> {
    let segments = address.segments();
    let embedded = match segments {
        [0, 0, 0, 0, 0, 0xffff | 0, a, b] if (a, b) != (0, 0) && (a, b) != (0, 1) => Some((a, b)),
        [0x64, 0xff9b, 0, 0, 0, 0, a, b] => Some((a, b)),
        [0x2002, a, b, ..] => Some((a, b)),
        _ => None,
    };
    if let Some((a, b)) = embedded {
        let rule = ipv4_kind(Ipv4Addr::from(u32::from(a) << 16 | u32::from(b)))?;
        return Some(if rule.score > HIDDEN.score { rule } else { &HIDDEN });
    }
    match segments {
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Some(&METADATA),
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Some(&LOOPBACK),
        [0xfc00..=0xfdff, ..] | [0xfe80..=0xfebf, ..] => Some(&PRIVATE),
        _ => None,
    }
}

/// Names for this machine, for metadata services, and names that resolve to the address they spell.
fn name(host: &[u8]) -> Option<&'static Rule> {
    match host {
        b"localhost"
        | b"localhost.localdomain"
        | b"localhost6"
        | b"ip6-localhost"
        | b"ip6-loopback"
        | b"host.docker.internal" => Some(&LOOPBACK),
        b"metadata.google.internal" | b"metadata" | b"instance-data" | b"metadata.azure.com" | b"instance-data.ec2.internal" => {
            Some(&METADATA)
        }
        b"kubernetes.default.svc" | b"kubernetes.default" | b"kubernetes.default.svc.cluster.local" => Some(&PRIVATE),
        _ if host.ends_with(b".localhost") => Some(&LOOPBACK),
        _ if host.ends_with(b".cluster.local") => Some(&PRIVATE),
        _ if [&b"localtest.me"[..], b"lvh.me", b"vcap.me", b"lacolhost.com"].iter().any(|n| host.ends_with(n)) => Some(&HIDDEN),
        _ => spelled(host),
    }
}

/// `127.0.0.1.nip.io`, `app-10-0-0-1.sslip.io`, `7f000001.nip.io`.
fn spelled(host: &[u8]) -> Option<&'static Rule> {
    let service =
        [&b".nip.io"[..], b".sslip.io", b".xip.io", b".rbndr.us", b".1u.ms"].iter().find_map(|s| host.strip_suffix(*s))?;
    let dotted: Vec<u8> = service.iter().map(|b| if *b == b'-' { b'.' } else { *b }).collect();
    let mut rest = dotted.as_slice();
    for _ in 0..8 {
        if let Some((address, _)) = ipv4(rest).filter(|_| rest.iter().filter(|b| **b == b'.').count() == 3) {
            return ipv4_kind(address).map(|_| &HIDDEN);
        }
        rest = rest.get(memchr::memchr(b'.', rest)? + 1..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn every_spelling_of_loopback_is_one() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::127.0.0.1]",
            "localhost.",
            "LOCALHOST",
            "a@127.0.0.1",
            "0",
            "127.0.0.1.nip.io",
            "x.127-0-0-1.sslip.io",
            "[64:ff9b::7f00:1]",
        ] {
            assert!(url(format!("http://{host}:80/x").as_bytes()).is_some_and(|r| r.score >= 5), "{host}");
        }
    }

    #[test]
    fn public_hosts_pass() {
        for value in [
            "https://example.com/",
            "http://93.184.216.34/",
            "https://[2606:2800:220:1::1]/",
            "//cdn.example.com/x.js",
            "https://anna:pw@example.com/",
            "mailto:a@b.c",
            "see http://127.0.0.1/ for more",
            "http: 127.0.0.1 is local",
            "https://127.0.0.1.example.com/",
            "https://1.example/",
            "C:/x",
            "12:30",
        ] {
            assert!(url(value.as_bytes()).is_none_or(|r| r.score < 5), "{value}");
        }
    }
}
