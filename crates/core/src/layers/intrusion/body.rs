//! A request's body, read along with its way to the app.

use super::{
    Intrusion, Suspects,
    judge::{Judge, Judged, media},
};
use crate::{
    exchange::Request,
    layers::{Inspector, Verdict},
};
use gambeson_detect::Where;
use gambeson_read::{Limits, MediaType, Reader, Stop};
use std::fmt;

/// Reads a body by its type and by what it begins like, and judges what it says.
struct Body {
    judge: Judge<'static>,
    window: usize,
    /// `None` once it can read no further.
    reader: Option<gambeson_read::Body>,
    /// Whether the type is one that has a reader: then the body must be what it says.
    is_document: bool,
    /// The beginning of a body whose type names no values: judged as one text.
    text: Option<Vec<u8>>,
    /// Clients send an empty body under any type; nobody reads it otherwise.
    empty: bool,
    /// Something was refused: in `report` mode the rest passes unread.
    done: bool,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("intrusion::Body")
    }
}

/// Begins to read a request's body.
pub(super) fn inspect(layer: &Intrusion, request: &Request, mut judge: Judge<'_>) -> Verdict {
    let media = media(&request.headers).unwrap_or_else(|| MediaType::read(b""));
    let graphql = request.target.decoded_path().to_ascii_lowercase().contains("graphql");
    let reader = gambeson_read::Body::new(&media, layer.profile, graphql, &Limits::default());
    let settled = match &reader {
        Ok(_) => judge.coded(&request.headers),
        Err(stop) => judge.settle(Err(*stop), "body"),
    };
    if let Err(denial) = settled {
        return Verdict::Refuse(denial);
    }
    let reader = reader.ok();
    let is_document = reader.as_ref().is_none_or(gambeson_read::Body::is_read_by_type);
    let text = (!is_document && !is_binary(&media)).then(Vec::new);
    let judge = judge.of_body(request, !is_document);
    Verdict::Inspect(Box::new(Body { judge, window: layer.window, reader, is_document, text, empty: true, done: false }))
}

/// Pictures, sounds, archives, bytes of no type or of a binary encoding: no text, though an app may find JSON in them.
fn is_binary(media: &MediaType) -> bool {
    const STARTS: [&[u8]; 4] = [b"image/", b"audio/", b"video/", b"font/"];
    const BINARY: [&[u8]; 19] = [
        b"octet-stream",
        b"pdf",
        b"zip",
        b"gzip",
        b"zstd",
        b"tar",
        b"7z-compressed",
        b"wasm",
        b"protobuf",
        b"proto",
        b"grpc",
        b"grpc-web",
        b"msgpack",
        b"cbor",
        b"binary",
        b"bson",
        b"vnd.apache.parquet",
        b"dns-message",
        b"ocsp-request",
    ];
    let kind = media.essence.as_slice();
    let sub = kind.split(|byte| *byte == b'/').nth(1).unwrap_or_default();
    let sub = sub.strip_prefix(b"x-").unwrap_or(sub);
    let last = sub.rsplit(|byte| *byte == b'+').next().unwrap_or_default();
    let binary = BINARY.contains(&sub) || BINARY.contains(&last);
    binary || (STARTS.iter().any(|start| kind.starts_with(start)) && !kind.starts_with(b"image/svg"))
}

impl Inspector for Body {
    fn window(&self) -> usize {
        self.window
    }

    fn feed(&mut self, bytes: &[u8]) -> Judged {
        if self.done || bytes.is_empty() {
            return Ok(());
        }
        self.empty = false;
        self.judge.worth(bytes.len());
        let judged = self.read(|reader, out| reader.feed(bytes, out)).and_then(|()| self.gather(bytes));
        self.settled(judged)
    }

    fn end(&mut self) -> Judged {
        if self.done || self.empty {
            return Ok(());
        }
        let judged = self.read(|reader, out| reader.finish(out)).and_then(|()| self.text());
        self.settled(judged)
    }

    fn held(&self) -> usize {
        let reader = self.reader.as_ref().map_or(0, gambeson_read::Body::held);
        let suspects = self.judge.suspects.as_ref().map_or(0, Suspects::bytes);
        reader + suspects + self.text.as_ref().map_or(0, Vec::capacity)
    }
}

impl Body {
    fn read(&mut self, read: impl FnOnce(&mut gambeson_read::Body, &mut gambeson_read::Out<'_>) -> Result<(), Stop>) -> Judged {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let read = self.judge.read(|out| read(reader, out));
        if read.is_err() {
            self.reader = None;
        }
        if self.is_document { self.judge.settle(read, "body") } else { self.judge.guessed(read) }
    }

    /// Keeps the beginning of a text, and judges it as soon as it is whole: before the app gets any of it.
    fn gather(&mut self, bytes: &[u8]) -> Judged {
        let Some(text) = &mut self.text else { return Ok(()) };
        let room = self.window.saturating_sub(text.len());
        text.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if text.len() < self.window { Ok(()) } else { self.text() }
    }

    /// Judges a text as it stands: line by line where each is a document of its own.
    fn text(&mut self) -> Judged {
        let text = self.text.take().unwrap_or_default();
        let lines = matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
        // A blob of no type has zeros: a text ends there.
        let mut runs = text.split(|byte| *byte == 0 || (lines && *byte == b'\n')).filter(|run| !run.is_empty());
        runs.try_for_each(|run| {
            self.judge.value(Where::Value, &|| "body".into(), "", run);
            self.judge.settle(Ok(()), "body")
        })
    }

    /// What was refused ends the reading; what the policy lets pass is handed on as an event.
    fn settled(&mut self, judged: Judged) -> Judged {
        self.done |= judged.is_err();
        judged.and_then(|()| self.judge.noted.take().map_or(Ok(()), |denial| Err(denial.only_noted())))
    }
}
