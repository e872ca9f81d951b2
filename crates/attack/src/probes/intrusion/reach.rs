//! The app made to reach what only it can reach: a service beside it, a file on its machine.

use std::io::{ErrorKind, Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::code::FILE;
use crate::app::{Preview, fill, fill_fields};
use crate::browser::{From, How};
use crate::context::{Context, described};
use crate::cookies::Jar;
use crate::encode;
use crate::http::{Request, Response};
use crate::probe::{Failed, Twin, Verdict};

/// A service of this machine that nobody but this machine reaches; it says one word to everybody, until dropped.
struct Internal {
    port: u16,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How often it looks whether it is to end.
const PAUSE: Duration = Duration::from_millis(10);

impl Internal {
    fn start(word: &str) -> std::io::Result<Internal> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let (port, ended) = (listener.local_addr()?.port(), Arc::new(AtomicBool::new(false)));
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{word}", word.len());
        let over = ended.clone();
        let thread = thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => drop(say(stream, &answer)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
                    Err(_) => break,
                }
            }
        });
        Ok(Internal { port, ended, thread: Some(thread) })
    }
}

impl Drop for Internal {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

fn say(mut stream: TcpStream, answer: &str) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    // What is asked does not matter, but who has not said it whole takes the answer for an error.
    let _head = stream.read(&mut [0; 4096])?;
    stream.write_all(answer.as_bytes())
}

fn preview(context: &mut Context<'_>, preview: &Preview, url: &str) -> Result<Response, Failed> {
    context.visit(&fill(&preview.path, "url", url), &Jar::default())
}

pub(super) fn internal_url(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let described = described(&context.app.preview, "preview")?;
    let word = encode::mark();
    let internal = Internal::start(&word).map_err(|error| Failed(format!("no service could be started: {error}")))?;
    let (url, word) = match &described.internal {
        Some(internal) => (internal.path.clone(), internal.contains.clone()),
        None => (format!("http://127.0.0.1:{}/", internal.port), word),
    };
    let page = preview(context, described, &url)?;
    Ok(if page.contains(&word) {
        Verdict::succeeded(format!("the page shows {word:?}, which only {url} says"))
    } else {
        Verdict::refused(&page, "nothing of the internal service is shown")
    })
}

/// A visitor asks what is behind a link to a page that all may see.
pub(super) fn own_link(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let described = described(&context.app.preview, "preview")?;
    let (mark, origin) = (encode::mark(), context.origin());
    let own = fill(&described.own, "text", &mark);
    // Copied from the address line, where that has a name; an address of this machine alone nobody would send.
    let named = own.starts_with('/') && !origin.host.contains("localhost") && origin.host.parse::<std::net::IpAddr>().is_err();
    let url = if named { format!("{origin}{own}") } else { own };
    let page = preview(context, described, &url)?;
    // The address may be shown again with what it has in it; the page behind it has more.
    Ok(Twin::of(page.text().replace(&url, "").contains(&mark), &page, "what is behind a link"))
}

/// Sends a document of one comment; the answer, and the page where it is then read.
fn import(context: &mut Context<'_>, document: &str) -> Result<(Response, Response), Failed> {
    let xml = described(&context.app.xml, "xml")?;
    let jar = context.victim_session()?;
    let form = Request::form(&xml.path, &fill_fields(&xml.fields, &[("text", document)]));
    let answer = context.browse(form, &jar, &From::Own, How::Navigate)?;
    Ok((answer, context.visit(&xml.read, &jar)?))
}

pub(super) fn xml_entity(context: &mut Context<'_>) -> Result<Verdict, Failed> {
    let (mark, (file, sign)) = (encode::mark(), FILE);
    let document = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE comments [<!ENTITY e SYSTEM \"file://{file}\">]>\n\
         <comments><comment>{mark} &e;</comment></comments>"
    );
    let (answer, page) = import(context, &document)?;
    Ok(if page.contains(&format!("{mark} {sign}")) {
        Verdict::succeeded(format!("the imported comment has {file} in it: {mark} {sign}…"))
    } else {
        Verdict::refused(&answer, "the file is in no comment")
    })
}

/// A user imports what another program wrote, with a declaration, a comment, CDATA, entities and a name space.
pub(super) fn own_export(context: &mut Context<'_>) -> Result<Twin, Failed> {
    let mark = encode::mark();
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<!-- by Export 2.1 & friends -->\n\
         <comments xmlns=\"http://export.example/2\" site=\"O'Brien &amp; Söhne\">\n  <comment id='1'>{mark} it&apos;s \
         5 &lt; 6 &#8212; <![CDATA[R&D: if a < b && b > c]]></comment>\n</comments>"
    );
    let (answer, page) = import(context, &document)?;
    Ok(Twin::of(
        page.contains(&format!("{mark} it's 5")) || page.contains(&format!("{mark} it&#39;s 5")),
        &answer,
        "an ordinary import",
    ))
}
