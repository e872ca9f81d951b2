//! Query strings and bodies of type `application/x-www-form-urlencoded`.
//!
//! The frameworks agree on nearly everything: pairs end at `&`, empty pairs do not count, a name ends at the first `=`, a pair
//! without `=` has an empty value, `+` is a space, a bad escape stays. What they disagree on is text that is not UTF-8.

use crate::percent::decode;
use crate::{Bound, Field, Kind, Limits, Note, Notes, Out, Place, Reader, Stop};
use memchr::{memchr, memchr_iter};

/// Reads pairs.
#[derive(Debug)]
pub struct UrlEncoded {
    place: Place,
    limits: Limits,
    /// The beginning of a pair whose end has not come yet.
    pending: Vec<u8>,
    name: Vec<u8>,
    value: Vec<u8>,
    fields: u32,
    notes: Notes,
    ends_in_space: bool,
}

impl UrlEncoded {
    /// A reader for a query ([`Place::Query`]) or a body ([`Place::Form`]).
    pub fn new(place: Place, limits: &Limits) -> Self {
        Self {
            place,
            limits: *limits,
            pending: Vec::new(),
            name: Vec::new(),
            value: Vec::new(),
            fields: 0,
            notes: Notes::default(),
            ends_in_space: false,
        }
    }

    /// The longest pair as written: every byte of it escaped.
    fn pair_bytes_max(&self) -> usize {
        self.limits.name_bytes.saturating_add(self.limits.value_bytes).saturating_mul(3).saturating_add(1)
    }

    fn pair(&mut self, raw: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        if raw.is_empty() {
            return Ok(());
        }
        if raw.len() > self.pair_bytes_max() {
            return Err(Stop::Bound(Bound::Value));
        }
        let equals = memchr(b'=', raw).unwrap_or(raw.len());
        let (raw_name, raw_value) = (raw.get(..equals).unwrap_or_default(), raw.get(equals + 1..).unwrap_or_default());
        self.name.clear();
        self.value.clear();
        let good = decode(raw_name, true, &mut self.name) & decode(raw_value, true, &mut self.value);
        self.judge(raw, good, out)?;
        self.check_size()?;
        let (name, value) = (self.name.as_slice(), self.value.as_slice());
        out.field(Field { place: self.place, kind: Kind::Text, name, value, raw: raw_value })
    }

    fn judge(&mut self, raw: &[u8], good: bool, out: &mut Out<'_>) -> Result<(), Stop> {
        if !good {
            self.notes.once(Note::BadPercent, out)?;
        }
        if self.name.is_empty() {
            self.notes.once(Note::EmptyName, out)?;
        }
        if memchr(b';', raw).is_some() {
            self.notes.once(Note::Semicolon, out)?;
        }
        if self.place == Place::Query {
            self.judge_target(raw, out)?;
        }
        if !raw.is_ascii() {
            self.notes.once(Note::RawNonAscii, out)?;
            if std::str::from_utf8(raw).is_err() {
                self.notes.once(Note::RawBadUtf8, out)?;
            }
        }
        if std::str::from_utf8(&self.name).is_err() || std::str::from_utf8(&self.value).is_err() {
            self.notes.once(Note::BadUtf8, out)?;
        }
        Ok(())
    }

    /// What no target has: it would not have come through a strict server.
    fn judge_target(&mut self, raw: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        if memchr(b'#', raw).is_some() {
            self.notes.once(Note::Hash, out)?;
        }
        if raw.iter().any(|byte| matches!(byte, 0..=0x20 | 0x7f)) {
            self.notes.once(Note::RawControl, out)?;
        }
        Ok(())
    }

    fn check_size(&mut self) -> Result<(), Stop> {
        self.fields = self.fields.saturating_add(1);
        match () {
            () if self.fields > self.limits.fields => Err(Stop::Bound(Bound::Fields)),
            () if self.name.len() > self.limits.name_bytes => Err(Stop::Bound(Bound::Name)),
            () if self.value.len() > self.limits.value_bytes => Err(Stop::Bound(Bound::Value)),
            () => Ok(()),
        }
    }

    fn pair_with_pending(&mut self, end: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        if self.pending.is_empty() {
            return self.pair(end, out);
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(end);
        let done = self.pair(&pending, out);
        pending.clear();
        self.pending = pending;
        done
    }
}

impl Reader for UrlEncoded {
    fn feed(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Stop> {
        out.spend(bytes.len())?;
        let Some(last) = bytes.last() else { return Ok(()) };
        self.ends_in_space = last.is_ascii_whitespace();
        let mut start = 0;
        for at in memchr_iter(b'&', bytes) {
            self.pair_with_pending(bytes.get(start..at).unwrap_or_default(), out)?;
            start = at + 1;
        }
        self.pending.extend_from_slice(bytes.get(start..).unwrap_or_default());
        if self.pending.len() > self.pair_bytes_max() {
            return Err(Stop::Bound(Bound::Value));
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        if self.ends_in_space && self.place == Place::Form {
            self.notes.once(Note::TrailingSpace, out)?;
        }
        self.pair_with_pending(b"", out)
    }

    fn held(&self) -> usize {
        self.pending.capacity() + self.name.capacity() + self.value.capacity()
    }
}
