//! Host names as a policy writes them.

use super::{FromText, Wrong};
use std::net::{Ipv4Addr, Ipv6Addr};

/// `shop.example.com`, `*.example.com` (any one label below), `127.0.0.1`, `[::1]`: in the form requests have it.
pub(super) struct HostName(pub(super) String);

impl FromText for HostName {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let help = "write \"shop.example.com\", \"*.example.com\", \"192.0.2.7\" or \"[2001:db8::7]\"";
        let wrong = |message: String| Err(Wrong::new(message, help));
        if let Some(bare) = without_scheme_and_port(text) {
            return Err(Wrong::new(format!("`{text}` is more than a host name"), format!("write \"{bare}\"")));
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<Ipv6Addr>() {
            return Ok(Self(format!("[{address}]")));
        }
        if text == "*" {
            return Err(Wrong::new(
                "`*` would answer to any host",
                "name the hosts; `*.example.com` covers one label below a domain",
            ));
        }
        let name = text.strip_prefix("*.").unwrap_or(text);
        if !is_name(name) {
            let ascii = if text.is_ascii() { "" } else { "; international names are written as browsers send them, \"xn--...\"" };
            return wrong(format!("`{text}` is not a host name{ascii}"));
        }
        if name != text && !name.contains('.') {
            return wrong(format!("`{text}` would cover a whole top-level domain"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}
crate::value_from_text!(HostName);

/// What is left of `https://shop.example.com:8443/` when it was written where a name belongs.
fn without_scheme_and_port(text: &str) -> Option<&str> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or(rest);
    let bare = match rest.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            if name.contains(':') && !name.ends_with(']') { rest } else { name }
        }
        _ => rest,
    };
    (bare != text && !bare.is_empty()).then_some(bare)
}

/// Labels of letters, digits, `-` and `_` (RFC 1123; internal names have `_`).
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    // A name that ends in a number is read as an address (WHATWG URL section 3.5).
    let number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(label) && (!number || name.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_wildcards_and_addresses_are_hosts() {
        let read = |text| HostName::from_text(text).map(|host| host.0).unwrap();
        assert_eq!(read("Shop.Example.com"), "shop.example.com");
        assert_eq!(read("*.example.com"), "*.example.com");
        assert_eq!(read("::1"), "[::1]");
        assert_eq!(read("[0:0::1]"), "[::1]");
        for plain in ["localhost", "127.0.0.1", "my_app", "xn--bcher-kva.example"] {
            assert_eq!(read(plain), plain);
        }
    }

    #[test]
    fn what_is_more_than_a_host_is_cut_down_in_the_help() {
        for text in ["https://shop.example", "shop.example:8443", "https://shop.example:8443/a", "shop.example/"] {
            assert_eq!(HostName::from_text(text).err().unwrap().help, "write \"shop.example\"", "{text}");
        }
        assert_eq!(HostName::from_text("[::1]:8443").err().unwrap().help, "write \"[::1]\"");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "*",
            "*.com",
            "a..b",
            "-a.example",
            "a b",
            "*.*.example.com",
            "a.*.example",
            "bücher.example",
            "*.0.0.1",
            "127.1",
            "1.2.3.4.5",
            "example.com.",
        ] {
            assert!(HostName::from_text(text).is_err(), "{text}");
        }
    }
}
