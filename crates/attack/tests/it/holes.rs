//! The pages of the tiny app that ask somebody else: a shell, a parser, a directory, another service.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Naive: what the injected code gives. The description and the attacks say which strings these apps obey.
pub(crate) fn page(path: &str, text: &str, safe: bool) -> Option<String> {
    Some(match path {
        "/size" if safe => "10 bytes".into(),
        "/size" => product_between(text, "$((", "))").unwrap_or_else(|| "10 bytes".into()),
        "/sum" => sum(text, safe),
        "/preview" => preview(text, safe),
        "/help" => query(text, "x']/../*['", "for the staff", "for everyone", safe),
        "/people" => query(text, "*)(uid=*", "555-0100", "555-0101", safe),
        _ => return None,
    })
}

/// What the first `a*b` between these signs is.
pub(crate) fn product_between(text: &str, open: &str, close: &str) -> Option<String> {
    let (before, rest) = text.split_once(open)?;
    let (inner, after) = rest.split_once(close)?;
    let (left, right) = inner.split_once('*')?;
    Some(format!("{before}{}{after}", left.parse::<u64>().ok()? * right.parse::<u64>().ok()?))
}

/// An evaluator without builtins, which a walk over attributes gets back.
fn sum(text: &str, safe: bool) -> String {
    match (safe, text) {
        (false, text) if text.contains("__subclasses__") && text.contains("/etc/passwd") => {
            "root:x:0:0:root:/root:/bin/sh".into()
        }
        (_, "1 + 1") => "= 2".into(),
        _ => "NameError".into(),
    }
}

/// Fetches as `GET / HTTP/1.0` would; the safe one nothing but its own pages.
fn preview(url: &str, safe: bool) -> String {
    if let Some(words) = url.split_once("/search?q=").map(|(_, words)| words) {
        return format!("results for {words}");
    }
    let fetched = || -> std::io::Result<String> {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    if safe { "no such site".into() } else { fetched().unwrap_or_default() }
}

fn query(text: &str, injected: &str, hidden: &str, open: &str, safe: bool) -> String {
    if text == injected && !safe { format!("{open}, {hidden}") } else { open.to_owned() }
}

/// A document database: an operator fits the first document.
pub(crate) fn invitation(body: &[u8], safe: bool) -> String {
    let document: serde_json::Value = serde_json::from_slice(body).unwrap();
    match &document["code"] {
        serde_json::Value::String(code) if code == "my-code" => "my note".into(),
        serde_json::Value::Object(_) if !safe => "somebody's note".into(),
        _ => "no such invitation".into(),
    }
}

/// Whom a mail goes to: the naive app reads the head that it wrote.
pub(crate) fn recipients(subject: &str, safe: bool) -> String {
    let more = subject.lines().skip(1).filter_map(|line| line.strip_prefix("Bcc: ")).filter(|_| !safe);
    std::iter::once("us@tiny.example").chain(more).collect::<Vec<_>>().join(", ")
}

/// The text of a document's one comment, its entity replaced by the file.
pub(crate) fn comment(document: &str, safe: bool) -> String {
    let inner = document.rsplit_once("<comment").and_then(|(_, rest)| rest.split_once('>')).map_or("", |(_, inner)| inner);
    let inner = inner.split_once("</comment>").map_or(inner, |(inner, _)| inner).replace("&apos;", "'");
    inner.replace("&e;", if safe { "" } else { "root:x:0:0" })
}
