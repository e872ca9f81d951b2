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

/// FastAPI answers with JSON; its error bodies are the app's interface.
const FASTAPI: &str = "";
