//! The segments of a path.

use crate::percent::decode;
use crate::{Bound, Field, Kind, Limits, Note, Notes, Out, Place, Stop};

/// Reads the path of a target, without its query. A segment's name is its number; `+` is a plus.
pub fn read_path(path: &[u8], limits: &Limits, out: &mut Out<'_>) -> Result<(), Stop> {
    out.spend(path.len())?;
    let mut notes = Notes::default();
    let mut value = Vec::new();
    let segments = path.strip_prefix(b"/").unwrap_or(path).split(|byte| *byte == b'/');
    for (number, raw) in segments.enumerate() {
        if number >= usize::try_from(limits.fields).unwrap_or(usize::MAX) {
            return Err(Stop::Bound(Bound::Fields));
        }
        value.clear();
        if !decode(raw, false, &mut value) {
            notes.once(Note::BadPercent, out)?;
        }
        judge(raw, &value, &mut notes, out)?;
        if value.len() > limits.value_bytes {
            return Err(Stop::Bound(Bound::Value));
        }
        let name = number.to_string();
        out.field(Field { place: Place::Path, kind: Kind::Text, name: name.as_bytes(), value: &value, raw })?;
    }
    Ok(())
}

/// A WSGI or ASGI server hands the app a decoded path: what was escaped and what was not cannot be told apart there.
fn judge(raw: &[u8], value: &[u8], notes: &mut Notes, out: &mut Out<'_>) -> Result<(), Stop> {
    if value.contains(&b'/') {
        notes.once(Note::EncodedSlash, out)?;
    }
    if value.contains(&b'\\') {
        notes.once(Note::PathBackslash, out)?;
    }
    if matches!(value, b"." | b"..") {
        notes.once(Note::DotSegment, out)?;
    }
    if raw.contains(&b';') {
        notes.once(Note::Semicolon, out)?;
    }
    if value.iter().any(u8::is_ascii_control) {
        notes.once(Note::PathControl, out)?;
    }
    if std::str::from_utf8(value).is_err() {
        notes.once(Note::BadUtf8, out)?;
    }
    let twice = value.windows(3).any(|three| matches!(three, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()));
    if twice {
        notes.once(Note::DoubleEncoded, out)?;
    }
    Ok(())
}
