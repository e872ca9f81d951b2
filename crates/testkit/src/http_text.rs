//! Requests and answers as text.

use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr};

/// A request, and how it comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The client's address.
    pub peer: IpAddr,
    /// Whether it comes over TLS.
    pub tls: bool,
    /// The method.
    pub method: String,
    /// The target, as sent.
    pub target: String,
    /// The header lines in order, `host` first where the case names none.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Question {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let (mut peer, mut tls) = (IpAddr::V4(Ipv4Addr::LOCALHOST), true);
        let request_line = loop {
            let line = lines.next().ok_or("the `http` block has no request line")?;
            match line.split_once(": ") {
                Some(("peer", address)) => peer = address.trim().parse().map_err(|_| format!("`{address}` is no address"))?,
                Some(("tls", word)) => tls = yes(word.trim())?,
                _ => break line,
            }
        };
        let mut words = request_line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(format!("`{request_line}` is no request line: METHOD target"));
        };
        let (mut headers, body) = fields(lines)?;
        if !headers.iter().any(|(name, _)| name == "host") {
            headers.insert(0, ("host".into(), "localhost".into()));
        }
        headers.retain(|(name, value)| name != "host" || !value.is_empty());
        Ok(Self { peer, tls, method: method.into(), target: target.into(), headers, body })
    }
}

fn yes(word: &str) -> Result<bool, String> {
    match word {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("`tls: {word}`: write yes or no")),
    }
}

/// What the app answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header lines in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: 200, headers: vec![("content-type".into(), "text/plain".into())], body: "ok".into() }
    }
}

impl Answer {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let line = lines.next().unwrap_or_default();
        let status = line.trim_start_matches("HTTP/1.1 ").split(' ').next().and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| format!("`{line}` is no status line: `200` or `500 Internal Server Error`"))?;
        let (headers, body) = fields(lines)?;
        Ok(Self { status, headers, body })
    }
}

type Fields = (Vec<(String, String)>, String);

/// Header lines up to an empty line, then the body. Names are kept as written but for their case.
fn fields<'a>(mut lines: impl Iterator<Item = &'a str>) -> Result<Fields, String> {
    let mut headers = Vec::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("`{line}` is no header line"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok((headers, lines.collect::<Vec<_>>().join("\n")))
}
