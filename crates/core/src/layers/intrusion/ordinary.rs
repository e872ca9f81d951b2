//! What a detector cannot know to be ordinary, since it sees a value alone: what the value is called, and whose address it names.

use gambeson_detect::Finding;

/// What makes findings of one request ordinary.
#[derive(Debug)]
pub(super) struct Ordinary {
    /// The host and port that the request itself was sent to.
    own: String,
}

impl Ordinary {
    /// For a request to this origin.
    pub(super) fn at(origin: &str) -> Self {
        Self { own: authority(origin.as_bytes()).unwrap_or_default().to_ascii_lowercase() }
    }

    /// Whether what was found is what browsers and sign-in libraries send. `part` is what the log calls the place, `name` the
    /// parameter's name.
    pub(super) fn is(&self, finding: &Finding, part: &str, name: &str) -> bool {
        match finding.rule.name {
            // Of this app itself, or followed by the browser: not by the server (CWE-918 does not apply).
            "url.loopback" | "url.private" => self.is_own(&finding.excerpt) || is_followed(name),
            // A Referer is an address: the lines that a form had sent stand there, escaped.
            "header.break" => part == "header referer",
            // People and generators put quotes and dashes into passwords; what reads or writes more than that scores higher.
            _ => is_password(name) && finding.rule.score < PASSWORD_SCORE_MIN,
        }
    }

    fn is_own(&self, url: &[u8]) -> bool {
        authority(url.trim_ascii()).is_some_and(|other| other.eq_ignore_ascii_case(&self.own))
    }
}

/// From this score on nothing is ordinary in a password either: a tautology, a union, a second statement.
const PASSWORD_SCORE_MIN: u8 = 8;

fn is_password(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passwd", "passphrase", "pwd"].iter().any(|word| name.contains(word))
}

/// The authority of an `http` or `https` URL, without the scheme's own port. A URL that says more of it (`user@`) is no address of ours.
fn authority(url: &[u8]) -> Option<&str> {
    let (rest, port) = match url {
        _ if url.starts_with(b"https://") => (url.get(8..)?, ":443"),
        _ if url.starts_with(b"http://") => (url.get(7..)?, ":80"),
        _ => return None,
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\')).unwrap_or(rest.len());
    let authority = std::str::from_utf8(rest.get(..end)?).ok()?;
    Some(authority.strip_suffix(port).unwrap_or(authority))
}

/// Names of addresses that an answer sends the browser to: OAuth 2.0 and OpenID Connect (RFC 6749, RFC 8252 section 7.3: native apps
/// listen on loopback), SAML, logins, payments.
fn is_followed(name: &str) -> bool {
    const NAMES: [&str; 16] = [
        "redirect_uri",
        "redirect_uris",
        "post_logout_redirect_uri",
        "redirecturi",
        "redirect_to",
        "redirect",
        "next",
        "return_to",
        "returnto",
        "return_url",
        "returnurl",
        "continue",
        "success_url",
        "cancel_url",
        "relaystate",
        "target_link_uri",
    ];
    let last =
        name.rsplit(['.', '[', '/']).find(|word| !word.is_empty() && !word.starts_with(|first: char| first.is_ascii_digit()));
    last.is_some_and(|last| NAMES.iter().any(|own| last.trim_end_matches(']').eq_ignore_ascii_case(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_own_address_is_ours() {
        let ordinary = Ordinary::at("https://app.local");
        for own in ["https://app.local", "https://APP.local/a", "https://app.local:443?x", "http://app.local:80/"] {
            assert!(ordinary.is_own(own.as_bytes()), "{own}");
        }
        for foreign in
            ["https://app.local:6379/", "https://user@app.local/", "https://app.local.evil/", "gopher://app.local/", "app.local"]
        {
            assert!(!ordinary.is_own(foreign.as_bytes()), "{foreign}");
        }
    }

    #[test]
    fn a_name_says_that_the_browser_follows() {
        for name in ["redirect_uri", "client.redirect_uris[0]", "RelayState", "oauth[redirect_uri]", "next"] {
            assert!(is_followed(name), "{name}");
        }
        for name in ["url", "next_url_to_fetch", "callback", "webhook", ""] {
            assert!(!is_followed(name), "{name}");
        }
    }
}
