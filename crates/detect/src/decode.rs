//! The decodings a value invites, each with the steps that led to it, bounded in depth, number and size.
//!
//! Apps decode what they get once more than they know: a percent sign that was encoded twice, entities in a rich text, base64 in a
//! cookie. A decoding is made only if the value has the bytes it needs, and judged only if it differs from all before.

mod base64;
mod chars;
mod fold;
mod json;

pub(crate) use base64::may_be_base64;
pub(crate) use chars::entities;

use crate::{
    finding::{Judging, Step, Steps, Text, Where},
    marks::Marks,
};

/// Decodings one upon the other.
const DEPTH_MAX: usize = 3;

/// Texts judged for one value.
const VIEWS_MAX: usize = 600;

/// Bytes of all decodings together, in lengths of the value, and some for short ones.
const GROWTH_MAX: usize = 6;
const GROWTH_BYTES: usize = 4096;

/// Reads a text and gives each text it makes of it.
pub(crate) type Decode = fn(&[u8], &mut dyn FnMut(Vec<u8>));

/// A way to decode: the bytes it needs, and the texts it makes.
struct Decoder {
    step: Step,
    needs: Marks,
    decode: Decode,
}

const DECODERS: &[Decoder] = &[
    Decoder { step: Step::Percent, needs: Marks::PERCENT, decode: chars::percent },
    Decoder { step: Step::Entities, needs: Marks::AMP, decode: |text, out| entities(text).into_iter().for_each(out) },
    Decoder { step: Step::Escapes, needs: Marks::BACKSLASH, decode: chars::escapes },
    Decoder { step: Step::Fold, needs: Marks::HIGH.or(Marks::CONTROL), decode: fold::fold },
    Decoder { step: Step::Utf7, needs: Marks::PLUS, decode: chars::utf7 },
    Decoder { step: Step::Json, needs: Marks::DOUBLE, decode: json::strings },
    Decoder { step: Step::Base64, needs: Marks::UPPER.or(Marks::LOWER), decode: base64::base64 },
];

/// One text that waits to be judged.
struct View {
    bytes: Vec<u8>,
    steps: Steps,
    within_markup: bool,
}

/// Calls `judge` with the value as sent and with each decoding.
pub(crate) fn each_view(
    value: &[u8],
    marks: Marks,
    place: Where,
    judging: &mut Judging<'_>,
    judge: fn(&Text<'_>, &mut Judging<'_>),
) {
    let mut views: Vec<View> = Vec::new();
    let mut room = value.len().saturating_mul(GROWTH_MAX).saturating_add(GROWTH_BYTES);
    let none = Steps::new();
    let sent = Text { bytes: value, place, marks, steps: &none, within_markup: false };
    judge(&sent, judging);
    decode_into(&mut views, &sent, &mut room, judging);
    let mut next = 0;
    while let Some(view) = views.get_mut(next) {
        if judging.findings.exhausted {
            return;
        }
        let (bytes, steps, within_markup) =
            (std::mem::take(&mut view.bytes), std::mem::take(&mut view.steps), view.within_markup);
        let text = Text { bytes: &bytes, place, marks: Marks::of(&bytes), steps: &steps, within_markup };
        if !text.marks.is_word() {
            judge(&text, judging);
        }
        decode_into(&mut views, &text, &mut room, judging);
        if let Some(view) = views.get_mut(next) {
            (view.bytes, view.steps) = (bytes, steps);
        }
        next += 1;
    }
}

/// Adds the decodings of one text.
fn decode_into(views: &mut Vec<View>, text: &Text<'_>, room: &mut usize, judging: &mut Judging<'_>) {
    if text.steps.len() >= DEPTH_MAX {
        return;
    }
    for decoder in DECODERS.iter().filter(|d| text.marks.any(d.needs)) {
        if !judging.spend(text.bytes.len()) {
            return;
        }
        let within_markup = text.within_markup || (decoder.step == Step::Entities && text.marks.any(Marks::LESS));
        (decoder.decode)(text.bytes, &mut |bytes| {
            let known = bytes == text.bytes || views.iter().any(|v| v.steps.last() != Some(&Step::Json) && v.bytes == bytes);
            let Some(left) = room.checked_sub(bytes.len()).filter(|_| !known && views.len() < VIEWS_MAX) else { return };
            *room = left;
            let steps = text.steps.iter().copied().chain([decoder.step]).collect();
            views.push(View { bytes, steps, within_markup });
        });
    }
}
