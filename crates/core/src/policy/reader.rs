//! Reading one section: unknown keys refused, every problem noted, a typed value always returned so that reading goes
//! on to the next problem.

use super::{FromValue, Key, Problems, Section, Wrong, spec::Kind, value::all};
use http::Method;
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A table of the policy, as written.
pub(super) type Written<'a> = Spanned<DeValue<'a>>;

/// Reads one section of the policy.
pub struct Reader<'a> {
    section: &'static Section,
    /// Where it stands, for problems: `csrf`, `route[2]`.
    path: String,
    written: Option<&'a Written<'a>>,
    preset: Option<&'a DeTable<'a>>,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    /// Opens a section and refuses the keys it does not know.
    pub(super) fn new(
        section: &'static Section,
        path: String,
        written: Option<&'a Written<'a>>,
        preset: Option<&'a DeTable<'a>>,
        problems: &'a mut Problems,
    ) -> Self {
        let mut reader = Self { section, path, written, preset, problems };
        reader.refuse_unknown_keys();
        reader
    }

    fn refuse_unknown_keys(&mut self) {
        let Some(written) = self.written else { return };
        let Some(table) = written.get_ref().as_table() else {
            let help = format!("write `[{}]` and its keys below it", self.section.name);
            return self.problems.error(&self.path, Some(written.span()), "this is not a table", help);
        };
        for name in table.keys() {
            if self.section.key(name.get_ref()).is_none() {
                let help = unknown_key_help(self.section, name.get_ref());
                let key = format!("{}.{}", self.path, name.get_ref());
                self.problems.error(&key, Some(name.span()), "unknown key", help);
            }
        }
    }

    fn table(&self) -> Option<&'a DeTable<'a>> {
        self.written.and_then(|value| value.get_ref().as_table())
    }

    /// The key's value as written, in the preset, or by default.
    ///
    /// A wrong value is noted as a problem and the default taken, so that the next problem is found too.
    pub fn get<T: FromValue + Default>(&mut self, key: &str) -> T {
        self.optional(key).unwrap_or_default()
    }

    /// Like [`get`](Self::get), for a key that may be unset.
    pub fn optional<T: FromValue>(&mut self, key: &str) -> Option<T> {
        let spec = self.section.key(key);
        #[cfg(test)]
        reads::note(self.section.name, key);
        debug_assert!(spec.is_some(), "{}.{key} is read but not defined", self.section.name);
        if let Some(value) = self.table().and_then(|table| table.get(key)) {
            match check(&spec?.kind, value.get_ref()).and_then(|()| T::from_value(value.get_ref())) {
                Ok(value) => return Some(value),
                Err(wrong) => self.wrong(key, value.span(), wrong),
            }
        }
        let preset = self.preset.and_then(|table| table.get(key));
        match preset {
            Some(value) => T::from_value(value.get_ref()).ok(),
            None => default(spec?),
        }
    }

    fn wrong(&mut self, key: &str, span: Range<usize>, wrong: Wrong) {
        let path = format!("{}.{key}", self.path);
        self.problems.error(&path, Some(wrong.span.unwrap_or_else(|| span.clone())), wrong.message, wrong.help);
        for also in wrong.also {
            self.wrong(key, span.clone(), also);
        }
    }

    /// Whether the file itself says this key.
    #[must_use]
    pub fn is_written(&self, key: &str) -> bool {
        self.table().is_some_and(|table| table.contains_key(key))
    }

    /// Notes an error about a key, with the caret under its value.
    pub fn error(&mut self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        let span = self.span(key);
        self.problems.error(&format!("{}.{key}", self.path), span, message, help);
    }

    /// Notes a warning about a key.
    pub fn warning(&mut self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        let span = self.span(key);
        self.problems.warning(&format!("{}.{key}", self.path), span, message, help);
    }

    /// Where a key's value stands, or else its table.
    pub(crate) fn span(&self, key: &str) -> Option<Range<usize>> {
        let value = self.table().and_then(|table| table.get(key));
        value.map(Spanned::span).or_else(|| self.written.map(Spanned::span))
    }

    /// Reads a list of methods.
    pub fn methods(&mut self, key: &str) -> Vec<Method> {
        let words: Vec<String> = self.get(key);
        let mut methods = Vec::new();
        for word in &words {
            match Method::from_bytes(word.as_bytes()) {
                Ok(method) if word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') => methods.push(method),
                _ => {
                    self.error(key, format!("`{word}` is not a method"), "write methods in capitals, such as \"GET\" or \"POST\"")
                }
            }
        }
        methods
    }

    /// Reads a table with its own keys.
    pub fn table_at(&mut self, key: &str) -> Option<Reader<'_>> {
        let Some(Kind::Table(section)) = self.section.key(key).map(|key| &key.kind) else { return None };
        #[cfg(test)]
        reads::note(self.section.name, key);
        let written = self.table().and_then(|table| table.get(key));
        let preset = self.preset.and_then(|table| table.get(key)).and_then(|value| value.get_ref().as_table());
        if written.is_none() && preset.is_none() {
            return None;
        }
        Some(Reader::new(section, format!("{}.{key}", self.path), written, preset, self.problems))
    }

    /// Reads a table with its own keys, written or not: its defaults hold anyway.
    pub fn within(&mut self, key: &str, read: impl FnOnce(&mut Reader<'_>)) {
        let Some(Kind::Table(section)) = self.section.key(key).map(|key| &key.kind) else { return };
        #[cfg(test)]
        reads::note(self.section.name, key);
        let written = self.table().and_then(|table| table.get(key));
        let preset = self.preset.and_then(|table| table.get(key)).and_then(|value| value.get_ref().as_table());
        read(&mut Reader::new(section, format!("{}.{key}", self.path), written, preset, self.problems));
    }

    /// Reads each of several tables with their own keys, those of the key's default before those of the file.
    pub fn each_table_and_default(&mut self, key: &str, mut read: impl FnMut(&mut Reader<'_>)) {
        let Some((Kind::Tables(section), default)) = self.section.key(key).map(|key| (&key.kind, key.default)) else { return };
        if let Ok(default) = DeValue::parse(default) {
            each(section, &format!("{}.{key} (built in)", self.path), &default, self.problems, &mut read);
        }
        self.each_table(key, read);
    }

    /// Reads each of several tables with their own keys (`[[section.key]]`).
    pub fn each_table(&mut self, key: &str, mut read: impl FnMut(&mut Reader<'_>)) {
        let Some(Kind::Tables(section)) = self.section.key(key).map(|key| &key.kind) else { return };
        #[cfg(test)]
        reads::note(self.section.name, key);
        let Some(written) = self.table().and_then(|table| table.get(key)) else { return };
        let path = format!("{}.{key}", self.path);
        each(section, &path, written, self.problems, &mut read);
    }
}

fn unknown_key_help(section: &Section, name: &str) -> String {
    let known = || section.keys.iter().map(|key| key.name);
    match super::suggest::nearest(name, known()).is_none().then(|| super::section_with(name)).flatten() {
        Some(elsewhere) => format!("`{name}` belongs in `[{}]`", elsewhere.name),
        None => super::suggest::help(name, known(), &format!("`[{}]`", section.name)),
    }
}

/// Reads each table of an array of tables.
pub(super) fn each<'a>(
    section: &'static Section,
    path: &str,
    written: &'a Written<'a>,
    problems: &mut Problems,
    read: &mut dyn FnMut(&mut Reader<'_>),
) {
    let Some(list) = written.get_ref().as_array() else {
        let help = format!("write `[[{path}]]` and the keys below it, once for each");
        return problems.error(path, Some(written.span()), "this is not a list of tables", help);
    };
    for (i, item) in list.iter().enumerate() {
        read(&mut Reader::new(section, format!("{path}[{i}]"), Some(item), None, problems));
    }
}

/// The bounds that the definition states, whatever type the value is read as.
fn check(kind: &Kind, value: &DeValue<'_>) -> Result<(), Wrong> {
    match (kind, value) {
        (Kind::Integer(low, high), _) => match i64::from_value(value)? {
            number if (*low..=*high).contains(&number) => Ok(()),
            number => Err(Wrong::new(format!("{number} is out of bounds"), format!("write a whole number from {low} to {high}"))),
        },
        (Kind::Choice(words), _) => choice(words, value),
        (Kind::List(kind), DeValue::Array(list)) => all(list.iter().map(|item| check_item(kind, item))),
        (Kind::Map(kind), DeValue::Table(table)) => all(table.iter().map(|(_, item)| check_item(kind, item))),
        _ => Ok(()),
    }
}

fn check_item(kind: &Kind, item: &Written<'_>) -> Result<(), Wrong> {
    check(kind, item.get_ref()).map_err(|wrong| Wrong { span: wrong.span.or(Some(item.span())), ..wrong })
}

fn choice(words: &[&str], value: &DeValue<'_>) -> Result<(), Wrong> {
    let word = String::from_value(value)?;
    if words.contains(&word.as_str()) {
        return Ok(());
    }
    Err(Wrong::new(format!("`{word}` is not a choice here"), super::suggest::help(&word, words.iter().copied(), "this key")))
}

fn default<T: FromValue>(spec: &Key) -> Option<T> {
    if spec.default.is_empty() {
        return None;
    }
    let value = DeValue::parse(spec.default).ok()?;
    T::from_value(value.get_ref()).ok()
}

/// Which keys were read, for the test that every key defined is read.
#[cfg(test)]
pub(super) mod reads {
    use std::{cell::RefCell, collections::BTreeSet};

    thread_local! {
        static READS: RefCell<BTreeSet<(&'static str, String)>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(section: &'static str, key: &str) {
        READS.with_borrow_mut(|reads| reads.insert((section, key.to_owned())));
    }

    /// The section and key of every read of this thread so far.
    pub(in crate::policy) fn take() -> BTreeSet<(&'static str, String)> {
        READS.take()
    }
}
