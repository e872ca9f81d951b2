//! Multipart forms without their secrets and without what is in their files.

use super::mask::{Masked, note, value};

/// A form of more parts is not recorded.
const PARTS_MAX: usize = 256;

/// The form, as far as its parts are whole; `None` when it has another shape than browsers send.
pub(super) fn mask(boundary: &[u8], sent: &[u8], cut: bool, masked: &mut Masked) -> Option<Vec<u8>> {
    let line = [b"\r\n--", boundary].concat();
    let mut clean = line.get(2..)?.to_vec();
    let mut rest = sent.strip_prefix(clean.as_slice())?;
    for _ in 0..PARTS_MAX {
        if rest.starts_with(b"--") {
            // What comes behind the end is read by nobody; more than a line's end has no business there.
            let epilogue = rest.get(2..)?;
            clean.extend_from_slice(rest);
            return epilogue.trim_ascii().is_empty().then_some(clean);
        }
        let Some(end) = rest.windows(line.len()).position(|window| window == line) else {
            return cut.then(|| strip_boundary(clean, &line));
        };
        let (part, next) = rest.split_at_checked(end)?;
        clean.extend(one(part, masked)?);
        clean.extend_from_slice(&line);
        rest = next.get(line.len()..)?;
    }
    None
}

/// A cut form ends behind its last whole part.
fn strip_boundary(mut clean: Vec<u8>, line: &[u8]) -> Vec<u8> {
    if clean.ends_with(line) {
        clean.truncate(clean.len() - line.len());
    }
    clean
}

fn one(part: &[u8], masked: &mut Masked) -> Option<Vec<u8>> {
    let head_bytes = part.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let (head, content) = part.split_at_checked(head_bytes)?;
    let text = str::from_utf8(head).ok()?;
    let name = parameter(text, "name")?;
    // Only values are masked: a head that holds a secret itself is left out with its form.
    if value("", name).or_else(|| value("", text)).is_some() {
        return None;
    }
    let mut clean = head.to_vec();
    if text.to_ascii_lowercase().contains("filename") {
        if !content.is_empty() {
            note(masked, || format!("file {name}"));
        }
    } else {
        let hidden = value(name, &String::from_utf8_lossy(content));
        if hidden.is_some() {
            note(masked, || format!("form {name}"));
        }
        clean.extend(hidden.map_or_else(|| content.to_vec(), String::into_bytes));
    }
    Some(clean)
}

/// A parameter's value, where it stands once and in plain quotes.
fn parameter<'t>(head: &'t str, name: &str) -> Option<&'t str> {
    let mark = format!("; {name}=\"");
    let (_, rest) = head.split_once(&mark)?;
    let (value, after) = rest.split_once('"')?;
    (!value.contains('\\') && !after.contains(&mark)).then_some(value)
}
