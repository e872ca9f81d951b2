//! JSON (RFC 8259) as events, flattened on the fly, with what Python's reader takes beyond it noted.
//!
//! Python keeps the last of several values of one key, and so does every reader of the frameworks; ours gives all of them.

use crate::{Bound, Fault, Field, Kind, Limits, Note, Notes, Out, Place, Reader, Stop};

mod number;
mod text;

use text::Text;

/// An object or array that is open.
#[derive(Debug)]
struct Open {
    /// Objects have keys; arrays count.
    object: bool,
    /// Values so far.
    count: u32,
    /// Length of its own name.
    name_bytes: usize,
    /// Where its keys begin among the hashes.
    keys_from: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before anything: a byte order mark may come; how many of its bytes came.
    Start(u8),
    /// A value must come.
    Value,
    /// A value or `]`.
    First,
    /// A key or `}`.
    FirstKey,
    /// A key must come.
    Key,
    /// Within a key.
    InKey,
    /// A colon must come.
    Colon,
    /// Within a string.
    InText,
    /// Within a number or word.
    InBare,
    /// A comma, an end, or nothing more.
    After,
}

/// Reads one JSON text and gives every scalar, and every empty object and array, under its flattened name (`a.b.0`).
#[derive(Debug)]
pub struct Json {
    limits: Limits,
    place: Place,
    state: State,
    open: Vec<Open>,
    name: Vec<u8>,
    value: Vec<u8>,
    text: Text,
    key_hashes: Vec<u64>,
    fields: u32,
    notes: Notes,
}

impl Json {
    /// A reader for one body.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            place: Place::Json,
            state: State::Start(0),
            open: Vec::new(),
            name: Vec::new(),
            value: Vec::new(),
            text: Text::default(),
            key_hashes: Vec::new(),
            fields: 0,
            notes: Notes::default(),
        }
    }

    /// Reads from the front of `bytes` and returns how many bytes that took; 0 only if `bytes` is empty.
    fn step(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<usize, Stop> {
        match self.state {
            State::InText | State::InKey => self.in_string(bytes, out),
            State::InBare => self.in_bare(bytes, out),
            _ => match bytes.first() {
                Some(byte) => self.structure(*byte, out),
                None => Ok(0),
            },
        }
    }

    fn structure(&mut self, byte: u8, out: &mut Out<'_>) -> Result<usize, Stop> {
        match (self.state, byte) {
            (State::Start(0), 0xef) => self.state = State::Start(1),
            (State::Start(1), 0xbb) => self.state = State::Start(2),
            (State::Start(2), 0xbf) => {
                self.notes.once(Note::Bom, out)?;
                self.state = State::Value;
            }
            (State::Start(0), 0xfe | 0xff) | (_, 0) => return Err(Stop::Fault(Fault::WideText)),
            (State::Start(1 | 2), _) => return Err(SYNTAX),
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (State::Start(_) | State::Value | State::First, _) => return self.value_begins(byte, out),
            (State::FirstKey | State::Key, b'"') => self.key_begins(),
            (State::FirstKey, b'}') => self.close(out)?,
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') => self.next_value()?,
            (State::After, b'}' | b']') if self.closes(byte) => self.close(out)?,
            _ => return Err(SYNTAX),
        }
        Ok(1)
    }

    fn value_begins(&mut self, byte: u8, out: &mut Out<'_>) -> Result<usize, Stop> {
        if byte == b']' {
            if self.state != State::First {
                return Err(SYNTAX);
            }
            self.close(out)?;
            return Ok(1);
        }
        self.enter()?;
        self.value.clear();
        match byte {
            b'"' => self.state = State::InText,
            b'{' => self.open_one(true)?,
            b'[' => self.open_one(false)?,
            _ if number::is_bare(byte) => {
                self.state = State::InBare;
                return Ok(0);
            }
            _ => return Err(SYNTAX),
        }
        Ok(1)
    }

    /// Counts the value within its array and names it.
    fn enter(&mut self) -> Result<(), Stop> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        if !open.object {
            self.name.truncate(open.name_bytes);
            if open.name_bytes > 0 {
                self.name.push(b'.');
            }
            number::push(open.count, &mut self.name);
        }
        open.count = open.count.saturating_add(1);
        if self.name.len() > self.limits.name_bytes { Err(Stop::Bound(Bound::Name)) } else { Ok(()) }
    }

    fn open_one(&mut self, object: bool) -> Result<(), Stop> {
        if self.open.len() >= usize::from(self.limits.depth) {
            return Err(Stop::Bound(Bound::Depth));
        }
        self.open.push(Open { object, count: 0, name_bytes: self.name.len(), keys_from: self.key_hashes.len() });
        self.state = if object { State::FirstKey } else { State::First };
        Ok(())
    }

    fn closes(&self, byte: u8) -> bool {
        self.open.last().is_some_and(|open| open.object == (byte == b'}'))
    }

    fn close(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else { return Err(SYNTAX) };
        self.name.truncate(open.name_bytes);
        self.state = State::After;
        if open.object {
            self.judge_keys(open.keys_from, out)?;
        }
        if open.count == 0 {
            self.value.clear();
            return self.give(Kind::Empty, out);
        }
        Ok(())
    }

    /// Looks for a key that came twice: sorted, equal ones are neighbours.
    fn judge_keys(&mut self, from: usize, out: &mut Out<'_>) -> Result<(), Stop> {
        if let Some(hashes) = self.key_hashes.get_mut(from..) {
            out.spend(hashes.len())?;
            hashes.sort_unstable();
            if hashes.windows(2).any(|pair| pair.first() == pair.last()) {
                self.notes.once(Note::JsonDuplicateKey, out)?;
            }
        }
        self.key_hashes.truncate(from);
        Ok(())
    }

    fn next_value(&mut self) -> Result<(), Stop> {
        let Some(open) = self.open.last() else { return Err(SYNTAX) };
        self.state = if open.object { State::Key } else { State::Value };
        Ok(())
    }

    fn key_begins(&mut self) {
        self.value.clear();
        self.state = State::InKey;
    }

    fn in_string(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<usize, Stop> {
        let (used, ended) = if self.state == State::InKey {
            self.text.read(bytes, &mut self.value, self.limits.name_bytes).map_err(of_a_name)?
        } else {
            self.text.read(bytes, &mut self.value, self.limits.value_bytes)?
        };
        if ended {
            self.judge_text(out)?;
            if self.state == State::InKey {
                self.key_ends(out)?;
            } else {
                self.state = State::After;
                self.give(Kind::Text, out)?;
            }
        }
        Ok(used)
    }

    fn judge_text(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        let lone = self.text.take_lone_surrogate();
        if lone {
            self.notes.once(Note::JsonLoneSurrogate, out)?;
        } else if std::str::from_utf8(&self.value).is_err() {
            self.notes.once(Note::RawBadUtf8, out)?;
        }
        Ok(())
    }

    fn key_ends(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        if self.value.contains(&b'.') {
            self.notes.once(Note::JsonDottedKey, out)?;
        }
        self.key_hashes.push(hash(&self.value));
        let Some(open) = self.open.last() else { return Err(SYNTAX) };
        self.name.truncate(open.name_bytes);
        if open.name_bytes > 0 {
            self.name.push(b'.');
        }
        self.name.extend_from_slice(&self.value);
        self.state = State::Colon;
        if self.name.len() > self.limits.name_bytes { Err(Stop::Bound(Bound::Name)) } else { Ok(()) }
    }

    fn in_bare(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<usize, Stop> {
        let used = bytes.iter().take_while(|byte| number::is_bare(**byte)).count();
        self.value.extend_from_slice(bytes.get(..used).unwrap_or_default());
        if self.value.len() > self.limits.value_bytes {
            return Err(Stop::Bound(Bound::Value));
        }
        if used < bytes.len() {
            self.bare_ends(out)?;
        }
        Ok(used)
    }

    fn bare_ends(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        let kind = number::classify(&self.value).ok_or(SYNTAX)?;
        if kind == Kind::Number && self.value.last().is_some_and(u8::is_ascii_alphabetic) {
            self.notes.once(Note::JsonNonFinite, out)?;
        }
        self.state = State::After;
        self.give(kind, out)
    }

    fn give(&mut self, kind: Kind, out: &mut Out<'_>) -> Result<(), Stop> {
        self.fields = self.fields.saturating_add(1);
        if self.fields > self.limits.fields {
            return Err(Stop::Bound(Bound::Fields));
        }
        out.field(Field { place: self.place, kind, name: &self.name, value: &self.value, raw: &self.value })
    }
}

const SYNTAX: Stop = Stop::Fault(Fault::JsonSyntax);

fn of_a_name(stop: Stop) -> Stop {
    if stop == Stop::Bound(Bound::Value) { Stop::Bound(Bound::Name) } else { stop }
}

/// FNV-1a. A collision that somebody makes on purpose earns only themselves a note.
pub(crate) fn hash(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Reader for Json {
    fn feed(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        out.spend(bytes.len())?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.step(rest, out)?;
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        if self.state == State::InBare {
            self.bare_ends(out)?;
        }
        if self.state == State::After && self.open.is_empty() { Ok(()) } else { Err(Stop::Fault(Fault::JsonEnd)) }
    }

    fn held(&self) -> usize {
        self.name.capacity() + self.value.capacity() + self.key_hashes.capacity() * size_of::<u64>()
    }
}
