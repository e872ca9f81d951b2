//! What a policy file may say: sections and keys, each defined once. The reader, `explain`, the JSON Schema, the
//! reference in the guide and the editor's completion are all made from these definitions.

/// A table of the policy file, such as `[csrf]`.
#[derive(Debug)]
pub struct Section {
    /// Name of the table; a layer's section has the layer's name.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub about: &'static str,
    /// Why it exists: the threat, with its CWE, RFC or ASVS id.
    pub why: &'static str,
    /// Every key it knows; anything else is refused.
    pub keys: &'static [Key],
}

/// One key of a section.
#[derive(Debug)]
pub struct Key {
    /// Name as written.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The default as a TOML literal: it is read by the same code as a written value, so what is documented is what
    /// holds. Empty: unset.
    pub default: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// Why the default is what it is.
    pub why: &'static str,
}

/// What values a key takes.
#[derive(Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, inclusive.
    Integer(i64, i64),
    /// A span of time: `"500ms"`, `"30s"`, `"5m"`, `"12h"`, `"90d"`.
    Duration,
    /// A number of bytes: `"16KiB"`, `"10MiB"`, or a whole number.
    Size,
    /// Free text; the second part of the name says its form, for people (`"host name"`, `"file"`).
    Text(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list.
    List(&'static Kind),
    /// A table with free keys.
    Map(&'static Kind),
    /// A table with its own keys.
    Table(&'static Section),
    /// Several tables with their own keys: `[[section.key]]`.
    Tables(&'static Section),
}

impl Section {
    /// The key of that name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// The key every layer's section has.
pub const MODE: Key = Key {
    name: "mode",
    kind: Kind::Choice(&["off", "report", "enforce"]),
    default: "\"enforce\"",
    about: "Whether the layer refuses (`enforce`), only records what it would have refused (`report`), or is not asked (`off`).",
    why: "A defence that is not switched on defends nothing; `report` lets you watch it on live traffic first.",
};
