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

impl Key {
    /// Whether it must be written, as its reason says.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.default.is_empty() && self.why.starts_with("It must be given")
    }

    /// The default as a value; `None` when the key is unset by default.
    #[must_use]
    pub fn default_value(&self) -> Option<serde_json::Value> {
        if self.default.is_empty() {
            return None;
        }
        let mut table: serde_json::Map<_, _> = toml::from_str(&format!("value = {}", self.default)).ok()?;
        table.remove("value")
    }

    /// The default as written in a policy, on one line.
    #[must_use]
    pub fn default_line(&self) -> String {
        self.default.split_whitespace().collect::<Vec<_>>().join(" ").replace("[ ", "[").replace(", ]", "]")
    }
}

impl std::fmt::Display for Kind {
    /// For people: "a whole number from 1 to 10".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool => f.write_str("`true` or `false`"),
            Self::Integer(low, high) => write!(f, "a whole number from {low} to {high}"),
            Self::Duration => f.write_str("a duration, such as `\"30s\"`"),
            Self::Size => f.write_str("a size, such as `\"16KiB\"`"),
            Self::Text(form) => write!(f, "a text ({form})"),
            Self::Choice(words) => write!(f, "one of `\"{}\"`", words.join("\"`, `\"")),
            Self::List(kind) => write!(f, "a list; each item {kind}"),
            Self::Map(kind) => write!(f, "a table of names, each with {kind}"),
            Self::Table(_) => f.write_str("a table"),
            Self::Tables(_) => f.write_str("a table, as often as needed"),
        }
    }
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
