//! The reference of the policy, `docs/policy.md`, from the same definitions as the reader, the schema and `explain`.

use crate::explain::{key_entry, rules};
use gambeson_core::policy::{Kind, LayerName, PRESETS, SECTIONS, Section};
use std::fmt::Write as _;

const INTRODUCTION: &str = "\
<!-- Made by `gambeson schema --markdown`; a test compares it. Change the definitions in the code instead. -->

# The policy, key by key

`gambeson.toml` says what an app allows. It is looked for in the working folder and the folders above it, or named with
`--policy`. Everything has a default: an empty file is the strict, working policy. Unknown keys are refused. `gambeson check`
tells every problem at once; `gambeson explain KEY` tells what is below on the command line.

Durations are written `\"500ms\"`, `\"30s\"`, `\"5m\"`, `\"12h\"`, `\"90d\"`; sizes `\"512B\"`, `\"16KiB\"`, `\"10MiB\"` (powers of 1024) or as a
whole number of bytes.
";

/// The whole reference.
pub(crate) fn markdown() -> String {
    let mut out = INTRODUCTION.to_owned();
    for section in SECTIONS {
        let heading = if section.name == "route" { "[[route]]".to_owned() } else { format!("[{}]", section.name) };
        write_table(&mut out, &heading, section.name, section, 2);
        if let Some(layer) = LayerName::from_name(section.name) {
            write_rules(&mut out, layer);
        }
    }
    write_presets(&mut out);
    out
}

fn write_table(out: &mut String, heading: &str, path: &str, section: &'static Section, level: usize) {
    let _ = write!(out, "\n{} `{heading}`\n\n{} {}\n", "#".repeat(level), section.about, section.why);
    for key in section.keys {
        let entry = key_entry(path, section.name, key);
        let default = entry.default.map_or("unset".to_owned(), |default| format!("`{default}`"));
        let takes =
            if key.is_required() { format!("{}, required", entry.takes) } else { format!("{}; default {default}", entry.takes) };
        let _ = write!(out, "\n**`{}`**: {takes}.\n{}\n*Why:* {}\n", key.name, entry.about, entry.why);
        for (framework, value) in entry.presets {
            let _ = writeln!(out, "With `framework = \"{framework}\"`: `{value}`.");
        }
    }
    for key in section.keys {
        let inner_path = format!("{path}.{}", key.name);
        match key.kind {
            Kind::Table(inner) => write_table(out, &format!("[{inner_path}]"), &inner_path, inner, level + 1),
            Kind::Tables(inner) => write_table(out, &format!("[[{inner_path}]]"), &inner_path, inner, level + 1),
            _ => {}
        }
    }
}

fn write_rules(out: &mut String, layer: LayerName) {
    let rules = rules(layer);
    if rules.is_empty() {
        return;
    }
    let _ = write!(out, "\n### Rules of `{layer}`\n\n| rule | what it does | why |\n|---|---|---|\n");
    for rule in rules {
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(out, "| `{layer}/{}` | {} | {} |", rule.name, cell(rule.about), cell(rule.why));
    }
}

fn write_presets(out: &mut String) {
    out.push_str("\n## Presets\n\n`app.framework` selects defaults under what the file says:\n");
    for (framework, text) in PRESETS {
        let _ = write!(out, "\n### `framework = \"{framework}\"`\n\n```toml\n{}\n```\n", text.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn the_committed_reference_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let current = committed == markdown();
        assert!(current, "docs/policy.md is out of date: cargo run -p gambeson -- schema --markdown > docs/policy.md");
    }
}
