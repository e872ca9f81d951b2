//! Fetching an app's own pages: over loopback or its socket, with GET, within bounds.

use super::{
    address::{Link, resolve},
    page::{Page, read},
};
use crate::{Failure, Result};
use gambeson_core::policy::UpstreamAddress;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// How long the app may take, for each of connecting, reading and writing.
const PATIENCE: Duration = Duration::from_secs(10);

/// At most this much of a page is read, in bytes.
const PAGE_BYTES_MAX: u64 = 4 << 20;

/// Files of one folder that are read, at most.
const FILES_MAX: usize = 2_000;

/// The pages that were read, by path, each as often as it was fetched.
pub(super) type Pages = BTreeMap<String, Vec<Page>>;

/// An app to visit.
pub(super) struct Visit {
    pub(super) address: UpstreamAddress,
    /// The hosts it answers to; the first is asked for.
    pub(super) hosts: Vec<String>,
    /// The Cookie field, for pages behind a login.
    pub(super) cookie: Option<String>,
    /// Where to begin.
    pub(super) start: String,
    /// How many pages, at most.
    pub(super) pages_max: usize,
}

impl Visit {
    /// Visits pages from the start on, by their links. A page with inline scripts or styles is fetched twice: what differs has
    /// no hash worth writing down.
    pub(super) fn pages(&self) -> Result<Pages> {
        let mut pages = Pages::new();
        let mut known = BTreeSet::from([self.start.clone()]);
        let mut waiting = VecDeque::from([self.start.clone()]);
        while let Some(path) = waiting.pop_front() {
            if pages.len() >= self.pages_max {
                break;
            }
            let Some(html) = self.fetch(&path)?.html() else { continue };
            let page = read(&html, &path, &self.hosts);
            for link in page.links.iter().filter(|link| !leaves(link)) {
                if known.len() < self.pages_max * 20 && known.insert(link.clone()) {
                    waiting.push_back(link.clone());
                }
            }
            let inline = !page.scripts.is_empty() || !page.styles.is_empty();
            let again = if inline { self.fetch(&path)?.html() } else { None };
            let again = again.map(|html| read(&html, &path, &self.hosts));
            pages.insert(path, [Some(page), again].into_iter().flatten().collect());
        }
        Ok(pages)
    }

    /// One page, after at most five redirects within the app.
    fn fetch(&self, path: &str) -> Result<Answer> {
        let mut path = path.to_owned();
        for _ in 0..5 {
            let answer = self.get(&path)?;
            match answer.field("location").map(|location| resolve(&path, location, &self.hosts)) {
                Some(Link::Own(next)) if (300..400).contains(&answer.status) => path = next,
                _ => return Ok(answer),
            }
        }
        Ok(Answer::default())
    }

    fn get(&self, path: &str) -> Result<Answer> {
        let failed = |error: std::io::Error| {
            Failure::new(format!("{}: {error}", self.address))
                .help("start the app, or name its address with --url or `app.upstream`")
        };
        let mut stream = Stream::open(&self.address).map_err(failed)?;
        let host = self.hosts.first().map_or("localhost", String::as_str);
        let cookie = self.cookie.as_ref().map_or(String::new(), |cookie| format!("Cookie: {cookie}\r\n"));
        // HTTP/1.0, so that the answer ends where the connection does.
        let path: String = path.chars().map(|c| if c.is_ascii_graphic() { c.to_string() } else { encoded(c) }).collect();
        let head =
            format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: text/html\r\nUser-Agent: gambeson-csp\r\n{cookie}\r\n");
        stream.0.write_all(head.as_bytes()).map_err(failed)?;
        let mut bytes = Vec::new();
        stream.0.take(PAGE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Answer::parse(&bytes))
    }
}

fn encoded(c: char) -> String {
    let mut bytes = [0; 4];
    c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Links that end a session or delete something are not followed: apps do such things with GET.
fn leaves(link: &str) -> bool {
    let link = link.to_ascii_lowercase();
    ["logout", "signout", "sign-out", "log-out", "delete", "remove", "/static/"].iter().any(|word| link.contains(word))
}

trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

struct Stream(Box<dyn Both>);

impl Stream {
    fn open(address: &UpstreamAddress) -> std::io::Result<Self> {
        Ok(match address {
            UpstreamAddress::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, PATIENCE)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Self(Box::new(stream))
            }
            UpstreamAddress::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Self(Box::new(stream))
            }
        })
    }
}

/// What the app answered.
#[derive(Debug, Default)]
struct Answer {
    status: u16,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or(bytes.len());
        let (head, body) = bytes.split_at_checked(end).unwrap_or((bytes, b""));
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Self { status, fields, body: body.get(4..).unwrap_or_default().to_vec() }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The page, if it is one: of any status, since error pages run scripts too.
    fn html(self) -> Option<String> {
        let html = self.field("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
        html.then(|| String::from_utf8_lossy(&self.body).into_owned())
    }
}

/// Reads the pages of a folder: files whose name ends in `.html`, `.htm`, `.jinja` or `.j2`.
pub(super) fn folder(from: &Path, hosts: &[String]) -> Result<Pages> {
    let mut pages = Pages::new();
    let mut waiting = vec![from.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in std::fs::read_dir(&path).map_err(|error| Failure::at(&path, error))? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            let page = path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending));
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_file() && page && pages.len() < FILES_MAX && entry.metadata()?.len() <= PAGE_BYTES_MAX {
                let html = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
                let name = path.strip_prefix(from).unwrap_or(&path).display().to_string();
                pages.insert(name, vec![read(&html, "/", hosts)]);
            }
        }
    }
    Ok(pages)
}

const ENDINGS: [&str; 5] = ["html", "htm", "jinja", "jinja2", "j2"];
