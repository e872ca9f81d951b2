//! A Content-Security-Policy as it is sent.

use crate::policy::{FromText, Wrong};
use http::HeaderValue;

/// A Content-Security-Policy, ready to send. Where it has no nonce it is one shared value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csp(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Fixed(HeaderValue),
    /// The text around each nonce.
    Nonce(Vec<String>),
}

/// Stands for the nonce of the exchange, wherever a source may stand.
const NONCE_SOURCE: &str = "'nonce'";

impl Csp {
    /// Compiles a policy's text. `report_to` is where browsers send violations.
    ///
    /// # Errors
    /// When a directive is unknown or a character cannot be sent.
    pub fn new(text: &str, report_to: Option<&str>) -> Result<Self, Wrong> {
        let mut directives = Vec::new();
        for directive in text.split(';') {
            let words: Vec<&str> = directive.split_ascii_whitespace().collect();
            let Some((name, sources)) = words.split_first() else { continue };
            if !DIRECTIVES.contains(name) {
                let help = crate::policy::suggestion(name, DIRECTIVES.iter().copied(), "Content-Security-Policy");
                return Err(Wrong::new(format!("`{name}` is not a directive"), help));
            }
            for source in sources {
                check_source(source)?;
            }
            directives.push(words.join(" "));
        }
        directives.extend(report_to.map(|path| format!("report-uri {path}")));
        let text = directives.join("; ");
        let value =
            HeaderValue::from_str(&text).map_err(|_| Wrong::new("this cannot be sent in a header field", "write plain ASCII"))?;
        let form = match text.contains(NONCE_SOURCE) {
            true => Form::Nonce(text.split(NONCE_SOURCE).map(str::to_owned).collect()),
            false => Form::Fixed(value),
        };
        Ok(Self(form))
    }

    /// Whether it has a place for a nonce.
    #[must_use]
    pub const fn uses_nonce(&self) -> bool {
        matches!(self.0, Form::Nonce(_))
    }

    /// As it is sent with an answer that has this nonce.
    #[must_use]
    pub fn value(&self, nonce: &str) -> Option<HeaderValue> {
        match &self.0 {
            Form::Fixed(value) => Some(value.clone()),
            Form::Nonce(parts) => HeaderValue::try_from(parts.join(&format!("'nonce-{nonce}'"))).ok(),
        }
    }
}

impl FromText for Csp {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Self::new(text, None)
    }
}
crate::value_from_text!(Csp);

/// Directives that browsers know (CSP level 3 and its companions). Another name is a slip that would silently allow.
const DIRECTIVES: &[&str] = &[
    "default-src",
    "script-src",
    "script-src-elem",
    "script-src-attr",
    "style-src",
    "style-src-elem",
    "style-src-attr",
    "img-src",
    "font-src",
    "connect-src",
    "media-src",
    "object-src",
    "frame-src",
    "child-src",
    "worker-src",
    "manifest-src",
    "fenced-frame-src",
    "base-uri",
    "form-action",
    "frame-ancestors",
    "sandbox",
    "report-uri",
    "report-to",
    "require-trusted-types-for",
    "trusted-types",
    "upgrade-insecure-requests",
];

/// Words that mean something only between quotation marks: without them they are host names, and allow nothing.
const KEYWORDS: &[&str] = &[
    "self",
    "none",
    "unsafe-inline",
    "unsafe-eval",
    "unsafe-hashes",
    "strict-dynamic",
    "wasm-unsafe-eval",
    "report-sample",
    "nonce",
];

/// A source as it may be written.
pub(super) fn check_source(source: &str) -> Result<(), Wrong> {
    let hash = ["sha256-", "sha384-", "sha512-", "nonce-"].iter().any(|start| source.starts_with(start));
    if KEYWORDS.contains(&source) || hash {
        return Err(Wrong::new(
            format!("`{source}` without quotation marks is read as a host name"),
            format!("write \"'{source}'\", with the inner marks"),
        ));
    }
    match source.bytes().find(|b| !b.is_ascii_graphic() || matches!(b, b';' | b',' | b'"')) {
        Some(_) => Err(Wrong::new(format!("`{source}` is not one source"), "write each source as an item of the list")),
        None => Ok(()),
    }
}

/// Whether browsers know a directive of that name.
pub(super) fn is_directive(name: &str) -> bool {
    DIRECTIVES.contains(&name)
}
