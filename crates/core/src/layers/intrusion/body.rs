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
use gambeson_read::{GraphqlJson, Json, Limits, MediaType, Multipart, Place, Profile, Reader, UrlEncoded, Xml};
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
    /// Not known before its first byte is seen.
    Unknown,
    /// Text without names: judged as one value, its first part alone.
    Text(Vec<u8>),
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
    judge.only_text = matches!(form, Form::Guess(_));
    Verdict::Inspect(Box::new(Body { judge, window: layer.window, form, done: false }))
}

fn form(media: Option<&MediaType>, profile: Profile, request: &Request, limits: &Limits) -> Result<Form, gambeson_read::Stop> {
    let document = |reader: Box<dyn Reader + Send + Sync>| Ok(Form::Document { reader, empty: true });
    let Some(media) = media else { return Ok(Form::Unknown) };
    if media.is_multipart() {
        return document(Box::new(Multipart::new(media, limits)?));
    }
    if media.is_form() {
        return document(Box::new(UrlEncoded::new(Place::Form, limits)));
    }
    if media.is_json() {
        let graphql = request.target.decoded_path().to_ascii_lowercase().contains("graphql");
        return if graphql { document(Box::new(GraphqlJson::new(limits))) } else { document(Box::new(Json::new(limits))) };
    }
    if media.is_xml() {
        return document(Box::new(Xml::new(limits)));
    }
    // Bottle reads even a picture as a form when it is asked for one.
    match is_opaque(request) {
        true if profile == Profile::Bottle => Ok(Form::Guess(Box::new(UrlEncoded::new(Place::Form, limits)))),
        true => Ok(Form::Opaque),
        false => Ok(Form::Unknown),
    }
}

/// Pictures, sounds, archives, and bytes of no type.
fn is_opaque(request: &Request) -> bool {
    let kind = request.header(http::header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let starts = ["image/", "audio/", "video/", "font/", "application/octet-stream", "application/pdf", "application/zip"];
    starts.iter().any(|start| kind.starts_with(start)) && !kind.starts_with("image/svg")
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
            Form::Document { empty: true, .. } | Form::Unknown | Form::Opaque => Ok(()),
            Form::Document { reader, .. } => {
                let read = self.judge.read(|out| reader.finish(out));
                self.judge.settle(read, "body")
            }
            Form::Guess(reader) => {
                let read = self.judge.read(|out| reader.finish(out));
                self.judge.guessed(read)
            }
            Form::Text(text) => {
                let text = std::mem::take(text);
                self.text(&text)
            }
        };
        self.refused(judged)
    }
}

impl Body {
    fn step(&mut self, bytes: &[u8]) -> Judged {
        if matches!(self.form, Form::Unknown) {
            self.form = sniffed(bytes);
        }
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
            Form::Text(text) => {
                let room = self.window.saturating_sub(text.len());
                text.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                if text.len() < self.window {
                    return Ok(());
                }
                let text = std::mem::take(text);
                self.form = Form::Opaque;
                self.text(&text)
            }
            Form::Unknown | Form::Opaque => Ok(()),
        }
    }

    fn text(&mut self, text: &[u8]) -> Judged {
        self.judge.value(Where::Value, &|| "body".into(), "", text);
        self.judge.settle(Ok(()), "body")
    }

    fn refused(&mut self, judged: Result<(), Box<Denial>>) -> Judged {
        self.done |= judged.is_err();
        judged
    }
}

/// Apps read JSON whatever its type: `json.loads(request.body)`.
fn sniffed(bytes: &[u8]) -> Form {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => Form::Document { reader: Box::new(Json::new(&Limits::default())), empty: true },
        _ => Form::Text(Vec::new()),
    }
}
