//! Characters written by their numbers or names: percent, entities, escapes of source code, UTF-7.

/// The longest name of an entity looked for.
const ENTITY_BYTES_MAX: usize = 12;

/// `%41`, `%u0041`; a plus sign is a space if the text has no other.
pub(super) fn percent(text: &[u8], out: &mut dyn FnMut(Vec<u8>)) {
    if !memchr::memchr_iter(b'%', text).any(|at| percent_one(text.get(at..).unwrap_or_default()).is_some()) {
        return;
    }
    let plus = memchr::memchr(b' ', text).is_none();
    let mut bytes = Vec::with_capacity(text.len());
    let (mut rest, mut changed) = (text, false);
    while let Some((&first, after)) = rest.split_first() {
        let (taken, next) = match percent_one(rest) {
            Some((code, next)) => {
                changed = true;
                (code, next)
            }
            None => (if first == b'+' && plus { u32::from(b' ') } else { u32::from(first) }, after),
        };
        // Two digits are a byte, four a character.
        if taken > 255 {
            push(&mut bytes, taken)
        } else {
            bytes.push(taken as u8)
        }
        rest = next;
    }
    if changed {
        out(bytes);
    }
}

fn percent_one(text: &[u8]) -> Option<(u32, &[u8])> {
    match text {
        [b'%', b'u' | b'U', a, b, c, d, rest @ ..] => Some((hex(&[*a, *b, *c, *d])?, rest)),
        [b'%', a, b, rest @ ..] => Some((hex(&[*a, *b])?, rest)),
        _ => None,
    }
}

/// `&lt;`, `&#60;`, `&#x3c`: the semicolon may be missing behind numbers and old names.
pub(crate) fn entities(text: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr_iter(b'&', text).find(|at| entity(text.get(*at..).unwrap_or_default()).is_some())?;
    let mut bytes = Vec::with_capacity(text.len());
    let (mut rest, mut changed) = (text, false);
    while let Some(at) = memchr::memchr(b'&', rest) {
        let (before, from) = rest.split_at(at);
        bytes.extend_from_slice(before);
        match entity(from) {
            Some((code, length)) => {
                changed = true;
                push(&mut bytes, code);
                rest = from.get(length..).unwrap_or_default();
            }
            None => {
                bytes.push(b'&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    bytes.extend_from_slice(rest);
    changed.then_some(bytes)
}

/// The character of the entity a text begins with, and the entity's length.
fn entity(text: &[u8]) -> Option<(u32, usize)> {
    match text {
        [b'&', b'#', b'x' | b'X', digits @ ..] => numeric(digits, 3, 16),
        [b'&', b'#', digits @ ..] => numeric(digits, 2, 10),
        [b'&', name @ ..] => named(name),
        _ => None,
    }
}

fn numeric(digits: &[u8], before: usize, radix: u32) -> Option<(u32, usize)> {
    // Zeros in front may be many; sixteen digits are plenty.
    let length = digits.iter().take(16).take_while(|b| char::from(**b).is_digit(radix)).count();
    let number = std::str::from_utf8(digits.get(..length)?).ok()?;
    let code = u32::from_str_radix(number, radix).ok()?;
    let semicolon = usize::from(digits.get(length) == Some(&b';'));
    Some((code, before + length + semicolon))
}

fn named(name: &[u8]) -> Option<(u32, usize)> {
    let length = name.iter().take(ENTITY_BYTES_MAX).take_while(|b| b.is_ascii_alphanumeric()).count();
    let word = name.get(..length)?;
    let closed = name.get(length) == Some(&b';');
    let code = match word {
        b"lt" | b"LT" => b'<',
        b"gt" | b"GT" => b'>',
        b"amp" | b"AMP" => b'&',
        b"quot" | b"QUOT" => b'"',
        b"nbsp" => b' ',
        _ if !closed => return None,
        b"apos" => b'\'',
        b"Tab" => b'\t',
        b"NewLine" => b'\n',
        b"lpar" => b'(',
        b"rpar" => b')',
        b"colon" => b':',
        b"semi" => b';',
        b"equals" => b'=',
        b"sol" => b'/',
        b"bsol" => b'\\',
        b"period" => b'.',
        b"comma" => b',',
        b"grave" | b"DiacriticalGrave" => b'`',
        b"lsqb" | b"lbrack" => b'[',
        b"rsqb" | b"rbrack" => b']',
        b"lcub" | b"lbrace" => b'{',
        b"rcub" | b"rbrace" => b'}',
        b"num" => b'#',
        b"dollar" => b'$',
        b"excl" => b'!',
        b"quest" => b'?',
        b"ast" | b"midast" => b'*',
        b"plus" => b'+',
        b"lowbar" | b"UnderBar" => b'_',
        b"percnt" => b'%',
        b"vert" | b"verbar" | b"VerticalLine" => b'|',
        b"commat" => b'@',
        _ => return None,
    };
    Some((u32::from(code), 1 + length + usize::from(closed)))
}

/// `\x41`, `\u0041`, `\u{41}`, `\101`, as JavaScript, Python, CSS and shells write characters; also `\/`.
pub(super) fn escapes(text: &[u8], out: &mut dyn FnMut(Vec<u8>)) {
    if !memchr::memchr_iter(b'\\', text).any(|at| escape(text.get(at..).unwrap_or_default()).is_some()) {
        return;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let (mut rest, mut changed) = (text, false);
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, from) = rest.split_at(at);
        bytes.extend_from_slice(before);
        match escape(from) {
            Some((code, length)) => {
                changed = true;
                push(&mut bytes, code);
                rest = from.get(length..).unwrap_or_default();
            }
            None => {
                bytes.push(b'\\');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    bytes.extend_from_slice(rest);
    if changed {
        out(bytes);
    }
}

fn escape(text: &[u8]) -> Option<(u32, usize)> {
    match text {
        [_, b'x' | b'X', a, b, ..] => Some((hex(&[*a, *b])?, 4)),
        [_, b'u', b'{', rest @ ..] => {
            let length = rest.iter().take(6).take_while(|b| b.is_ascii_hexdigit()).count();
            (rest.get(length) == Some(&b'}')).then_some(())?;
            Some((hex(rest.get(..length)?)?, length + 4))
        }
        [_, b'u' | b'U', a, b, c, d, ..] => Some((hex(&[*a, *b, *c, *d])?, 6)),
        [_, a @ b'0'..=b'1', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            let digit = |b: u8| u32::from(b - b'0');
            Some((digit(*a) * 64 + digit(*b) * 8 + digit(*c), 4))
        }
        [_, b'/', ..] => Some((u32::from(b'/'), 2)),
        _ => None,
    }
}

/// `+ADw-`: UTF-16 in base64 between a plus and a minus (RFC 2152), as old browsers and XML readers guess.
pub(super) fn utf7(text: &[u8], out: &mut dyn FnMut(Vec<u8>)) {
    if memchr::memmem::find(text, b"+AD").is_none() {
        return;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let (mut rest, mut changed) = (text, false);
    while let Some((&first, after)) = rest.split_first() {
        let run = after.iter().take(64).take_while(|b| b.is_ascii_alphanumeric() || **b == b'/' || **b == b'+').count();
        match after.get(..run).filter(|_| first == b'+' && run >= 3).and_then(utf16) {
            Some(decoded) => {
                changed = true;
                bytes.extend_from_slice(&decoded);
                let minus = usize::from(after.get(run) == Some(&b'-'));
                rest = after.get(run + minus..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    if changed {
        out(bytes);
    }
}

/// The ASCII characters of UTF-16 in base64.
fn utf16(encoded: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for &byte in encoded {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 16 {
            count -= 16;
            bytes.push(u8::try_from(bits >> count & 0xffff).ok()?);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, &b| Some(value << 4 | char::from(b).to_digit(16)?))
}

/// A character in UTF-8; what is none becomes a question mark.
fn push(bytes: &mut Vec<u8>, code: u32) {
    let mut buffer = [0; 4];
    bytes.extend_from_slice(char::from_u32(code).unwrap_or('?').encode_utf8(&mut buffer).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(decode: crate::decode::Decode, text: &[u8]) -> Option<String> {
        let mut found = None;
        decode(text, &mut |bytes| found = Some(String::from_utf8_lossy(&bytes).into_owned()));
        found
    }

    #[test]
    fn each_way_decodes_its_own() {
        assert_eq!(run(percent, b"%27%20or+%u0031").as_deref(), Some("' or 1"));
        assert_eq!(run(percent, b"100% sure"), None);
        assert_eq!(run(escapes, br"\x3cscript\u003e\u{2f}\047").as_deref(), Some("<script>/'"));
        assert_eq!(run(escapes, br"C:\Users\new"), None);
        assert_eq!(run(utf7, b"+ADw-script+AD4-").as_deref(), Some("<script>"));
        assert_eq!(entities(b"j&#X41vas&Tab;c&lt;&#0000040").as_deref(), Some(&b"jAvas\tc<("[..]));
        assert_eq!(entities(b"AT&T & co; &unknown;"), None);
    }
}
