//! What is attacked, and the rule that it is this machine or somebody answers for it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use crate::Error;

/// Scheme, host and port: all that an origin is (RFC 6454).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `https` rather than `http`.
    pub https: bool,
    /// Host name or address as in a URL, without brackets.
    pub host: String,
    /// Port, always explicit.
    pub port: u16,
}

impl Origin {
    /// Reads `http://host[:port][/]`; a path other than `/` is an error, as attacks choose their own paths.
    pub fn parse(text: &str) -> Result<Origin, Error> {
        Self::read(text.trim_end_matches('/')).ok_or_else(|| Error::Address(text.to_owned()))
    }

    fn read(text: &str) -> Option<Origin> {
        let (https, rest) = match text.split_once("://")? {
            ("https", rest) => (true, rest),
            ("http", rest) => (false, rest),
            _ => return None,
        };
        let default = if https { 443 } else { 80 };
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, if port.is_empty() { default } else { port.strip_prefix(':')?.parse().ok()? })
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (rest, default),
            },
        };
        let sound = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
        sound.then(|| Origin { https, host: host.to_ascii_lowercase(), port })
    }

    /// `host[:port]` as a browser writes it in `Host`.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let default = if self.https { 443 } else { 80 };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.authority())
    }
}

/// A running app, resolved once: later answers of the resolver cannot move the attack elsewhere.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where the app is.
    pub origin: Origin,
    /// Where the same app answers over plain HTTP, if anywhere; usually it only redirects from there.
    pub plain: Option<Origin>,
    /// Who allowed the attack, recorded in the report.
    pub authorized_by: Option<String>,
    pub(crate) address: SocketAddr,
    pub(crate) plain_address: Option<SocketAddr>,
}

impl Target {
    /// Resolves `origin` (and `plain`). An address that is not loopback is refused unless `authorized_by` names somebody.
    pub fn new(origin: &str, plain: Option<&str>, authorized_by: Option<&str>) -> Result<Target, Error> {
        Self::found(origin, plain, None, authorized_by)
    }

    /// The same app at this address, whatever its name resolves to: a public name before it is public.
    pub fn at(address: IpAddr, origin: &str, plain: Option<&str>, authorized_by: Option<&str>) -> Result<Target, Error> {
        Self::found(origin, plain, Some(address), authorized_by)
    }

    fn found(origin: &str, plain: Option<&str>, at: Option<IpAddr>, authorized_by: Option<&str>) -> Result<Target, Error> {
        let allowed = authorized_by.is_some_and(|name| !name.trim().is_empty());
        let find = |origin: &Origin| match at {
            None => resolve(origin, allowed),
            Some(address) => permitted(origin, &[SocketAddr::new(address, origin.port)], allowed),
        };
        let origin = Origin::parse(origin)?;
        let plain = plain.map(Origin::parse).transpose()?;
        let plain_address = plain.as_ref().map(find).transpose()?;
        Ok(Target { address: find(&origin)?, plain_address, origin, plain, authorized_by: authorized_by.map(str::to_owned) })
    }
}

/// The first address of a host, when all of them may be attacked.
fn resolve(origin: &Origin, allowed: bool) -> Result<SocketAddr, Error> {
    let host = origin.host.as_str();
    if host == "localhost" || host.ends_with(".localhost") {
        // RFC 6761: these names are loopback everywhere, whatever a resolver says.
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), origin.port));
    }
    let addresses = (host, origin.port).to_socket_addrs().map_err(|source| Error::Resolve { host: host.to_owned(), source })?;
    permitted(origin, &addresses.collect::<Vec<_>>(), allowed)
}

fn permitted(origin: &Origin, addresses: &[SocketAddr], allowed: bool) -> Result<SocketAddr, Error> {
    let host = origin.host.clone();
    let stranger = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
    if let (Some(stranger), false) = (stranger, allowed) {
        return Err(Error::NotLoopback { host, address: stranger.ip() });
    }
    addresses.first().copied().ok_or(Error::Resolve { host, source: std::io::ErrorKind::NotFound.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_and_written_as_browsers_do() {
        for (text, written) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("https://Localhost:443/", "https://localhost"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://a-b.example", "https://a-b.example"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_not_an_origin_is_refused() {
        for text in
            ["", "127.0.0.1", "ftp://x", "http://", "http://a/b", "http://u@h", "http://h:99999", "http://[::1", "http://h:1:2"]
        {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_loopback_without_a_name() {
        for text in [
            "http://127.0.0.1",
            "http://127.9.9.9",
            "http://localhost",
            "http://app.localhost:1",
            "http://[::1]",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(Target::new(text, None, None).is_ok(), "{text}");
        }
        for text in ["http://192.0.2.1", "http://0.0.0.0", "http://[2001:db8::1]", "http://[::ffff:192.0.2.1]"] {
            assert!(matches!(Target::new(text, None, None), Err(Error::NotLoopback { .. })), "{text}");
            assert!(Target::new(text, None, Some(" ")).is_err(), "{text}");
            assert_eq!(Target::new(text, None, Some("Ada")).unwrap().authorized_by.as_deref(), Some("Ada"));
        }
        assert!(Target::at(IpAddr::from([127, 0, 0, 1]), "https://shop.example", None, None).is_ok());
        assert!(Target::at(IpAddr::from([192, 0, 2, 1]), "https://localhost", None, None).is_err());
        assert!(matches!(Target::new("http://127.0.0.1", Some("http://192.0.2.1"), None), Err(Error::NotLoopback { .. })));
    }
}
