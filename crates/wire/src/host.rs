//! What a Host may look like.

/// Bytes a host name may have.
#[expect(clippy::indexing_slicing, reason = "evaluated while compiling: a wrong index is a compile error")]
static NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        byte += 1;
    }
    table
};

/// Whether `value` is `host` or `host:port` as a browser sends it: a name of letters, digits, `-`, `.`, `_`, an IPv4 address, or a
/// bracketed IPv6 address; a port of 1 to 5 digits up to 65535.
///
/// Narrower than RFC 3986, which also allows percent-encoding and `!$&'()*+,;=` in a name: no DNS name has them, and apps
/// that build links from Host have been poisoned with them (CWE-644). An empty host is refused too.
pub fn is_valid_host(value: &[u8]) -> bool {
    let (host, port) = match value {
        [b'[', rest @ ..] => match memchr::memchr(b']', rest).and_then(|end| rest.split_at_checked(end)) {
            Some((address, [_, port @ ..])) if is_ipv6(address) => (None, port),
            _ => return false,
        },
        _ => {
            let end = memchr::memchr(b':', value).unwrap_or(value.len());
            let (name, port) = value.split_at(end);
            (Some(name), port)
        }
    };
    host.is_none_or(is_name) && (port.is_empty() || port.strip_prefix(b":").is_some_and(is_port))
}

fn is_name(name: &[u8]) -> bool {
    let known_bytes = name.iter().all(|b| NAME_BYTES.get(usize::from(*b)).copied().unwrap_or_default());
    let empty_label = name.starts_with(b".") || memchr::memmem::find(name, b"..").is_some();
    known_bytes && !empty_label && (1..=255).contains(&name.len())
}

fn is_ipv6(address: &[u8]) -> bool {
    std::str::from_utf8(address).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_port(port: &[u8]) -> bool {
    let digits = (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit);
    digits && port.iter().fold(0_u32, |n, digit| n * 10 + u32::from(digit - b'0')) <= 65_535
}

#[cfg(test)]
mod tests {
    use super::is_valid_host;

    #[test]
    fn hosts() {
        for good in [
            "localhost",
            "a.example:8443",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:65535",
            "xn--bcher-kva.example",
            "my_app",
            "example.com.",
        ] {
            assert!(is_valid_host(good.as_bytes()), "{good}");
        }
        let bad = [
            "",
            ":80",
            "a:",
            "a:x",
            "a:65536",
            "a:000080",
            "a:80:80",
            "a b",
            "user@a",
            "a/b",
            "a,b",
            "a%2eb",
            "[::1",
            "[::1]x",
            "[]",
            "[zz]",
            "::1",
            "a..b",
            ".a",
            "a\\b",
            "a?b",
            "a#b",
            "b\u{fc}cher.example",
            "a;b",
            "[::1%25eth0]",
        ];
        for host in bad {
            assert!(!is_valid_host(host.as_bytes()), "{host}");
        }
    }
}
