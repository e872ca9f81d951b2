//! The forms that transformations give one value, each once, with the rules that want to see it.

use super::super::bits::Bits;
use super::How;
use super::changes::{Changes, bit, own_bit};
use crate::transform::Transform;
use std::borrow::Cow;

/// The number of the value as it stands.
pub(super) const ORIGINAL: u8 = 0;
const UNKNOWN: u8 = u8::MAX;
/// More forms than so many are not kept apart from the last.
const FORMS_MAX: usize = 200;

/// The first form stands for the value itself and holds no text.
#[derive(Debug, Default)]
pub(super) struct Forms {
    forms: Vec<Form>,
}

#[derive(Debug)]
struct Form {
    text: Vec<u8>,
    wanted: Bits,
    /// The transformations that may change it.
    changing: u64,
    /// The form each transformation makes of it.
    after: [u8; Transform::ALL.len()],
}

impl Form {
    fn new(text: Vec<u8>, changing: u64) -> Form {
        Form { text, wanted: Bits::default(), changing, after: [UNKNOWN; Transform::ALL.len()] }
    }
}

impl Forms {
    pub(super) fn clear(&mut self, changing: u64) {
        self.forms.clear();
        self.forms.push(Form::new(Vec::new(), changing));
    }

    /// All forms but the value itself.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Bits)> {
        self.forms.iter().skip(1).map(|form| (form.text.as_slice(), &form.wanted))
    }

    pub(super) fn want(&mut self, form: u8, rules: &Bits) {
        if let Some(form) = self.forms.get_mut(usize::from(form)) {
            form.wanted.add(rules);
        }
    }

    /// The form that a chain makes of the value. What the rules' way of being found sees through is left undone at its end.
    pub(super) fn of(&mut self, chain: &[Transform], how: How, value: &[u8], changes: &Changes) -> u8 {
        let (mut form, mut left) = (ORIGINAL, chain);
        while let Some(at) = left.iter().position(|transform| self.changing(form) & bit(how, *transform) != 0) {
            let (now, later) = left.split_at_checked(at + 1).unwrap_or((left, &[]));
            form = now.iter().fold(form, |form, transform| self.after(form, *transform, value, changes));
            left = later;
        }
        form
    }

    fn changing(&self, form: u8) -> u64 {
        self.forms.get(usize::from(form)).map_or(0, |form| form.changing)
    }

    fn after(&mut self, before: u8, transform: Transform, value: &[u8], changes: &Changes) -> u8 {
        let Some(form) = self.forms.get(usize::from(before)) else { return before };
        if form.changing & own_bit(transform) == 0 {
            return before;
        }
        match form.after.get(transform as usize) {
            Some(known) if *known != UNKNOWN => return *known,
            _ => {}
        }
        let text = if before == ORIGINAL { value } else { &form.text };
        let after = match transform.apply(text) {
            Cow::Borrowed(_) => before,
            Cow::Owned(changed) => self.number(changed, value, changes),
        };
        if let Some(place) = self.forms.get_mut(usize::from(before)).and_then(|form| form.after.get_mut(transform as usize)) {
            *place = after;
        }
        after
    }

    fn number(&mut self, text: Vec<u8>, value: &[u8], changes: &Changes) -> u8 {
        if text == value {
            return ORIGINAL;
        }
        let known = self.forms.iter().skip(1).position(|form| form.text == text).map(|at| at + 1);
        let number = known.unwrap_or_else(|| {
            let changing = changes.of(&text);
            self.forms.push(Form::new(text, changing));
            self.forms.len() - 1
        });
        u8::try_from(number.min(FORMS_MAX)).unwrap_or(ORIGINAL)
    }
}
