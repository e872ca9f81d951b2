//! The forms that transformations give one value, each once, with the rules that want to see it.

use super::super::bits::Bits;
use crate::transform::Transform;
use std::borrow::Cow;

/// The number of the value as it stands.
pub(super) const ORIGINAL: u8 = u8::MAX;
const UNKNOWN: u8 = u8::MAX - 1;
/// More forms than a byte can count are not told apart from the last.
const FORMS_MAX: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Forms {
    forms: Vec<(Vec<u8>, Bits)>,
    by_node: Vec<u8>,
}

impl Forms {
    pub(super) fn clear(&mut self, nodes: usize) {
        self.forms.clear();
        self.by_node.clear();
        self.by_node.resize(nodes, UNKNOWN);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Bits)> {
        self.forms.iter().map(|(form, wanted)| (form.as_slice(), wanted))
    }

    pub(super) fn known(&self, node: usize) -> Option<u8> {
        self.by_node.get(node).copied().filter(|form| *form != UNKNOWN)
    }

    pub(super) fn remember(&mut self, node: usize, form: u8) {
        if let Some(place) = self.by_node.get_mut(node) {
            *place = form;
        }
    }

    pub(super) fn want(&mut self, form: u8, rules: &Bits) {
        if let Some((_, wanted)) = self.forms.get_mut(usize::from(form)) {
            wanted.add(rules);
        }
    }

    /// The form that a transformation makes of another one.
    pub(super) fn changed(&mut self, before: u8, value: &[u8], transform: Transform) -> u8 {
        let form = if before == ORIGINAL { value } else { self.forms.get(usize::from(before)).map_or(value, |(form, _)| form) };
        match transform.apply(form) {
            Cow::Borrowed(_) => before,
            Cow::Owned(changed) => self.number(changed, value),
        }
    }

    fn number(&mut self, form: Vec<u8>, value: &[u8]) -> u8 {
        if form == value {
            return ORIGINAL;
        }
        let known = self.forms.iter().position(|(known, _)| *known == form);
        let number = known.unwrap_or_else(|| {
            self.forms.push((form, Bits::default()));
            self.forms.len() - 1
        });
        u8::try_from(number.min(FORMS_MAX)).unwrap_or(ORIGINAL)
    }
}
