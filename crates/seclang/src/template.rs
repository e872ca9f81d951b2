//! Text with `%{VARIABLE.name}` in it, as messages, `setvar` and operators' arguments hold.

use crate::error::{Fault, nearest};
use crate::names::{Names, Slot};
use crate::variable::Variable;

/// A text, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Template(Vec<Piece>);

/// A part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Vec<u8>),
    Value(Value),
}

/// What a macro stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A value the rules set.
    Tx(Slot),
    /// A variable, and the name in it.
    Of(Variable, Option<Vec<u8>>),
}

impl Template {
    /// Takes `text` apart; a macro that names no variable is a fault.
    pub(crate) fn parse(text: &str, names: &mut Names) -> Result<Template, Fault> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, inside, after)) = next_macro(rest) {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.as_bytes().to_vec()));
            }
            pieces.push(Piece::Value(value(inside, names)?));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.as_bytes().to_vec()));
        }
        Ok(Template(pieces))
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The text, when there is no macro in it.
    pub(crate) fn constant(&self) -> Option<&[u8]> {
        match self.0.as_slice() {
            [] => Some(b""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// What stands before, in and after the first macro.
fn next_macro(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("%{")?;
    let (inside, after) = rest.split_once('}')?;
    Some((before, inside, after))
}

fn value(inside: &str, names: &mut Names) -> Result<Value, Fault> {
    let (name, key) = inside.split_once(['.', ':']).map_or((inside, None), |(name, key)| (name, Some(key)));
    let variable = Variable::named(name.trim())
        .ok_or_else(|| Fault::Variable { name: name.to_owned(), near: nearest(name, Variable::NAMES) })?;
    Ok(match (variable, key) {
        (Variable::Tx, Some(key)) => Value::Tx(names.slot(key.as_bytes())),
        (variable, key) => Value::Of(variable, key.map(|k| k.as_bytes().to_vec())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_found_and_unknown_ones_named() {
        let mut names = Names::default();
        let slot = names.slot(b"a");
        let read = Template::parse("+%{tx.A}!%{ARGS.q}", &mut names).expect("both variables exist");
        assert_eq!(
            read.pieces(),
            [
                Piece::Text(b"+".to_vec()),
                Piece::Value(Value::Tx(slot)),
                Piece::Text(b"!".to_vec()),
                Piece::Value(Value::Of(Variable::Args, Some(b"q".to_vec()))),
            ]
        );
        assert!(Template::parse("%{AGRS.x}", &mut names).is_err());
        assert_eq!(Template::parse("100 %", &mut names).expect("no macro").constant(), Some(&b"100 %"[..]));
    }
}
