//! Which name an attempt to log in tries: kept as a hash, for as long as the exchange, to tell many names from one.

use super::who::hash;
use crate::{
    exchange::Request,
    layers::{Denial, Inspector},
};
use gambeson_read::{Body, Budget, Field, Flow, Limits, MediaType, Note, Out, Place, Profile, Reader as _, Sink};
use http::header;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// The name that was tried, once it was read.
#[derive(Debug, Clone, Default)]
pub struct Tried(Arc<Mutex<Option<u64>>>);

impl Tried {
    /// A name that is known at once.
    pub(super) fn of(name: &[u8]) -> Self {
        let tried = Self::default();
        tried.set(hash(name.trim_ascii().to_ascii_lowercase()));
        tried
    }

    /// As a hash; nothing counts whose name it is.
    pub(super) fn hash(&self) -> Option<u64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, name: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(name);
    }
}

/// More of a login's body is not read.
const BYTES_MAX: usize = 16 << 10;
/// Nor is more work done for it.
const STEPS_MAX: u64 = 1 << 20;

/// Reads a body for the name in it. It refuses nothing.
struct Names {
    reader: Option<Body>,
    budget: Budget,
    bytes_left: usize,
    tried: Tried,
}

/// Begins to read a login's body; `None` where it names no values.
pub(super) fn inspect(request: &Request, tried: Tried) -> Option<Box<dyn Inspector>> {
    let kind = request.headers.get(header::CONTENT_TYPE)?;
    let reader = Body::new(&MediaType::read(kind.as_bytes()), Profile::Any, false, &Limits::default()).ok()?;
    Some(Box::new(Names { reader: Some(reader), budget: Budget::new(STEPS_MAX), bytes_left: BYTES_MAX, tried }))
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("response::Names")
    }
}

impl Inspector for Names {
    fn window(&self) -> usize {
        0
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Box<Denial>> {
        let bytes = bytes.get(..self.bytes_left).unwrap_or(bytes);
        self.bytes_left -= bytes.len();
        let Self { reader: Some(reader), budget, tried, .. } = self else { return Ok(()) };
        if reader.feed(bytes, &mut Out { sink: tried, budget }).is_err() {
            self.reader = None;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Box<Denial>> {
        if let Some(mut reader) = self.reader.take() {
            // What cannot be read names nobody.
            let _unread = reader.finish(&mut Out { sink: &mut self.tried, budget: &mut self.budget });
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.reader.as_ref().map_or(0, Body::held)
    }
}

impl Sink for Tried {
    fn field(&mut self, field: Field<'_>) -> Flow {
        let named = matches!(field.place, Place::Form | Place::Multipart | Place::Json) && is_name(field.name);
        if named && !field.value.is_empty() {
            self.set(hash(field.value.trim_ascii().to_ascii_lowercase()));
            return Flow::Stop;
        }
        Flow::Continue
    }

    fn note(&mut self, _: Note) -> Flow {
        Flow::Continue
    }
}

/// Whether a field of that name says who wants in.
fn is_name(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |word: &str| name.windows(word.len()).any(|part| part == word.as_bytes());
    name == b"name" || name == b"id" || ["user", "login", "mail", "account", "identifier"].into_iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(kind: &str, body: &[u8]) -> Option<u64> {
        let tried = Tried::default();
        let reader = Body::new(&MediaType::read(kind.as_bytes()), Profile::Any, false, &Limits::default()).ok();
        let mut names = Names { reader, budget: Budget::new(STEPS_MAX), bytes_left: BYTES_MAX, tried: tried.clone() };
        body.chunks(3).for_each(|piece| names.feed(piece).unwrap());
        names.end().unwrap();
        tried.hash()
    }

    #[test]
    fn a_name_is_the_same_in_every_form_and_a_password_is_none() {
        let form = |body: &str| tried("application/x-www-form-urlencoded", body.as_bytes());
        let alice = form("csrf_token=x&username=alice&password=secret");
        assert!(alice.is_some());
        assert_eq!(form("password=other&user=Alice+"), alice);
        assert_eq!(tried("application/json", br#"{"auth": {"email": "alice", "password": "x"}}"#), alice);
        assert_ne!(form("username=bob&password=secret"), alice);
        assert_eq!(form("password=alice"), None);
    }

    #[test]
    fn what_cannot_be_read_names_nobody() {
        for (kind, body) in [("application/json", &b"{{{{"[..]), ("multipart/form-data", b"user=alice"), ("", b"\xff")] {
            assert_eq!(tried(kind, body), None, "{kind}");
        }
        let long = [vec![b'a'; BYTES_MAX], b"&user=alice".to_vec()].concat();
        assert_eq!(tried("application/x-www-form-urlencoded", &long), None);
    }
}
