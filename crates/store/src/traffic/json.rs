//! JSON without its secrets. What is no secret stays byte for byte: two keys of one name, odd escapes and spaces may be the attack.

use super::{
    mask::{Masked, blank, note, value},
    shape,
};
use gambeson_core::record::is_secret_name;

/// Deeper documents are not recorded.
const DEPTH_MAX: usize = 64;

/// A longer text is no name.
const NAME_MAX: usize = 40;

/// Whether what stands under this name may be the name of what follows.
fn names_another(name: &str) -> bool {
    matches!(name.to_ascii_lowercase().as_str(), "name" | "key" | "field" | "id" | "label" | "param" | "parameter" | "header")
}

/// An object or array that is open.
struct Open {
    is_object: bool,
    /// The name of the value that comes.
    name: String,
    /// The same, as it is written.
    shown: String,
    count: usize,
    /// Whether all in it is a secret.
    secret: bool,
}

/// What may come next. A name counts as one only where the grammar has names: elsewhere it would hide nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// A value, or the end of an array.
    First,
    Key,
    /// A key, or the end of an object.
    FirstKey,
    Colon,
    /// A comma, an end, or nothing more.
    After,
}

struct Scan<'a> {
    sent: &'a [u8],
    at: usize,
    clean: Vec<u8>,
    expect: Expect,
    open: Vec<Open>,
    masked: &'a mut Masked,
}

/// The document, or its beginning where it is cut; `None` when it is none.
pub(super) fn mask(sent: &[u8], cut: bool, masked: &mut Masked) -> Option<Vec<u8>> {
    let (clean, open) = (Vec::with_capacity(sent.len()), Vec::new());
    let mut scan = Scan { sent, at: 0, clean, expect: Expect::Value, open, masked };
    loop {
        scan.spaces();
        if scan.at >= sent.len() {
            let whole = scan.open.is_empty() && (scan.expect == Expect::After || sent.is_empty());
            return (whole || cut).then_some(scan.clean);
        }
        if scan.step().is_none() {
            // A token that the cut goes through is left out with all that would follow.
            return (cut && scan.rest_is_one_token()).then_some(scan.clean);
        }
    }
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.sent.get(self.at).copied()
    }

    fn take(&mut self) {
        self.clean.extend(self.peek());
        self.at += 1;
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.take();
        }
    }

    /// One token; `None` when none that may come here is here.
    fn step(&mut self) -> Option<()> {
        let is_object = self.open.last().map(|open| open.is_object);
        let byte = self.peek()?;
        self.expect = match (self.expect, byte) {
            (Expect::Value | Expect::First, b'{' | b'[') => self.enter(byte == b'{')?,
            (Expect::First, b']') | (Expect::FirstKey, b'}') => self.leave(),
            (Expect::After, b']') if is_object == Some(false) => self.leave(),
            (Expect::After, b'}') if is_object == Some(true) => self.leave(),
            (Expect::After, b',') => self.next_item()?,
            (Expect::Colon, b':') => {
                self.take();
                Expect::Value
            }
            (Expect::Key | Expect::FirstKey, b'"') => self.key()?,
            (Expect::Value | Expect::First, b'"') => self.string()?,
            (Expect::Value | Expect::First, _) => self.bare()?,
            _ => return None,
        };
        Some(())
    }

    fn enter(&mut self, is_object: bool) -> Option<Expect> {
        let secret = self.is_secret();
        self.open.push(Open { is_object, name: String::new(), shown: String::new(), count: 0, secret });
        self.take();
        let first = if is_object { Expect::FirstKey } else { Expect::First };
        (self.open.len() <= DEPTH_MAX).then_some(first)
    }

    fn leave(&mut self) -> Expect {
        self.open.pop();
        self.take();
        Expect::After
    }

    fn next_item(&mut self) -> Option<Expect> {
        let open = self.open.last_mut()?;
        open.count += 1;
        let next = if open.is_object { Expect::Key } else { Expect::Value };
        self.take();
        Some(next)
    }

    fn is_secret(&self) -> bool {
        self.open.last().is_some_and(|open| open.secret || is_secret_name(&open.name))
    }

    /// The string that begins here, as written and as it reads.
    fn quoted(&mut self) -> Option<(Vec<u8>, String)> {
        let length = string_length(self.sent.get(self.at..)?)?;
        let written = self.sent.get(self.at..self.at + length)?;
        let text = read(written)?;
        self.at += length;
        Some((written.to_vec(), text))
    }

    fn key(&mut self) -> Option<Expect> {
        let (written, text) = self.quoted()?;
        let hidden = value("", &text);
        let open = self.open.last_mut()?;
        open.shown = hidden.clone().unwrap_or_else(|| text.clone());
        open.name = text;
        self.write(&written, hidden)?;
        Some(Expect::Colon)
    }

    fn string(&mut self) -> Option<Expect> {
        let (written, text) = self.quoted()?;
        let hidden = if self.is_secret() && !text.is_empty() { Some(blank(text.len())) } else { value("", &text) };
        if let Some(open) = self.open.last_mut().filter(|open| names_another(&open.name)) {
            // `{"name": "password", "value": "…"}`
            open.secret |= text.len() <= NAME_MAX && !text.contains(' ') && is_secret_name(&text);
        }
        self.write(&written, hidden)?;
        Some(Expect::After)
    }

    /// Writes a string as it was, or what takes its place.
    fn write(&mut self, written: &[u8], hidden: Option<String>) -> Option<()> {
        match hidden {
            Some(hidden) => {
                note(self.masked, || path(&self.open));
                self.clean.extend(serde_json::to_vec(&hidden).ok()?);
            }
            None => self.clean.extend_from_slice(written),
        }
        Some(())
    }

    /// A number or word. A number may be a secret; `true`, `false` and `null` are none.
    fn bare(&mut self) -> Option<Expect> {
        let rest = self.sent.get(self.at..)?;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        let word = rest.get(..length).filter(|word| !word.is_empty() && length < 64)?;
        // Cut, a number is another one.
        if length == rest.len() && !self.open.is_empty() {
            return None;
        }
        let is_word = matches!(word, b"true" | b"false" | b"null" | b"NaN" | b"Infinity" | b"-Infinity");
        let is_number = word.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
        let is_card = || str::from_utf8(word).is_ok_and(shape::is_card);
        if is_number && (self.is_secret() || is_card()) {
            note(self.masked, || path(&self.open));
            self.clean.push(b'0');
        } else if is_number || is_word {
            self.clean.extend_from_slice(word);
        } else {
            return None;
        }
        self.at += length;
        Some(Expect::After)
    }

    /// Whether what is left is the beginning of one string, number or word.
    fn rest_is_one_token(&self) -> bool {
        let rest = self.sent.get(self.at..).unwrap_or_default();
        match rest.first() {
            Some(b'"') => string_length(rest).is_none(),
            _ => rest.len() < 64 && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)),
        }
    }
}

/// The length of a string with its quotes.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// What a string says. Python takes control characters and lone surrogates in it, too: those are read as what they are not, which
/// harms nothing here.
fn read(written: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(written);
    let plain = || serde_json::from_str(&text).ok();
    let lenient = || {
        let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        serde_json::from_str(&visible.replace("\\ud", "\\u0").replace("\\uD", "\\u0")).ok()
    };
    plain().or_else(lenient)
}

/// The flattened name, as findings have it: `json user.password`.
fn path(open: &[Open]) -> String {
    let names = open.iter().map(|open| if open.is_object { open.shown.clone() } else { open.count.to_string() });
    format!("json {}", names.collect::<Vec<_>>().join("."))
}
