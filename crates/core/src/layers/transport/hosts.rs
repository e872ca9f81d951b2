//! The hosts an app answers to.

use std::net::{IpAddr, Ipv6Addr};

/// Host names, exact and by wildcard, and addresses.
#[derive(Debug, Default, Clone)]
pub(super) struct Hosts {
    /// In lower case; IPv6 addresses in brackets, in their shortest form.
    exact: Vec<String>,
    /// `.example.com` for `*.example.com`.
    suffixes: Vec<String>,
}

impl Hosts {
    pub(super) fn new(written: &[String]) -> Self {
        let mut hosts = Self::default();
        for host in written {
            match host.strip_prefix('*') {
                Some(suffix) => hosts.suffixes.push(suffix.to_ascii_lowercase()),
                None => hosts.exact.push(canonical(host)),
            }
        }
        hosts
    }

    /// Whether a host, in the form requests have it, is one of them. A wildcard stands for exactly one label
    /// (RFC 6125 section 6.4.3), so that one for `*.example.com` does not cover `a.b.example.com`.
    pub(super) fn contains(&self, host: &str) -> bool {
        let one_label =
            |suffix: &String| host.strip_suffix(suffix.as_str()).is_some_and(|label| !label.is_empty() && !label.contains('.'));
        self.exact.iter().any(|known| known == host) || self.suffixes.iter().any(one_label)
    }

    /// Whether a host as written in a policy, wildcard or not, is covered.
    pub(super) fn covers(&self, written: &str) -> bool {
        match written.strip_prefix('*') {
            Some(suffix) => self.suffixes.iter().any(|known| known.eq_ignore_ascii_case(suffix)),
            None => self.contains(&canonical(written)),
        }
    }
}

/// Lower case; `::1` and `[0::1]` as `[::1]`.
fn canonical(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_ascii_lowercase(),
    }
}

/// Whether a host, in the form requests have it, is an address.
pub(super) fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
}

/// Whether a host is this machine: `localhost` and what is below it (RFC 6761 section 6.3).
pub(super) fn is_local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

/// Whether an authority may know the name: not an address, not this machine, with a dot in it.
pub(super) fn is_public(host: &str) -> bool {
    let special = [".localhost", ".local", ".internal", ".test", ".example", ".invalid", ".home.arpa"];
    host.contains('.') && !is_address(host) && !special.iter().any(|suffix| host.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_whole() {
        let hosts = Hosts::new(&["Shop.Example".into(), "*.example.com".into(), "127.0.0.1".into(), "[0::1]".into()]);
        for good in ["shop.example", "a.example.com", "127.0.0.1", "[::1]"] {
            assert!(hosts.contains(good), "{good}");
        }
        for bad in [
            "",
            "example",
            "xshop.example",
            "shop.example.evil",
            "a.b.example.com",
            "example.com",
            ".example.com",
            "127.0.0.2",
            "::1",
        ] {
            assert!(!hosts.contains(bad), "{bad}");
        }
        assert!(hosts.covers("*.example.com") && hosts.covers("::1") && !hosts.covers("*.example"));
    }

    #[test]
    fn only_public_names_get_public_certificates() {
        assert!(is_public("shop.example.com"));
        for host in ["localhost", "a.localhost", "127.0.0.1", "[::1]", "intranet", "printer.local"] {
            assert!(!is_public(host), "{host}");
        }
    }
}
