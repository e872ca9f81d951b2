//! What a framework's apps need otherwise than the default: read as if written, under what the file says.

use super::Framework;
use toml::{Spanned, de::DeTable};

/// The preset of a framework.
pub(super) fn of(framework: Framework) -> Spanned<DeTable<'static>> {
    let text = match framework {
        Framework::Django => DJANGO,
        Framework::FastApi => FASTAPI,
        Framework::Flask | Framework::Bottle | Framework::Other => "",
    };
    DeTable::parse_recoverable(text).0
}

/// Django's own scripts read the CSRF cookie where the app uses it in JavaScript (its documented pattern), so it
/// keeps no `HttpOnly`.
const DJANGO: &str = r#"
[cookies]
script_readable = ["csrftoken"]
"#;

/// FastAPI's interactive documentation loads its scripts from a public host and starts them inline. Nothing a visitor
/// sends is shown on these pages; the rest of the app keeps the strict policy.
const FASTAPI: &str = r#"
[[route]]
path = "/docs/*"
csp = "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net; img-src 'self' data: https://fastapi.tiangolo.com; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

[[route]]
path = "/redoc"
csp = "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://fonts.googleapis.com; font-src https://fonts.gstatic.com; img-src 'self' data: https://fastapi.tiangolo.com https://cdn.redoc.ly; worker-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
"#;
