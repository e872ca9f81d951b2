//! Host names as TLS sees them: exact names, one-label wildcards and addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::TlsError;

/// A name a certificate may cover, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Host {
    /// `shop.example.com`.
    Name(String),
    /// `*.example.com`, kept as `example.com`. Stands for exactly one label (RFC 6125 section 6.4.3).
    Wildcard(String),
    /// An address. Clients send no SNI for it (RFC 6066 section 3).
    Address(IpAddr),
}

impl FromStr for Host {
    type Err = TlsError;

    fn from_str(text: &str) -> Result<Self, TlsError> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Address(address));
        }
        let lower = text.to_ascii_lowercase();
        let (wildcard, name) = match lower.strip_prefix("*.") {
            Some(parent) => (true, parent),
            None => (false, lower.as_str()),
        };
        if !is_dns_name(name) || (wildcard && !name.contains('.')) {
            return Err(TlsError::HostName { host: text.into() });
        }
        Ok(match wildcard {
            true => Self::Wildcard(name.into()),
            false => Self::Name(name.into()),
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Wildcard(parent) => write!(f, "*.{parent}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Host {
    /// Whether a certificate for `self` is good for `wanted`.
    pub(crate) fn covers(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Wildcard(parent), Self::Name(name)) => parent_of(name) == Some(parent),
            _ => self == wanted,
        }
    }
}

/// Everything after the first label.
pub(crate) fn parent_of(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

/// Letter-digit-hyphen labels of 1 to 63 bytes, 253 in all (RFC 1123). `_` is let through: internal names use it.
fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap()
    }

    #[test]
    fn names_wildcards_and_addresses_are_told_apart() {
        assert_eq!(host("Shop.Example.COM"), Host::Name("shop.example.com".into()));
        assert_eq!(host("*.example.com"), Host::Wildcard("example.com".into()));
        assert_eq!(host("[::1]"), Host::Address("::1".parse().unwrap()));
        assert_eq!(host("127.0.0.1").to_string(), "127.0.0.1");
        for bad in ["", "a..b", "*.com", "a*.example.com", "*.*.example.com", "-a.example", "a b", "example.com."] {
            assert!(bad.parse::<Host>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        let wildcard = host("*.example.com");
        assert!(wildcard.covers(&host("a.example.com")));
        assert!(!wildcard.covers(&host("a.b.example.com")));
        assert!(!wildcard.covers(&host("example.com")));
        assert!(wildcard.covers(&host("*.example.com")));
        assert!(!host("a.example.com").covers(&host("b.example.com")));
    }
}
