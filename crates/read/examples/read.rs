//! Reads requests given as JSON lines and answers with what was read: what `tests/differential/` compares with the frameworks.
//!
//! In: `{"app": FRAMEWORK, "kind": "query"|"cookie"|"body"|"guess", "type": CONTENT_TYPE, "bytes": HEX}`.
//! Out: `{"fields": [[KIND, NAME, VALUE]], "files": [[NAME, FILENAME, CONTENT]], "notes": [..], "stop": null|TEXT, "agrees": BOOL}`,
//! names and values in hexadecimal digits. `{"app": FRAMEWORK, "kind": "profile"}` is answered with what is claimed of it.

use gambeson_read::*;
use serde_json::{Value, json};
use std::io::{BufRead, Write};

#[derive(Default)]
struct Told {
    fields: Vec<Value>,
    files: Vec<Value>,
    notes: Vec<Note>,
    content: Vec<u8>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default();
    digits.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |value, byte| value << 4 | digit(byte))).collect()
}

impl Sink for Told {
    fn field(&mut self, field: Field<'_>) -> Flow {
        if field.place != Place::File {
            self.fields.push(json!([format!("{:?}", field.kind), hex(field.name), hex(field.value)]));
        }
        Flow::Continue
    }

    fn note(&mut self, note: Note) -> Flow {
        self.notes.push(note);
        Flow::Continue
    }

    fn content(&mut self, bytes: &[u8]) -> Flow {
        self.content.extend_from_slice(bytes);
        Flow::Continue
    }

    fn part_end(&mut self, end: PartEnd<'_>) -> Flow {
        if let Some(filename) = end.filename.filter(|name| !name.is_empty()) {
            self.files.push(json!([hex(end.name), hex(filename), hex(&self.content)]));
        }
        self.content.clear();
        Flow::Continue
    }
}

fn reader(kind: &str, media: &MediaType, profile: Profile, limits: &Limits) -> Result<Box<dyn Reader>, Stop> {
    Ok(match kind {
        "query" => Box::new(UrlEncoded::new(Place::Query, limits)),
        _ if media.is_multipart() => Box::new(Multipart::new(media, limits)?.as_read_by(profile)),
        _ if media.is_xml() => Box::new(Xml::new(limits)),
        _ if media.is_json() => Box::new(Json::new(limits)),
        _ => Box::new(UrlEncoded::new(Place::Form, limits)),
    })
}

fn text<'a>(request: &'a Value, key: &str) -> &'a str {
    request.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn read(request: &Value, profile: Profile, told: &mut Told) -> Result<(), Stop> {
    let text = |key: &str| text(request, key);
    let (bytes, limits, mut budget) = (unhex(text("bytes")), Limits::default(), Budget::new(u64::MAX));
    let media = MediaType::read(text("type").as_bytes());
    if text("kind") == "body" {
        told.notes.extend(&media.notes);
    }
    let mut out = Out { sink: told, budget: &mut budget };
    match text("kind") {
        "cookie" => read_cookies(&bytes, &limits, &mut out),
        "guess" => {
            let mut reader = Body::new(&media, profile, false, &limits)?;
            reader.feed(&bytes, &mut out)?;
            reader.finish(&mut out)
        }
        kind => {
            let mut reader = reader(kind, &media, profile, &limits)?;
            // Small pieces, so that what depends on borders would show here too.
            bytes.chunks(7).try_for_each(|piece| reader.feed(piece, &mut out))?;
            reader.finish(&mut out)
        }
    }
}

fn main() -> std::io::Result<()> {
    let mut answers = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let mut told = Told::default();
        let request = serde_json::from_str(&line?)?;
        let profile = Profile::of_framework(text(&request, "app"));
        if text(&request, "kind") == "profile" {
            let (pick, any) = (format!("{:?}", profile.pick()), profile.reads_any_type_as_form());
            writeln!(
                answers,
                "{}",
                json!({"pick": pick, "form_fields_max": profile.form_fields_max(), "any_type_as_form": any})
            )?;
            continue;
        }
        let stop = read(&request, profile, &mut told).err();
        told.notes.sort_unstable();
        told.notes.dedup();
        let answer = json!({
            "fields": told.fields,
            "files": told.files,
            "notes": told.notes.iter().map(|note| note.name()).collect::<Vec<_>>(),
            "stop": stop.map(|stop| stop.to_string()),
            "agrees": told.notes.iter().all(|note| profile.agrees(*note)),
        });
        writeln!(answers, "{answer}")?;
    }
    answers.flush()
}
