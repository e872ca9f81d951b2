//! `[cookies]`

use crate::policy::{App, Key, Kind, MODE, Reader, Section, SessionCookies};

/// `[cookies]`
pub const SECTION: Section = Section {
    name: "cookies",
    about: "The attributes of the app's cookies.",
    why: "A cookie without Secure, HttpOnly, SameSite and a fixed host is stolen, ridden or planted \
          (CWE-614, CWE-1004, CWE-1275, CWE-384; ASVS 3.3).",
    keys: &[
        MODE,
        Key {
            name: "script_readable",
            kind: Kind::List(&Kind::Text("cookie name")),
            default: "[\"csrftoken\", \"csrf_token\", \"XSRF-TOKEN\", \"csrf_access_token\", \"csrf_refresh_token\"]",
            about: "Cookies that the app's scripts read: they get no HttpOnly.",
            why: "Those that are made to be read: scripts repeat them in a header field. No other cookie needs it by default (CWE-1004).",
        },
        Key {
            name: "same_site",
            kind: Kind::Choice(&["lax", "strict"]),
            default: "\"lax\"",
            about: "SameSite of cookies that do not say it; what the app says stays.",
            why: "Lax keeps links from other sites and returns from sign-in hosts working; unset, Chromium lets foreign posts through \
                  for two minutes (CWE-1275).",
        },
        Key {
            name: "domains",
            kind: Kind::List(&Kind::Text("domain")),
            default: "[]",
            about: "Parent domains that cookies may be set for, such as `example.com` to share a session among its hosts. With any, \
                    `prefix` has no effect.",
            why: "None: a cookie for a whole domain is read and planted by every host below it.",
        },
        Key {
            name: "prefix",
            kind: Kind::Bool,
            default: "true",
            about: "Session cookies travel as `__Host-NAME`: `session`, `sessionid`, `remember_token`, and those in \
                    `app.session_cookies`. The app sees and sets its own names.",
            why: "Browsers take such a cookie only from this very host over HTTPS, so no sister host can plant one (CWE-384). On plain HTTP \
                  names stay.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Cookies {
    pub(super) script_readable: Vec<String>,
    pub(super) same_site: SameSite,
    pub(super) domains: Vec<String>,
    /// The app's names of cookies that travel with the prefix.
    pub(super) prefixed: Vec<String>,
    session_cookies: SessionCookies,
}

/// SameSite of cookies that do not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SameSite {
    #[default]
    Lax,
    Strict,
}

/// Names that Flask, Flask-Login and Django give their session cookies.
const SESSIONS: [&str; 3] = ["session", "sessionid", "remember_token"];

impl Cookies {
    pub(crate) fn compile(reader: &mut Reader<'_>, app: &App) -> Self {
        let script_readable: Vec<String> = reader.get("script_readable");
        let mut domains: Vec<String> = reader.get("domains");
        for domain in &mut domains {
            *domain = domain.trim_start_matches('.').to_ascii_lowercase();
            if !domain.contains('.') {
                let help = "write a domain of your own, such as \"example.com\"";
                reader.error("domains", format!("`{domain}` is not a domain a cookie can be set for"), help);
            }
        }
        let prefix = reader.get::<bool>("prefix") && domains.is_empty();
        let names = SESSIONS.into_iter().chain(app.session_cookies.named()).map(str::to_owned);
        let fits = |name: &String| prefix && !name.starts_with("__") && !script_readable.contains(name);
        Self {
            prefixed: names.filter(fits).collect(),
            same_site: if reader.get::<String>("same_site") == "strict" { SameSite::Strict } else { SameSite::Lax },
            session_cookies: app.session_cookies.clone(),
            script_readable,
            domains,
        }
    }

    /// Whether a cookie of that name logs somebody in.
    pub(super) fn is_session(&self, name: &str) -> bool {
        !self.script_readable.iter().any(|readable| readable == name) && self.session_cookies.contains(name)
    }
}
