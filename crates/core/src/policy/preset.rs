//! What a framework's apps need otherwise than the default: read as if written, under what the file says.

use toml::{Spanned, de::DeTable};

/// The framework's name and its preset, in the words of a policy.
///
/// Upstream ports are those of each framework's own server (`flask run`, `manage.py runserver`, `uvicorn`,
/// `bottle.run`); the session cookies are the default names of the framework and of its usual login package.
pub const PRESETS: &[(&str, &str)] = &[
    (
        "flask",
        r#"
[app]
upstream = "http://127.0.0.1:5000"
session_cookies = ["session", "remember_token"]
"#,
    ),
    (
        "django",
        r#"
[app]
upstream = "http://127.0.0.1:8000"
session_cookies = ["sessionid"]
"#,
    ),
    // FastAPI's interactive documentation loads its scripts from a public host and starts them inline. Nothing a visitor
    // sends is shown on these pages; the rest of the app keeps the strict policy.
    (
        "fastapi",
        r#"
[app]
upstream = "http://127.0.0.1:8000"
session_cookies = ["session", "fastapiusersauth"]

[[route]]
path = "/docs/*"
csp = "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net; img-src 'self' data: https://fastapi.tiangolo.com; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

[[route]]
path = "/redoc"
csp = "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://fonts.googleapis.com; font-src https://fonts.gstatic.com; img-src 'self' data: https://fastapi.tiangolo.com https://cdn.redoc.ly; worker-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
"#,
    ),
    // Bottle's own server takes the port where the gateway would listen for plain HTTP.
    (
        "bottle",
        r#"
[app]
upstream = "http://127.0.0.1:8080"
session_cookies = ["beaker.session.id"]
[listen]
http = "127.0.0.1:8081"
"#,
    ),
];

/// The preset that a policy asks for with `app.framework`, whatever else is right or wrong in it.
pub(super) fn asked(policy: &DeTable<'_>) -> Spanned<DeTable<'static>> {
    let app = policy.get("app").and_then(|value| value.get_ref().as_table());
    let framework = app.and_then(|app| app.get("framework")).and_then(|value| value.get_ref().as_str());
    let preset = PRESETS.iter().find(|(name, _)| Some(*name) == framework);
    DeTable::parse_recoverable(preset.map_or("", |(_, text)| text)).0
}

/// What a framework's preset says of a key, as a TOML literal.
#[must_use]
pub fn preset(framework: &str, section: &str, key: &str) -> Option<String> {
    let (_, text) = PRESETS.iter().find(|(name, _)| *name == framework)?;
    let (table, _) = DeTable::parse_recoverable(text);
    let span = table.get_ref().get(section)?.get_ref().as_table()?.get(key)?.span();
    text.get(span).map(str::to_owned)
}
