//! `gambeson schema`

use crate::{Global, Outcome, Result, global::print_bytes, reference};
use gambeson_core::policy::{Key, Kind, SECTIONS, Section};
use serde_json::{Map, Value, json};

/// Print the JSON Schema of the policy file, from which editors complete and check
///
/// Save it beside the policy (`gambeson schema > .gambeson/schema.json`) and name it in the policy's first line,
/// `#:schema .gambeson/schema.json`: editors with TOML support (Taplo, Even Better TOML) read that.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the reference of the policy instead, as Markdown
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn run(args: &Args, _: &Global) -> Result {
    let text = if args.markdown { reference::markdown() } else { format!("{:#}\n", schema()) };
    print_bytes(text.as_bytes())?;
    Ok(Outcome::Fine)
}

/// JSON Schema 2020-12, from the definitions that the reader of policies uses.
fn schema() -> Value {
    let sections = SECTIONS.iter().map(|section| {
        let table = table(section);
        let value = if section.name == "route" { json!({ "type": "array", "items": table }) } else { table };
        (section.name.to_owned(), value)
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Gambeson policy",
        "description": "What an app allows; an empty policy is the strict, working default.",
        "type": "object",
        "additionalProperties": false,
        "properties": sections.collect::<Map<_, _>>(),
    })
}

fn table(section: &Section) -> Value {
    let required: Vec<&str> = section.keys.iter().filter(|key| key.is_required()).map(|key| key.name).collect();
    let mut table = json!({
        "type": "object",
        "description": format!("{} {}", section.about, section.why),
        "additionalProperties": false,
        "properties": section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect::<Map<_, _>>(),
    });
    if let (false, Value::Object(table)) = (required.is_empty(), &mut table) {
        table.insert("required".to_owned(), json!(required));
    }
    table
}

fn property(key: &Key) -> Value {
    let mut value = kind(&key.kind);
    if let Value::Object(value) = &mut value {
        value.insert("description".to_owned(), format!("{}\n\n{}", key.about, key.why).into());
        value.extend(key.default_value().map(|default| ("default".to_owned(), default)));
    }
    value
}

fn kind(of: &Kind) -> Value {
    match of {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Duration => json!({ "type": "string", "pattern": DURATION }),
        Kind::Size => json!({ "anyOf": [{ "type": "string", "pattern": SIZE }, { "type": "integer", "minimum": 0 }] }),
        Kind::Text(_) => json!({ "type": "string" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::List(item) => json!({ "type": "array", "items": kind(item) }),
        Kind::Map(item) => json!({ "type": "object", "additionalProperties": kind(item) }),
        Kind::Table(section) => table(section),
        Kind::Tables(section) => json!({ "type": "array", "items": table(section) }),
    }
}

const DURATION: &str = "^[0-9]+ *(ms|s|seconds?|m|min|minutes?|h|hours?|d|days?)$";
const SIZE: &str = "^[0-9]+ *(B|[KkMG]B|[KMG]|[KMG]iB)?$";

#[cfg(test)]
mod tests {
    use super::*;
    use gambeson_core::policy::Policy;

    #[test]
    fn the_schema_says_what_the_reader_takes() {
        let schema = schema();
        let at = |path: &str| schema.pointer(path).unwrap_or_else(|| panic!("nothing at {path}")).clone();
        assert_eq!(at("/properties/csrf/properties/mode/enum"), json!(["off", "report", "enforce"]));
        assert_eq!(at("/properties/csrf/properties/mode/default"), json!("enforce"));
        assert_eq!(at("/properties/csrf/additionalProperties"), json!(false));
        assert_eq!(at("/properties/listen/properties/public_port/maximum"), json!(65535));
        assert_eq!(at("/properties/route/items/required"), json!(["path"]));
        assert_eq!(at("/properties/route/items/properties/off/items/enum/0"), json!("transport"));
        assert_eq!(at("/properties/transport/properties/certificate/items/required"), json!(["chain", "key"]));
        assert_eq!(at("/properties/transport/properties/acme/properties/agree/default"), json!(false));
    }

    #[test]
    fn every_default_fits_its_own_schema() {
        fn check(section: &Section) {
            for key in section.keys {
                match (&key.kind, key.default_value()) {
                    (Kind::Table(inner) | Kind::Tables(inner), _) => check(inner),
                    (_, None) => assert!(key.default.is_empty(), "{}.{}", section.name, key.name),
                    (of, Some(value)) => assert!(fits(of, &value), "{}.{} = {value}", section.name, key.name),
                }
            }
        }
        SECTIONS.iter().for_each(|section| check(section));
    }

    fn fits(of: &Kind, value: &Value) -> bool {
        match of {
            Kind::Bool => value.is_boolean(),
            Kind::Integer(low, high) => value.as_i64().is_some_and(|n| (*low..=*high).contains(&n)),
            Kind::Size if value.is_u64() => true,
            Kind::Duration | Kind::Size | Kind::Text(_) => value.is_string(),
            Kind::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::List(item) => value.as_array().is_some_and(|list| list.iter().all(|one| fits(item, one))),
            Kind::Map(item) => value.as_object().is_some_and(|map| map.values().all(|one| fits(item, one))),
            Kind::Table(_) | Kind::Tables(_) => false,
        }
    }

    /// The patterns are for editors; what counts is the reader. They must not refuse what it takes.
    #[test]
    fn units_of_the_patterns_are_units_of_the_reader() {
        for unit in ["ms", "s", "second", "seconds", "m", "min", "minute", "minutes", "h", "hour", "hours", "d", "day", "days"] {
            assert!(Policy::parse(&format!("[upstream]\nconnect = \"5{unit}\"")).is_ok(), "{unit}");
        }
        for unit in ["B", "KB", "kB", "MB", "GB", "K", "M", "G", "KiB", "MiB", "GiB", ""] {
            assert!(Policy::parse(&format!("[protocol]\nbody = \"5{unit}\"")).is_ok(), "{unit}");
        }
    }
}
