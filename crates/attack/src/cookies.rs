//! Cookies as a browser keeps and sends them (RFC 6265bis).

/// `SameSite` as it was said; unsaid is not the same as `Lax` in every browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameSite {
    Strict,
    Lax,
    None,
    Unset,
}

/// One cookie with the attributes that protect it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: SameSite,
    pub(crate) domain: bool,
    pub(crate) root_path: bool,
    gone: bool,
}

impl Cookie {
    /// Reads a `Set-Cookie` value; `None` when it sets nothing.
    pub(crate) fn parse(line: &str) -> Option<Cookie> {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        let mut cookie = Cookie {
            name,
            value,
            secure: false,
            http_only: false,
            same_site: SameSite::Unset,
            domain: false,
            root_path: false,
            gone: false,
        };
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.to_ascii_lowercase().as_str() {
                "secure" => cookie.secure = true,
                "httponly" => cookie.http_only = true,
                "domain" => cookie.domain = !value.is_empty(),
                "path" => cookie.root_path = value == "/",
                "max-age" => cookie.gone = value.starts_with('-') || value == "0",
                "samesite" => cookie.same_site = same_site(value),
                _ => {}
            }
        }
        Some(cookie)
    }

    /// Whether a browser keeps it at all: `SameSite=None` needs `Secure`, and a prefixed name needs what it promises.
    fn kept(&self) -> bool {
        let lower = self.name.to_ascii_lowercase();
        let host = !lower.starts_with("__host-") || (self.secure && self.root_path && !self.domain);
        host && (!lower.starts_with("__secure-") || self.secure) && (self.same_site != SameSite::None || self.secure)
    }

    /// Whether a sibling host can never write a cookie of this name.
    pub(crate) fn host_bound(&self) -> bool {
        self.name.to_ascii_lowercase().starts_with("__host-")
    }
}

fn same_site(value: &str) -> SameSite {
    match value.to_ascii_lowercase().as_str() {
        "strict" => SameSite::Strict,
        "lax" => SameSite::Lax,
        "none" => SameSite::None,
        _ => SameSite::Unset,
    }
}

/// On what occasion a browser would send the cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trip {
    /// From a page of the same site, sibling origins included.
    SameSite,
    /// A form of a foreign site, sent as a navigation of the whole tab.
    ForeignForm,
    /// A link on a foreign site.
    ForeignLink,
}

/// The cookies one visitor has of the target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jar {
    cookies: Vec<Cookie>,
}

impl Jar {
    /// Keeps what an answer sets.
    pub(crate) fn keep<'a>(&mut self, lines: impl Iterator<Item = &'a str>) {
        for cookie in lines.filter_map(Cookie::parse).filter(Cookie::kept) {
            self.cookies.retain(|own| own.name != cookie.name);
            if !cookie.gone {
                self.cookies.push(cookie);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cookie> {
        self.cookies.iter()
    }

    /// The `Cookie` header of a request, if any cookie would be sent.
    ///
    /// Firefox and Safari send a cookie without `SameSite` with a foreign form, and Chromium does so in the two minutes after it
    /// was set: an attack must be expected to reach those visitors, so unset counts as sent.
    pub(crate) fn header(&self, trip: Trip) -> Option<String> {
        let sent = |cookie: &&Cookie| match (trip, cookie.same_site) {
            (Trip::SameSite, _) | (_, SameSite::None | SameSite::Unset) => true,
            (Trip::ForeignLink, SameSite::Lax) => true,
            (_, SameSite::Strict) | (Trip::ForeignForm, SameSite::Lax) => false,
        };
        let pairs: Vec<String> =
            self.cookies.iter().filter(sent).map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(lines: &[&str]) -> Jar {
        let mut jar = Jar::default();
        jar.keep(lines.iter().copied());
        jar
    }

    #[test]
    fn same_site_decides_what_a_foreign_page_sends() {
        let jar = jar(&["u=1", "s=2; SameSite=Strict", "l=3; samesite=LAX", "n=4; SameSite=None; Secure"]);
        assert_eq!(jar.header(Trip::SameSite).unwrap(), "u=1; s=2; l=3; n=4");
        assert_eq!(jar.header(Trip::ForeignLink).unwrap(), "u=1; l=3; n=4");
        assert_eq!(jar.header(Trip::ForeignForm).unwrap(), "u=1; n=4");
    }

    #[test]
    fn browsers_drop_cookies_that_break_their_own_promise() {
        assert!(
            jar(&["n=4; SameSite=None", "__Host-a=1; Path=/", "__Secure-b=1", "__host-c=1; Secure; Path=/; Domain=x"])
                .header(Trip::SameSite)
                .is_none()
        );
        assert!(jar(&["__Host-a=1; Secure; Path=/"]).header(Trip::SameSite).is_some());
    }

    #[test]
    fn later_cookies_replace_and_remove() {
        assert_eq!(jar(&["a=1", "a=2"]).header(Trip::SameSite).unwrap(), "a=2");
        assert!(jar(&["a=1", "a=; Max-Age=0"]).header(Trip::SameSite).is_none());
    }
}
