//! The page a person sees when something is refused or went wrong, and its JSON twin for programs.

use crate::{layers::Form, record::ReferenceId};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem;color:#222;background:#fff}\
h1{font-size:1.4rem}code{background:#eee;padding:.1em .35em;border-radius:.25em}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code{background:#333}}";

/// The page's own policy: its one style, by hash, and nothing else. It holds even where the headers layer is off.
const CSP: &str = "default-src 'none'; style-src 'sha256-8hlxnWhjIjVRgXqSjWPs41sjQK5Yisw7oUDdWt0ZFQs='; base-uri 'none'; \
                   form-action 'none'; frame-ancestors 'none'";

/// The same for a page with a form, which goes nowhere but to the site itself.
const CSP_OF_FORM: &str = "default-src 'none'; style-src 'sha256-8hlxnWhjIjVRgXqSjWPs41sjQK5Yisw7oUDdWt0ZFQs='; base-uri 'none'; \
                           form-action 'self'; frame-ancestors 'none'";

/// A page that says what happened, in a sentence, and the reference id under which the operator finds the rest.
pub(crate) fn page(status: StatusCode, say: &str, id: ReferenceId, json: bool, form: Option<&Form>) -> (HeaderMap, Bytes) {
    let title = status.canonical_reason().unwrap_or("Refused");
    let (kind, body) = if json {
        let value = serde_json::json!({ "error": title, "message": say, "reference": id.to_string() });
        ("application/json", value.to_string())
    } else {
        ("text/html; charset=utf-8", html(status, title, say, id, form))
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(if form.is_some() { CSP_OF_FORM } else { CSP }));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("x-gambeson-ref", HeaderValue::from_str(&id.to_string()).unwrap_or(HeaderValue::from_static("-")));
    (headers, Bytes::from(body))
}

fn html(status: StatusCode, title: &str, say: &str, id: ReferenceId, form: Option<&Form>) -> String {
    let when = if status.is_server_error() { "If it happens again" } else { "If you think this is a mistake" };
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style>\n<main><h1>{title}</h1>\n<p>{}</p>\n{}\
         <p>{when}, tell the site's operator this reference: <code>{id}</code></p></main></html>\n",
        escape(say),
        form.map(button).unwrap_or_default()
    )
}

/// Works without a script, and with the keyboard alone.
fn button(form: &Form) -> String {
    let field = |(name, value): &(&str, String)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
    let hidden: String = form.hidden.iter().map(field).collect();
    format!("<form action=\"{}\">{hidden}<button autofocus>{}</button></form>\n", form.action, form.button)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use sha2::{Digest, Sha256};

    #[test]
    fn the_page_allows_its_own_style_and_nothing_else() {
        let hash = format!("style-src 'sha256-{}';", BASE64_STANDARD.encode(Sha256::digest(STYLE)));
        assert!(CSP.contains(&hash), "{hash}");
        let (headers, body) = page(StatusCode::FORBIDDEN, "a < b", ReferenceId::new(1), false, None);
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.contains(&format!("<style>{STYLE}</style>")) && !text.contains("<script") && !text.contains("style="));
        assert!(text.contains("a &lt; b"));
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], CSP);
    }
}
