//! Origins as policies name them and as browsers send them (RFC 6454 section 6.2).
//!
//! A browser writes an origin in exactly one way. So a name in the policy must be written that way too, and comparing is comparing
//! text: nothing of what a client sends is parsed, unescaped or normalised on the way to a decision.

use crate::policy::{FromText, Wrong};
use std::net::{Ipv4Addr, Ipv6Addr};

/// One origin: `https://app.example.com`, with the port only when it is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// One origin, or all that are one label below a name: `https://*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPattern {
    /// What the origin begins with, or all of it.
    head: String,
    /// What it ends with after one label; `None` when `head` is all of it.
    below: Option<String>,
}

impl Origin {
    /// As browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its pages come unencrypted over a network, so that anybody on their way can put words into them.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        is_plain(&self.0)
    }

    /// Whether a URL is of this origin: the origin, then its path, query or nothing.
    #[must_use]
    pub fn begins(&self, url: &str) -> bool {
        is_prefix(&self.0, url)
    }
}

/// Whether a URL begins with an origin, and not with a longer one that only looks alike.
#[must_use]
pub fn is_prefix(origin: &str, url: &str) -> bool {
    let rest = url.strip_prefix(origin);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

impl OriginPattern {
    /// Whether an `Origin` field's value is named by this pattern. `null` never is.
    #[must_use]
    pub fn matches(&self, origin: &str) -> bool {
        let Some(below) = &self.below else { return origin == self.head };
        let label = origin.strip_prefix(&self.head).and_then(|rest| rest.strip_suffix(below));
        label.is_some_and(is_label)
    }

    /// Whether it names more than one origin.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        self.below.is_some()
    }

    /// Like [`Origin::is_plain`].
    #[must_use]
    pub fn is_plain(&self) -> bool {
        is_plain(&self.head)
    }
}

fn is_plain(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://") else { return false };
    let own = |host: &str| authority.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    !["localhost", "127.0.0.1", "[::1]"].into_iter().any(own)
}

const HELP: &str = "write it as the browser does, such as \"https://app.example.com\" or \"https://app.example.com:8443\"";

impl FromText for Origin {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(format!("`{text}` {why}"), HELP);
        let (scheme, authority) = split(text).map_err(wrong)?;
        check_authority(scheme, authority).map_err(wrong)?;
        Ok(Self(text.to_owned()))
    }
}

impl FromText for OriginPattern {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(format!("`{text}` {why}"), HELP);
        let (scheme, authority) = split(text).map_err(wrong)?;
        let Some(parent) = authority.strip_prefix("*.") else {
            return Origin::from_text(text).map(|origin| Self { head: origin.0, below: None });
        };
        check_authority(scheme, parent).map_err(wrong)?;
        if !parent.contains('.') {
            return Err(wrong("would name every site below a top-level domain"));
        }
        Ok(Self { head: format!("{scheme}://"), below: Some(format!(".{parent}")) })
    }
}
crate::value_from_text!(Origin, OriginPattern);

fn split(text: &str) -> Result<(&str, &str), &'static str> {
    if text == "null" {
        return Err("is what sandboxed frames and local files send: it names anybody");
    }
    let (scheme, authority) = text.split_once("://").ok_or("has no scheme")?;
    let plain = scheme.starts_with(|c: char| c.is_ascii_lowercase());
    if !plain || !scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b)) {
        return Err("has no scheme in lower case");
    }
    Ok((scheme, authority))
}

fn check_authority(scheme: &str, authority: &str) -> Result<(), &'static str> {
    if !authority.is_ascii() {
        return Err("is not ASCII: international names are written in punycode (xn--…)");
    }
    if authority.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("has capitals: browsers write hosts in lower case");
    }
    if authority.contains(['/', '?', '#']) {
        return Err("has more than scheme, host and port");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    check_port(scheme, port)?;
    if is_host(host) { Ok(()) } else { Err("has no valid host name") }
}

fn check_port(scheme: &str, port: Option<&str>) -> Result<(), &'static str> {
    let Some(port) = port else { return Ok(()) };
    let number: Option<u16> = port.parse().ok().filter(|number: &u16| *number > 0 && number.to_string() == port);
    match (scheme, number) {
        (_, None) => Err("has no valid port"),
        ("https", Some(443)) | ("http", Some(80)) => Err("has the scheme's own port, which browsers leave out"),
        _ => Ok(()),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok_and(|address| address.to_string() == inner);
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let inside = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (1..=63).contains(&text.len()) && inside && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        for text in ["https://a.example", "http://localhost:3000", "https://[::1]:8443", "https://xn--bcher-kva.example"] {
            assert!(Origin::from_text(text).is_ok(), "{text}");
        }
        for text in [
            "null",
            "",
            "*",
            "https://",
            "a.example",
            "//a.example",
            "https://a.example/",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example:08443",
            "https://a.example:",
            "https://a.example:65536",
            "https://A.example",
            "HTTPS://a.example",
            "https://bücher.example",
            "https://a.example.",
            "https://a..example",
            "https://u@a.example",
            "https://a_b.example",
            "https://a.example`.b",
            "https://*.example",
            "https://1.2.3",
            "https://[::0:1]",
            "https://a.example\r\nx: y",
        ] {
            assert!(Origin::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wildcard_is_one_label() {
        let pattern = OriginPattern::from_text("https://*.app.example:8443").unwrap();
        assert!(pattern.is_wildcard());
        assert!(pattern.matches("https://a.app.example:8443"));
        for text in [
            "https://app.example:8443",
            "https://.app.example:8443",
            "https://a.b.app.example:8443",
            "https://evilapp.example:8443",
            "http://a.app.example:8443",
            "https://a.app.example",
            "https://a.app.example:84430",
            "https://evil.test/.app.example:8443",
            "https://evil.test#.app.example:8443",
            "https://a@b.app.example:8443",
            "https://a_.app.example:8443",
            "https://A.app.example:8443",
        ] {
            assert!(!pattern.matches(text), "{text}");
        }
        assert!(OriginPattern::from_text("https://*.com").is_err());
        assert!(OriginPattern::from_text("https://*").is_err());
        assert!(OriginPattern::from_text("https://a.*.com").is_err());
    }

    #[test]
    fn a_url_of_an_origin_ends_its_authority_there() {
        assert!(is_prefix("https://a.example", "https://a.example/x?y"));
        assert!(is_prefix("https://a.example", "https://a.example"));
        for url in
            ["https://a.example.evil.test/", "https://a.example:8443/", "https://a.example@evil.test/", "https://a.example\\x"]
        {
            assert!(!is_prefix("https://a.example", url), "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = OriginPattern::from_text(&text);
        }

        #[test]
        fn an_origin_names_itself_alone(
            text in "(https?|ftp)://([a-z*.@:/-]|[a-z]{3}\\.[a-z]{3}|\\[::1\\]|:8443|:443){1,4}",
            other in "(https?|ftp)://([a-z*.@:/-]|[a-z]{3}\\.[a-z]{3}|\\[::1\\]|:8443|:443){1,4}",
        ) {
            if let Ok(origin) = Origin::from_text(&text) {
                let pattern = OriginPattern::from_text(&text).unwrap();
                prop_assert_eq!(origin.as_str(), &text);
                prop_assert!(pattern.matches(&text));
                prop_assert_eq!(pattern.matches(&other), text == other);
                prop_assert_eq!(pattern.matches(&format!("{text}.")), false);
                prop_assert_eq!(pattern.matches(&format!(" {text}")), false);
                prop_assert!(!pattern.matches(&text.to_uppercase()));
                prop_assert_eq!(origin.begins(&format!("{text}/a?b")), true);
                prop_assert_eq!(origin.begins(&format!("{text}@evil.test/")), false);
            }
        }
    }
}
