//! Bodies without their secrets, in the types whose values have names.

use super::{json, mask, mask::Masked, multipart};
use gambeson_read::MediaType;

/// The body, as it was sent but for its secrets; `cut`: it is not all of it. `None` when secrets in it cannot be told: it is of
/// another type, or not of the type it says.
pub(super) fn mask(kind: &[u8], sent: &[u8], cut: bool, masked: &mut Masked) -> Option<Vec<u8>> {
    let media = MediaType::read(kind);
    if media.is_form() {
        return form(sent, cut, masked);
    }
    if media.is_json() {
        return json::mask(sent, cut, masked);
    }
    media.boundary.as_ref().filter(|_| media.is_multipart()).and_then(|boundary| multipart::mask(boundary, sent, cut, masked))
}

/// Of a cut form the last pair is left out: its secret may not look like one any more. What is JSON or XML by its beginning, or has
/// lines, is no form: the names in it are not where a form has them.
fn form(sent: &[u8], cut: bool, masked: &mut Masked) -> Option<Vec<u8>> {
    let first = sent.trim_ascii_start().first();
    if matches!(first, Some(b'{' | b'[' | b'<')) || sent.iter().any(u8::is_ascii_control) {
        return None;
    }
    let whole = if cut { sent.get(..sent.iter().rposition(|byte| *byte == b'&').unwrap_or(0)).unwrap_or_default() } else { sent };
    Some(mask::pairs("form", whole, masked))
}
