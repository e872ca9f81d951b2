//! HTTP/1.1 messages: requests as they are sent, answers read strictly (RFC 9112).

use std::borrow::Cow;

use crate::Error;
use crate::encode;

/// A request. `Host`, `Content-Length` and `Connection` are added on the wire unless given.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, target: &str) -> Request {
        Request { method, target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(target: &str) -> Request {
        Request::new("GET", target)
    }

    /// A form as a browser sends it.
    pub(crate) fn form(target: &str, fields: &[(String, String)]) -> Request {
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encode::form(name), encode::form(value))).collect();
        let mut request = Request::new("POST", target).header("Content-Type", "application/x-www-form-urlencoded");
        request.body = pairs.join("&").into_bytes();
        request
    }

    /// A form with one file (RFC 7578).
    pub(crate) fn upload(target: &str, field: &str, file: &str, media_type: &str, content: &[u8]) -> Request {
        Request::file(target, field, &format!("filename=\"{file}\""), media_type, content)
    }

    /// The same, with the file's name as it is to be written.
    pub(crate) fn file(target: &str, field: &str, named: &str, media_type: &str, content: &[u8]) -> Request {
        let border = "----gambeson-border";
        let mut request = Request::new("POST", target).header("Content-Type", &format!("multipart/form-data; boundary={border}"));
        let head = format!(
            "--{border}\r\nContent-Disposition: form-data; name=\"{field}\"; {named}\r\nContent-Type: {media_type}\r\n\r\n"
        );
        request.body = [head.as_bytes(), content, format!("\r\n--{border}--\r\n").as_bytes()].concat();
        request
    }

    /// A JSON object with these members in this order, as a script sends it.
    pub(crate) fn json(target: &str, members: &[(String, String)]) -> Request {
        let text = |text: &String| serde_json::Value::from(text.as_str()).to_string();
        let members: Vec<String> = members.iter().map(|(name, value)| format!("{}:{}", text(name), text(value))).collect();
        let mut request = Request::new("POST", target).header("Content-Type", "application/json");
        request.body = format!("{{{}}}", members.join(",")).into_bytes();
        request
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// The bytes on the wire, for one exchange on a connection of its own.
    pub(crate) fn bytes(&self, authority: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("Host") {
            head.push_str(&format!("Host: {authority}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.has("Connection") {
            head.push_str("Connection: close\r\n");
        }
        if !matches!(self.method, "GET" | "OPTIONS") && !self.has("Content-Length") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// An answer, its body whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of a header.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    pub(crate) fn contains(&self, needle: &str) -> bool {
        self.text().contains(needle)
    }

    /// The id by which a refusal is found in the log.
    pub(crate) fn reference(&self) -> Option<&str> {
        self.header("x-gambeson-ref")
    }

    /// Whether a redirect and where to.
    pub(crate) fn location(&self) -> Option<&str> {
        if (300..400).contains(&self.status) { self.header("location") } else { None }
    }
}

/// Largest head that is read, in bytes; larger than any server's own limit.
const HEAD_MAX: usize = 128 * 1024;

/// What the bytes so far are.
pub(crate) enum Progress {
    /// More must be read; nothing is wrong yet.
    Incomplete,
    /// A whole answer and how many bytes it took.
    Complete(Response, usize),
}

/// Reads one answer from the start of `bytes`. `ended`: no more bytes will come. `limit`: of the body, in bytes.
pub(crate) fn read(bytes: &[u8], ended: bool, limit: usize) -> Result<Progress, Error> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return if ended || bytes.len() > HEAD_MAX { Err(Error::Malformed("no whole head")) } else { Ok(Progress::Incomplete) };
    };
    let (head, rest) = bytes.split_at(end + 4);
    let (status, headers) = read_head(head)?;
    let mut response = Response { status, headers, body: Vec::new() };
    let body = read_body(&response, rest, ended, limit)?;
    let Some((body, used)) = body else {
        return Ok(Progress::Incomplete);
    };
    response.body = body;
    Ok(Progress::Complete(response, end + 4 + used))
}

/// Status and header fields.
type Head = (u16, Vec<(String, String)>);

fn read_head(head: &[u8]) -> Result<Head, Error> {
    let text: String = head.iter().map(|&byte| char::from(byte)).collect();
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
    let (Some("HTTP/1.1" | "HTTP/1.0"), Some(status)) = (words.next(), words.next()) else {
        return Err(Error::Malformed("no status line"));
    };
    let status = status.parse().ok().filter(|status| (100..600).contains(status)).ok_or(Error::Malformed("no status"))?;
    let mut headers = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Error::Malformed("a header without a colon"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok((status, headers))
}

/// The body and how many bytes it took; `None` when more must come (RFC 9112, section 6.3).
fn read_body(response: &Response, rest: &[u8], ended: bool, limit: usize) -> Result<Option<(Vec<u8>, usize)>, Error> {
    if response.status < 200 || matches!(response.status, 204 | 304) {
        return Ok(Some((Vec::new(), 0)));
    }
    if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return read_chunks(rest, ended, limit);
    }
    let length =
        response.header("content-length").map(|text| text.parse::<usize>().map_err(|_| Error::Malformed("Content-Length")));
    match length.transpose()? {
        Some(length) if length > limit => Err(Error::TooLarge(limit)),
        Some(length) => match rest.get(..length) {
            Some(body) => Ok(Some((body.to_vec(), length))),
            None if ended => Err(Error::Malformed("the body is cut short")),
            None => Ok(None),
        },
        None if rest.len() > limit => Err(Error::TooLarge(limit)),
        None => Ok(ended.then(|| (rest.to_vec(), rest.len()))),
    }
}

fn read_chunks(bytes: &[u8], ended: bool, limit: usize) -> Result<Option<(Vec<u8>, usize)>, Error> {
    let more = || if ended { Err(Error::Malformed("a chunk is cut short")) } else { Ok(None) };
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(line) = find(rest, b"\r\n") else {
            return more();
        };
        let size = std::str::from_utf8(rest.get(..line).unwrap_or_default()).unwrap_or_default();
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| Error::Malformed("chunk size"))?;
        if size > limit.saturating_sub(body.len()) {
            return Err(Error::TooLarge(limit));
        }
        let start = line + 2;
        let Some(chunk) = rest.get(start..start + size) else {
            return more();
        };
        match rest.get(start + size..start + size + 2) {
            None => return more(),
            Some(b"\r\n") => {}
            Some(_) => return Err(Error::Malformed("a chunk does not end")),
        }
        body.extend_from_slice(chunk);
        at += start + size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

/// Where `needle` begins in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Result<(Response, usize), Error> {
        match read(bytes, true, 100)? {
            Progress::Complete(response, used) => Ok((response, used)),
            Progress::Incomplete => panic!("incomplete at the end"),
        }
    }

    #[test]
    fn answers_by_length_chunks_and_close() {
        let (answer, used) = whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b \r\n\r\nhiHTTP").unwrap();
        assert_eq!((answer.status, answer.header("a"), answer.text().as_ref(), used), (200, Some("b"), "hi", 47));
        let (answer, _) =
            whole(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3;x=y\r\n yo\r\n0\r\n\r\n").unwrap();
        assert_eq!(answer.text(), "hi yo");
        assert_eq!(whole(b"HTTP/1.0 404 Not Found\r\n\r\nnope").unwrap().0.text(), "nope");
        assert_eq!(whole(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n").unwrap().0.body, b"");
    }

    #[test]
    fn every_cut_is_incomplete_until_it_is_an_error() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        for cut in 0..bytes.len() {
            let part = bytes.get(..cut).unwrap();
            assert!(matches!(read(part, false, 100), Ok(Progress::Incomplete)), "{cut}");
            assert!(read(part, true, 100).is_err(), "{cut}");
        }
    }

    #[test]
    fn malformed_and_oversized_answers_are_errors() {
        for bytes in [
            &b"HTTP/2 200\r\n\r\n"[..],
            b"HTTP/1.1 9999 X\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        ] {
            assert!(read(bytes, false, 100).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn requests_carry_host_and_length_once() {
        let bytes = Request::form("/a", &[("b".into(), "O'Brien & ü".into())]).bytes("h:1");
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.contains("\r\nHost: h:1\r\n") && text.ends_with("Content-Length: 22\r\n\r\nb=O%27Brien+%26+%C3%BC"),
            "{text}"
        );
        let text = String::from_utf8(Request::get("/").header("Host", "other").bytes("h")).unwrap();
        assert_eq!(text.matches("Host:").count(), 1);
    }
}
