//! A tiny app, once as naive as can be and once with every defence, so that each probe is shown to be able to succeed and to fail.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gambeson_attack::App;

use crate::holes;

pub(crate) const DESCRIPTION: &str = r#"
name = "tiny"
session_cookie = "sid"
errors = ["/fail"]
victim = { name = "ann", password = "pw-ann", secret = "secret-of-ann" }
attacker = { name = "bob", password = "pw-bob", secret = "secret-of-bob" }
login = { path = "/login", fields = { name = "{name}", password = "{password}" }, proof = "/me" }
write = { path = "/write", fields = { text = "{text}" }, read = "/" }
json = { path = "/api/write", fields = { text = "{text}" }, read = "/" }
delete = { method = "DELETE", path = "/text/{id}", id_before_text = "id=" }
search = { path = "/search?q={text}" }
api = { private = "/me", public = "/public" }
echo = { path = "/echo" }
upload = { path = "/upload", field = "file", read = "/file?name={file}", escape = "../files/{file}" }
socket = { path = "/ws" }
object = { path = "/user/ann", contains = "secret-of-ann" }
redirect = { path = "/login?next={url}" }
file = { path = "/file?name={file}", file = "../db", contains = "the database" }
sql = { name = "root' --", secret = "secret-of-root", search = "' UNION", contains = "another table", error = "' AND fail(" }
template = { path = "/missing/{text}" }
pickle = { path = "/seen?q={text}", cookie = "seen" }
command = { path = "/size?q={text}", value = "a b", shows = "10 bytes" }
python = { path = "/sum?q={text}", value = "1 + 1", shows = "= 2" }
preview = { path = "/preview?q={url}", own = "/search?q={text}" }
xml = { path = "/import", fields = { xml = "{text}" }, read = "/" }
xpath = { path = "/help?q={text}", text = "x']/../*['", contains = "for the staff", value = "x", shows = "for everyone" }
ldap = { path = "/people?q={text}", text = "*)(uid=*", contains = "555-0100", value = "ann", shows = "555-0101" }
nosql = { path = "/invitation", field = "code", contains = "somebody's note", value = "my-code", shows = "my note" }
mail = { path = "/mail", fields = { subject = "{subject}", text = "{text}" }, shows = "us@tiny.example" }
log = { path = "/missing/{text}", read = "/log" }
callback = { path = "/public?callback={text}" }
flask = { payload = '{"user":"root"}', secret = "secret-of-root" }
"#;

pub(crate) fn description() -> App {
    App::parse(DESCRIPTION).unwrap()
}

struct State {
    safe: bool,
    authority: String,
    texts: Mutex<Vec<(usize, String)>>,
    missing: Mutex<String>,
    files: Mutex<HashMap<String, Vec<u8>>>,
    seen: Mutex<HashMap<IpAddr, usize>>,
    busy: AtomicUsize,
    next: AtomicUsize,
}

/// One request, leniently or strictly read.
pub(crate) struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn parameter(&self, name: &str) -> String {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        let find = |text: &str| text.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")).map(decode));
        find(&self.query).or_else(|| find(&body)).unwrap_or_default()
    }
}

fn decode(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        (bytes, rest) = match (first, hex) {
            (b'%', Some(byte)) => ([&bytes[..], &[byte]].concat(), &after[2..]),
            (b'+', _) => ([&bytes[..], b" "].concat(), after),
            _ => ([&bytes[..], &[first]].concat(), after),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Starts the app; it lives as long as the test binary.
pub(crate) fn start(safe: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    start_on(listener, safe, address.to_string());
    address
}

pub(crate) fn start_on(listener: TcpListener, safe: bool, authority: String) {
    let state = Arc::new(State {
        safe,
        authority,
        texts: Mutex::default(),
        missing: Mutex::default(),
        files: Mutex::default(),
        seen: Mutex::default(),
        busy: AtomicUsize::new(0),
        next: AtomicUsize::new(1),
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = state.clone();
            thread::spawn(move || serve(stream, &state));
        }
    });
}

/// How many connections the naive app works on at a time.
const THREADS: usize = 8;

fn serve(mut stream: TcpStream, state: &State) {
    if !state.safe {
        while state.busy.fetch_add(1, Ordering::SeqCst) >= THREADS {
            state.busy.fetch_sub(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
        }
    }
    let _ = stream.set_read_timeout(Some(Duration::from_secs(if state.safe { 1 } else { 30 })));
    let peer = stream.peer_addr().map(|peer| peer.ip()).unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer, state) {
        let close = state.safe || request.header("connection").is_some_and(|value| value.contains("close"));
        let answer = respond(&request, peer, state);
        if stream.write_all(&answer).is_err() || close {
            break;
        }
    }
    if !state.safe {
        state.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

fn until(stream: &mut TcpStream, buffer: &mut Vec<u8>, done: impl Fn(&[u8]) -> bool) -> Option<()> {
    let mut chunk = [0; 4096];
    while !done(buffer) {
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => buffer.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
    Some(())
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// The naive reader takes any line end, and chunked over a length; the strict one answers 400 by a head it makes up.
fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>, state: &State) -> Option<Request> {
    let end = |bytes: &[u8]| position(bytes, b"\r\n\r\n").map(|at| at + 4).or(position(bytes, b"\n\n").map(|at| at + 2));
    until(stream, buffer, |bytes| end(bytes).is_some())?;
    let at = end(buffer)?;
    let head = String::from_utf8_lossy(&buffer[..at]).into_owned();
    buffer.drain(..at);
    let mut lines = head.lines();
    let first = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let target = target.strip_prefix("http://evil.example").unwrap_or(&target).to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut request = Request { method, path: path.to_owned(), query: query.to_owned(), headers, body: Vec::new() };
    if state.safe && !sound(&head, &request, &state.authority) {
        request.path = "/malformed".into();
        return Some(request);
    }
    if request.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        until(stream, buffer, |bytes| position(bytes, b"0\r\n\r\n").is_some())?;
        let used = position(buffer, b"0\r\n\r\n")? + 5;
        request.body = buffer.drain(..used).collect();
    } else {
        let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        until(stream, buffer, |bytes| bytes.len() >= length)?;
        request.body = buffer.drain(..length).collect();
    }
    Some(request)
}

fn sound(head: &str, request: &Request, authority: &str) -> bool {
    let lines: Vec<&str> = head.split("\r\n").collect();
    let hosts = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")).count();
    let lengths = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).count();
    let fields = lines.iter().skip(1).filter(|line| !line.is_empty()).all(|line| {
        line.split_once(':').is_some_and(|(name, value)| !name.contains([' ', '_']) && !value.bytes().any(|byte| byte < 32))
    });
    fields
        && !head.replace("\r\n", "").contains('\n')
        && lines[0].split(' ').count() == 3
        && lines[0].split(' ').nth(1).is_some_and(|target| target.starts_with('/'))
        && hosts == 1
        && request.header("host") == Some(authority)
        && lengths <= 1
        && request.header("transfer-encoding").is_none()
        && request.header("content-length").is_none_or(|value| value.parse::<usize>().is_ok())
}

fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n", body.len()).as_bytes(), body].concat()
}

fn refuse(status: u16) -> Vec<u8> {
    answer(status, "Content-Type: text/plain\r\nX-Gambeson-Ref: ref-1\r\n", b"Refused. Reference: ref-1")
}

const SAFE_HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n\
    X-Content-Type-Options: nosniff\r\nCross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n\
    Strict-Transport-Security: max-age=63072000\r\n";

fn respond(request: &Request, peer: IpAddr, state: &State) -> Vec<u8> {
    if let Some(refusal) = guard(request, peer, state).filter(|_| state.safe) {
        return refusal;
    }
    let origin = request.header("origin").unwrap_or_default();
    let mut headers = if state.safe {
        SAFE_HEADERS.to_owned()
    } else {
        format!(
            "Server: tiny/1.0\r\nAccess-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Methods: DELETE\r\n"
        )
    };
    let (status, extra, body) = app(request, state);
    headers.push_str(&extra);
    if !headers.contains("Content-Type:") {
        headers.push_str("Content-Type: text/html\r\n");
    }
    if status == 101 {
        return [&b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x0d"[..], &body].concat();
    }
    answer(status, &headers, &body)
}

/// What a gateway does before the app sees anything.
fn guard(request: &Request, peer: IpAddr, state: &State) -> Option<Vec<u8>> {
    if request.path == "/malformed" {
        return Some(refuse(400));
    }
    let mut seen = state.seen.lock().unwrap();
    let count = seen.entry(peer).or_default();
    *count += match request.path.as_str() {
        "/login" if request.method == "POST" => 20,
        _ if ["Nikto", "sqlmap"].iter().any(|name| request.header("user-agent").is_some_and(|agent| agent.contains(name))) => {
            1000
        }
        // Nobody who is not a scanner asks for that.
        path if path.ends_with(".php") => 100,
        _ => 1,
    };
    if *count > 300 {
        return Some(refuse(429));
    }
    let own = request.header("origin").is_none_or(|origin| origin.ends_with(&format!("//{}", state.authority)));
    let trusted = matches!(request.header("sec-fetch-site"), None | Some("same-origin" | "none"));
    let acts = request.method != "GET" || request.header("upgrade").is_some();
    (acts && !(own && trusted)).then(|| refuse(403))
}

fn user(request: &Request, state: &State) -> Option<String> {
    let name = if state.safe { "__Host-sid=" } else { "sid=" };
    let cookie = request.header("cookie")?.split("; ").find_map(|pair| pair.strip_prefix(name))?;
    if let Some((text, _)) = cookie.split_once('.') {
        // The naive app's sessions are signed in Flask's way, with the key "secret", and it checks no signature.
        return match text {
            "eyJ1c2VyIjoicm9vdCJ9" => Some("root".into()),
            "YW5u" => Some("ann".into()),
            "Ym9i" => Some("bob".into()),
            _ => None,
        };
    }
    cookie.strip_prefix("opaque-").map(str::to_owned)
}

fn session(name: &str, state: &State) -> String {
    if state.safe {
        return format!("Set-Cookie: __Host-sid=opaque-{name}; Secure; HttpOnly; SameSite=Lax; Path=/\r\n");
    }
    // Signatures of itsdangerous 2.2.0, key "secret", salt "cookie-session".
    let value = match name {
        "ann" => "YW5u.aSFmgA.RxSblTABX79pUlNynfylTm0vPys",
        "bob" => "Ym9i.aSFmgA.jCSNc6eB9AlqkKwYqkHzs1L-_YM",
        _ => "eyJ1c2VyIjoicm9vdCJ9.x.y",
    };
    format!("Set-Cookie: sid={value}\r\n")
}

fn escape(text: &str, state: &State) -> String {
    if state.safe { text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;") } else { text.to_owned() }
}

type Answer = (u16, String, Vec<u8>);

fn page(body: impl Into<Vec<u8>>) -> Answer {
    (200, String::new(), body.into())
}

fn app(request: &Request, state: &State) -> Answer {
    let who = user(request, state);
    let host = request.header("host").unwrap_or_default();
    if let Some(prefix) = request.header("script_name") {
        return page(format!("<a href=\"{prefix}/login\">log in</a>"));
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("OPTIONS", _) => (if state.safe { 403 } else { 200 }, String::new(), Vec::new()),
        ("GET", "/") => {
            let texts = state.texts.lock().unwrap();
            page(texts.iter().map(|(id, text)| format!("<p id={id}>{text}</p>")).collect::<String>() + "<title>tiny</title>")
        }
        ("GET", "/login") => page(format!("<form action=\"//{host}/login\"><input type=\"password\"></form>")),
        ("POST", "/login") => log_in(request, state),
        ("POST", "/write") if who.is_some() => write(&request.parameter("text"), state),
        ("POST", "/api/write") if who.is_some() => write_json(request, state),
        ("DELETE", path) if who.is_some() => {
            state.texts.lock().unwrap().retain(|(id, _)| format!("/text/{id}") != path);
            page("gone")
        }
        ("GET", "/search") => search(&request.parameter("q"), state),
        ("GET", "/seen") => seen(request, state),
        ("GET", "/.env") if !state.safe => page("DB_PASSWORD=hidden"),
        ("GET", path) if path.starts_with("/missing/") => {
            let shown = escape(&decode(path), state);
            let line = if state.safe { shown.escape_debug().to_string() } else { shown.clone() };
            state.missing.lock().unwrap().push_str(&(line + "\n"));
            (404, String::new(), if state.safe { shown } else { computed(&shown) }.into())
        }
        ("GET", "/log") => page(state.missing.lock().unwrap().clone()),
        ("POST", "/invitation") => page(holes::invitation(&request.body, state.safe)),
        ("POST", "/mail") => page(holes::recipients(&request.parameter("subject"), state.safe)),
        ("POST", "/import") if who.is_some() => write(&holes::comment(&request.parameter("xml"), state.safe), state),
        ("GET", "/public") if request.query.contains("callback=") => called(&request.parameter("callback"), state),
        ("GET", "/me") => page(who.map_or("nobody".into(), |who| format!("secret-of-{who}"))),
        ("GET", "/user/ann") if who.as_deref() == Some("ann") || !state.safe => page("secret-of-ann"),
        ("GET", "/public") => page("public data"),
        ("GET", "/echo") => page(echo(request, state)),
        ("POST", "/upload") if who.is_some() => upload(request, state),
        ("GET", "/file") => file(&request.parameter("name"), state),
        ("GET", "/ws") => (101, String::new(), format!("secret-of-{}", who.unwrap_or_default()).into_bytes()),
        ("GET", "/fail") => (500, String::new(), if state.safe { "Sorry" } else { "Traceback (most recent call last)" }.into()),
        ("GET", path) if holes::page(path, "", true).is_some() => {
            page(holes::page(path, &request.parameter("q"), state.safe).unwrap_or_default())
        }
        ("GET", "/console") if !state.safe => page("<script>var EVALEX = true</script>"),
        _ => (404, String::new(), b"nothing here".to_vec()),
    }
}

fn log_in(request: &Request, state: &State) -> Answer {
    let (name, password) = (request.parameter("name"), request.parameter("password"));
    let injected = !state.safe && name == "root' --";
    if !state.safe && name == "O'Brien" {
        return page("OperationalError('near Brien')");
    }
    if !injected && password != format!("pw-{name}") {
        return page("wrong");
    }
    let next = if state.safe { String::new() } else { request.parameter("next") };
    let place = if next.is_empty() { "/" } else { &next };
    (302, format!("{}Location: {place}\r\n", session(if injected { "root" } else { &name }, state)), Vec::new())
}

fn write(text: &str, state: &State) -> Answer {
    let id = state.next.fetch_add(1, Ordering::SeqCst);
    state.texts.lock().unwrap().push((id, escape(text, state)));
    (302, "Location: /\r\n".into(), Vec::new())
}

/// The naive app takes the last of two members of one name, as Python does.
fn write_json(request: &Request, state: &State) -> Answer {
    let text = String::from_utf8_lossy(&request.body).into_owned();
    if state.safe && text.matches("\"text\":").count() > 1 {
        return (400, String::new(), b"two of one name".to_vec());
    }
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    write(document["text"].as_str().unwrap(), state)
}

/// The text with the first `{{a*b}}` computed.
fn computed(text: &str) -> String {
    holes::product_between(text, "{{", "}}").unwrap_or_else(|| text.to_owned())
}

/// The data as a call; the safe app calls nothing but names.
fn called(name: &str, state: &State) -> Answer {
    if state.safe && !name.chars().all(|c| c.is_ascii_alphanumeric() || "_$.[]".contains(c)) {
        return (400, String::new(), b"no name".to_vec());
    }
    (200, "Content-Type: text/javascript\r\n".into(), format!("{name}([]);").into_bytes())
}

/// Remembers the last words in a cookie. The naive app runs what it says: the product in `str(a*b)`.
fn seen(request: &Request, state: &State) -> Answer {
    let cookies = request.header("cookie").unwrap_or_default();
    let before = cookies.split("; ").find_map(|pair| pair.strip_prefix("seen=")).unwrap_or_default();
    let ran = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE, before)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !state.safe && text.contains("eval"))
        .map(|text| computed(&text.replace("str(", "{{").replace(')', "}}")));
    let cookie = format!("Set-Cookie: seen={}; Secure; HttpOnly; SameSite=Lax; Path=/\r\n", request.parameter("q"));
    (200, cookie, format!("before: {}", escape(&ran.unwrap_or_else(|| before.to_owned()), state)).into_bytes())
}

fn search(words: &str, state: &State) -> Answer {
    let again = if state.safe { words.to_owned() } else { decode(words).replace("/**/", " ") };
    let (words, shown) = (again.as_str(), escape(&again, state));
    match (state.safe, words) {
        (false, "' UNION") => page("another table"),
        (false, "' AND fail(") => (500, String::new(), b"no such path: another table".to_vec()),
        (false, words) if words.starts_with("'\"") => page("sqlite3.OperationalError"),
        _ => page(format!("results for {shown}")),
    }
}

fn echo(request: &Request, state: &State) -> String {
    let forwarded = |name: &str| name.to_ascii_lowercase().contains("forwarded") || name.eq_ignore_ascii_case("x-real-ip");
    request
        .headers
        .iter()
        .filter(|(name, _)| !(state.safe && forwarded(name)))
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect()
}

fn upload(request: &Request, state: &State) -> Answer {
    let text = &request.body;
    let begin = position(text, b"filename=\"").unwrap() + 10;
    let mut name = String::from_utf8_lossy(&text[begin..begin + position(&text[begin..], b"\"").unwrap()]).into_owned();
    let second = position(text, b"filename*=utf-8''").map(|at| at + 17);
    if state.safe && (second.is_some() || name.contains('/')) {
        return (400, String::new(), b"no such names".to_vec());
    }
    if let Some(at) = second {
        name = String::from_utf8_lossy(&text[at..at + position(&text[at..], b"\r").unwrap()]).into_owned();
    }
    if let Some(inside) = name.strip_prefix("../files/") {
        name = inside.to_owned();
    }
    let start = position(text, b"\r\n\r\n").unwrap() + 4;
    let end = start + position(&text[start..], b"\r\n----").unwrap();
    state.files.lock().unwrap().insert(name, text[start..end].to_vec());
    (302, "Location: /\r\n".into(), Vec::new())
}

fn file(name: &str, state: &State) -> Answer {
    if name == "../db" && !state.safe {
        return page("the database");
    }
    if name == "/etc/passwd" && !state.safe {
        return page("root:x:0:0");
    }
    let kind = if name.ends_with(".js") {
        "text/javascript"
    } else if name.ends_with(".html") {
        "text/html"
    } else {
        "image/png"
    };
    match state.files.lock().unwrap().get(name) {
        Some(content) => (
            200,
            format!("Content-Type: {kind}\r\n{}", if state.safe { "Content-Disposition: attachment\r\n" } else { "" }),
            content.clone(),
        ),
        None => (404, String::new(), b"nothing here".to_vec()),
    }
}
