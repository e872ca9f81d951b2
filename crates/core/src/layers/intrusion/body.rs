//! A request's body, read along with its way to the app.

use super::{
    Intrusion,
    judge::{Judge, Judged, media},
};
use crate::{
    exchange::Request,
    layers::{Denial, Inspector, Verdict},
};
use gambeson_detect::Where;
use gambeson_read::{Limits, MediaType, Place, Profile, Reader, Stop, UrlEncoded};
use std::fmt;

/// Reads a body by its type and judges what it says.
struct Body {
    judge: Judge,
    window: usize,
    form: Form,
    /// Something was refused: in `report` mode the rest passes unread.
    done: bool,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("intrusion::Body")
    }
}

/// What the body is.
enum Form {
    /// A document with named values.
    Document { reader: Box<dyn Reader + Send + Sync>, empty: bool },
    /// A form by nothing but one framework's reading: what is odd about it is no wonder.
    Guess(Box<UrlEncoded>),
    /// Of a type that names no values: read as what it begins like, and judged as a text, its first part alone.
    Text { reader: Option<Box<dyn Reader + Send + Sync>>, text: Vec<u8> },
    /// Nothing that an app reads values from.
    Opaque,
}

/// Begins to read a request's body.
pub(super) fn inspect(layer: &Intrusion, request: &Request, mut judge: Judge) -> Verdict {
    let limits = Limits::default();
    let media = media(&request.headers);
    let form = match form(media.as_ref(), layer.profile, request, &limits) {
        Ok(form) => form,
        Err(stop) => {
            let settled = judge.settle(Err(stop), "body");
            return settled.map_or_else(Verdict::Refuse, |()| Verdict::Pass);
        }
    };
    judge.guessing = matches!(form, Form::Guess(_) | Form::Text { .. });
    Verdict::Inspect(Box::new(Body { judge, window: layer.window, form, done: false }))
}

fn form(media: Option<&MediaType>, profile: Profile, request: &Request, limits: &Limits) -> Result<Form, Stop> {
    let untyped = MediaType::read(b"");
    let graphql = request.target.decoded_path().to_ascii_lowercase().contains("graphql");
    let reader = gambeson_read::Body::new(media.unwrap_or(&untyped), profile, graphql, limits)?;
    // Bottle reads even a picture as a form when it is asked for one.
    Ok(match is_opaque(media) {
        _ if reader.is_read_by_type() => Form::Document { reader: Box::new(reader), empty: true },
        true if profile == Profile::Bottle => Form::Guess(Box::new(UrlEncoded::new(Place::Form, limits))),
        true => Form::Opaque,
        false => Form::Text { reader: Some(Box::new(reader)), text: Vec::new() },
    })
}

/// Pictures, sounds, archives, bytes of no type or of a binary encoding.
fn is_opaque(media: Option<&MediaType>) -> bool {
    const STARTS: [&[u8]; 4] = [b"image/", b"audio/", b"video/", b"font/"];
    const BINARY: [&[u8]; 20] = [
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
        b"x-msgpack",
        b"cbor",
        b"binary",
        b"bson",
        b"vnd.apache.parquet",
        b"dns-message",
        b"ocsp-request",
    ];
    let Some(media) = media else { return false };
    let kind = media.essence.as_slice();
    let sub = kind.split(|byte| *byte == b'/').nth(1).unwrap_or_default();
    let sub = sub.strip_prefix(b"x-").unwrap_or(sub);
    let last = sub.rsplit(|byte| *byte == b'+').next().unwrap_or_default();
    let binary = BINARY.contains(&sub) || BINARY.contains(&last);
    binary || (STARTS.iter().any(|start| kind.starts_with(start)) && !kind.starts_with(b"image/svg"))
}

impl Inspector for Body {
    fn window(&self) -> usize {
        if matches!(self.form, Form::Opaque) { 0 } else { self.window }
    }

    fn feed(&mut self, bytes: &[u8]) -> Judged {
        if self.done || bytes.is_empty() {
            return Ok(());
        }
        self.judge.worth(bytes.len());
        let judged = self.step(bytes);
        self.refused(judged)
    }

    fn end(&mut self) -> Judged {
        if self.done {
            return Ok(());
        }
        let judged = match &mut self.form {
            // Clients send an empty body under any type; nobody reads it otherwise.
            Form::Document { empty: true, .. } | Form::Opaque => Ok(()),
            Form::Document { reader, .. } => {
                let read = self.judge.read(|out| reader.finish(out));
                self.judge.settle(read, "body")
            }
            Form::Guess(reader) => {
                let read = self.judge.read(|out| reader.finish(out));
                self.judge.guessed(read)
            }
            Form::Text { reader, text } => {
                let read = reader.as_mut().map_or(Ok(()), |reader| self.judge.read(|out| reader.finish(out)));
                let read = read.or_else(|stop| if is_none_such(stop) { Ok(()) } else { Err(stop) });
                let text = std::mem::take(text);
                self.text(read, &text)
            }
        };
        self.refused(judged)
    }
}

impl Body {
    fn step(&mut self, bytes: &[u8]) -> Judged {
        match &mut self.form {
            Form::Document { reader, empty } => {
                *empty = false;
                let read = self.judge.read(|out| reader.feed(bytes, out));
                self.judge.settle(read, "body")
            }
            Form::Guess(reader) => {
                let read = self.judge.read(|out| reader.feed(bytes, out));
                let judged = self.judge.guessed(read);
                if read.is_err() {
                    self.form = Form::Opaque;
                }
                judged
            }
            Form::Text { reader, text } => {
                let mut read = reader.as_mut().map_or(Ok(()), |reader| self.judge.read(|out| reader.feed(bytes, out)));
                if read.is_err_and(is_none_such) {
                    (*reader, read) = (None, Ok(()));
                }
                let room = self.window.saturating_sub(text.len());
                text.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                self.judge.settle(read, "body")
            }
            Form::Opaque => Ok(()),
        }
    }

    /// What was read of a text as something else, and the text as it stands: line by line where each is a document of its own.
    fn text(&mut self, read: Result<(), Stop>, text: &[u8]) -> Judged {
        let judge = &mut self.judge;
        judge.settle(read, "body")?;
        let lines = matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
        // A blob of no type has zeros: a text ends there.
        let mut runs = text.split(|byte| *byte == 0 || (lines && *byte == b'\n')).filter(|run| !run.is_empty());
        runs.try_for_each(|run| {
            judge.value(Where::Value, &|| "body".into(), "", run);
            judge.settle(Ok(()), "body")
        })
    }

    fn refused(&mut self, judged: Result<(), Box<Denial>>) -> Judged {
        self.done |= judged.is_err();
        judged
    }
}

/// Whether a body that was only tried as a document is none: a name of many kilobytes is a text.
fn is_none_such(stop: Stop) -> bool {
    matches!(stop, Stop::Bound(_))
}
