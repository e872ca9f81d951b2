//! The bytes of a request, made from a test's input in the way its authors count on.

use super::yaml::Node;
use crate::transform::Transform;

/// Longest text that a `repeat` in a test may make.
const REPEAT_MAX: usize = 1 << 20;

/// The whole request.
pub(super) fn bytes(input: &Node) -> Result<Vec<u8>, String> {
    let text = |key: &str| input.get(key).and_then(Node::text);
    if let Some(encoded) = text("encoded_request").filter(|e| !e.is_empty()) {
        return Ok(base64(encoded));
    }
    let complete = text("autocomplete_headers").is_none_or(|on| !on.eq_ignore_ascii_case("false"));
    let mut headers: Vec<(String, String)> =
        input.get("headers").map_or(&[][..], Node::pairs).iter().filter_map(header).collect();
    let mut body = match (text("data"), text("encoded_data")) {
        (Some(data), _) => expand(data)?,
        (None, Some(encoded)) => base64(encoded),
        (None, None) => Vec::new(),
    };
    if complete && !body.is_empty() {
        add(&mut headers, "Content-Type", "application/x-www-form-urlencoded");
        if value(&headers, "Content-Type") == Some("application/x-www-form-urlencoded") {
            body = escape_form(body);
        }
    }
    if value(&headers, "Content-Type").is_some_and(|t| t.starts_with("multipart/form-data;")) {
        body = with_crlf(&body);
    }
    let method = text("method").unwrap_or("GET");
    if complete {
        add(&mut headers, "Connection", "close");
        if !body.is_empty() || ["POST", "PUT", "PATCH", "DELETE"].iter().any(|m| method.contains(m)) {
            add(&mut headers, "Content-Length", &body.len().to_string());
        }
    }
    let mut whole = format!("{method} {} {}\r\n", text("uri").unwrap_or("/"), text("version").unwrap_or("HTTP/1.1")).into_bytes();
    for (name, value) in &headers {
        whole.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    whole.extend_from_slice(b"\r\n");
    whole.extend_from_slice(&body);
    Ok(whole)
}

fn header((name, value): &(String, Node)) -> Option<(String, String)> {
    Some((name.clone(), value.text()?.to_owned()))
}

fn value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn add(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    if self::value(headers, name).is_none() {
        headers.push((name.to_owned(), value.to_owned()));
    }
}

fn base64(text: &str) -> Vec<u8> {
    let joined: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    Transform::Base64Decode.apply(&joined).into_owned()
}

/// Fills in `{{ "TEXT" | repeat N }}`, the one template that tests use; anything else in braces stays.
fn expand(data: &str) -> Result<Vec<u8>, String> {
    let mut whole = String::new();
    let mut rest = data;
    while let Some((before, inside)) = rest.split_once("{{") {
        whole.push_str(before);
        let (call, after) = inside.split_once("}}").unwrap_or((inside, ""));
        match repeat(call) {
            Some(text) if text.len() > REPEAT_MAX => return Err("`repeat` makes too long a text".into()),
            Some(text) => {
                whole.push_str(&text);
                rest = after;
            }
            None => {
                whole.push_str("{{");
                rest = inside;
            }
        }
    }
    whole.push_str(rest);
    Ok(whole.into_bytes())
}

fn repeat(call: &str) -> Option<String> {
    let (text, count) = call.split_once('|')?;
    let text = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    let count: usize = count.trim().strip_prefix("repeat")?.trim().parse().ok()?;
    Some(text.repeat(count.min(REPEAT_MAX + 1)))
}

/// Lines of multipart bodies end in CRLF.
fn with_crlf(body: &[u8]) -> Vec<u8> {
    body.iter().flat_map(|b| if *b == b'\n' { &b"\r\n"[..] } else { std::slice::from_ref(b) }).copied().collect()
}

/// Forms are written unescaped in tests; one in which unescaping changes something is escaped already.
fn escape_form(body: Vec<u8>) -> Vec<u8> {
    if body.contains(&b'+') || body.contains(&b'%') {
        return body;
    }
    let mut escaped = Vec::new();
    for pair in body.split(|b| *b == b'&') {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        escape(halves.next().unwrap_or_default(), &mut escaped);
        if let Some(value) = halves.next() {
            escaped.push(b'=');
            escape(value, &mut escaped);
        }
        escaped.push(b'&');
    }
    escaped.pop();
    escaped
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b' ' => out.push(b'+'),
            b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            _ if byte.is_ascii_alphanumeric() => out.push(*byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    fn made(input: &str) -> String {
        let node = yaml::read(input).expect("well-formed");
        String::from_utf8(bytes(&node).expect("it can be made")).expect("it is text")
    }

    #[test]
    fn a_form_is_escaped_and_counted() {
        let got = made("method: POST\nuri: /a\nheaders:\n  Host: x\ndata: \"a=b c&d=<\"");
        let head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: 11";
        assert_eq!(got, format!("{head}\r\n\r\na=b+c&d=%3C"));
    }

    #[test]
    fn nothing_is_added_when_a_test_says_so() {
        let got = made("method: POST\nautocomplete_headers: false\nheaders: {Host: x}\ndata: 'a=b c'");
        assert_eq!(got, "POST / HTTP/1.1\r\nHost: x\r\n\r\na=b c");
    }

    #[test]
    fn templates_repeat_and_other_braces_stay() {
        assert_eq!(expand("a{{ \"xy\" | repeat 3 }}b{{c}}").expect("short"), b"axyxyxyb{{c}}");
    }
}
