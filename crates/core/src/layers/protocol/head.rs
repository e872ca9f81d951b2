//! Header fields: which are forged by their nature, which can be read in two ways.

use crate::policy::{FromValue, Wrong};
use toml::de::DeValue;

/// Fields that apps take for the word of a proxy. From a client they are forged.
pub(super) const DROPPED: &str = r#"[
    "proxy",
    "remote-user", "remote-email", "remote-groups", "remote-name", "remote-addr", "remote-host",
    "x-remote-*", "x-auth-request-*", "x-auth-user*", "x-authenticated-*", "x-authentik-*", "x-webauth-*", "x-pomerium-*",
    "x-goog-authenticated-*", "x-amzn-oidc-*", "x-ms-client-principal*", "cf-access-*",
    "x-ssl-*", "ssl-client-*", "x-client-cert*", "client-cert", "client-cert-chain",
    "x-script-name", "script-name", "path-info", "x-url-scheme", "front-end-https", "x-proxy-user",
    "x-original-*", "x-rewrite-url", "x-host",
    "x-http-method-override", "x-http-method", "x-method-override",
    "x-client-ip", "client-ip", "true-client-ip", "x-cluster-client-ip", "cf-connecting-ip", "fastly-client-ip",
    "x-originating-ip",
]"#;

/// A set of header names, some by their beginning.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// In lower case, sorted.
    exact: Vec<String>,
    prefixes: Vec<String>,
    /// The letters they begin with, a bit each: most fields of most requests are none of them at the first look.
    initials: u32,
}

impl Names {
    pub(super) fn contains(&self, name: &str) -> bool {
        if self.initials & initial(name) == 0 {
            return false;
        }
        self.exact.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
            || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }
}

impl FromValue for Names {
    fn from_value(value: &DeValue<'_>) -> Result<Self, Wrong> {
        let written: Vec<String> = Vec::from_value(value)?;
        let mut names = Self::default();
        for name in written {
            let name = name.to_ascii_lowercase();
            match name.strip_suffix('*') {
                Some("") => {
                    return Err(Wrong::new("`*` alone would drop every header field", "write a beginning, such as \"x-auth-*\""));
                }
                Some(prefix) => names.prefixes.push(prefix.to_owned()),
                None => names.exact.push(name.clone()),
            }
            names.initials |= initial(&name);
        }
        names.exact.sort_unstable();
        Ok(names)
    }
}

/// A bit for the first byte: one for each letter in lower case, one for all else.
fn initial(name: &str) -> u32 {
    match name.as_bytes().first() {
        Some(letter @ b'a'..=b'z') => 1 << (letter - b'a'),
        _ => 1 << 31,
    }
}

/// Whether WSGI, CGI and every proxy read the name in the same way: letters, digits and `-` (RFC 3875 section 4.1.18
/// turns `-` into `_`, so `X_User` becomes the same variable as `X-User`).
pub(super) fn is_plain(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
