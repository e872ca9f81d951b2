//! `utf8toUnicode`: multi-byte characters written as `%uHHHH`, so that ASCII rules can name them.

/// Writes each multi-byte character as `%u` and at least four lower-case hexadecimal digits.
///
/// As ModSecurity does it: a lead byte without its continuation bytes is dropped, a stray continuation byte stays, an overlong or
/// surrogate character is written and its lead byte kept after it, a lead byte beyond F4 is kept before it, and a NUL that is not
/// the last byte is dropped.
pub(super) fn to_unicode(mut rest: &[u8], out: &mut Vec<u8>) {
    while let [lead, tail @ ..] = rest {
        let Some(continuation) = continuation_bytes(*lead) else {
            if *lead != 0 || tail.is_empty() {
                out.push(*lead);
            }
            rest = tail;
            continue;
        };
        if *lead >= 0xf5 {
            out.push(*lead);
        }
        rest = match character(*lead, tail, continuation) {
            Some(code) => {
                write(code, out);
                if is_surrogate(code) || is_overlong(code, continuation) {
                    out.push(*lead);
                }
                tail.get(continuation..).unwrap_or_default()
            }
            None => tail,
        };
    }
}

/// How many continuation bytes a lead byte announces.
const fn continuation_bytes(lead: u8) -> Option<usize> {
    match lead {
        0xc0..=0xdf => Some(1),
        0xe0..=0xef => Some(2),
        0xf0..=0xf7 => Some(3),
        _ => None,
    }
}

fn character(lead: u8, tail: &[u8], continuation: usize) -> Option<u32> {
    let bits = u32::from(lead) & (0x3f >> continuation);
    let following = tail.get(..continuation)?;
    following.iter().try_fold(bits, |code, byte| (byte & 0xc0 == 0x80).then_some(code << 6 | u32::from(byte & 0x3f)))
}

fn write(code: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("%u{code:04x}").as_bytes());
}

fn is_surrogate(code: u32) -> bool {
    (0xd800..=0xdfff).contains(&code)
}

/// Whether fewer bytes would have done.
fn is_overlong(code: u32, continuation: usize) -> bool {
    code < match continuation {
        1 => 0x80,
        2 => 0x800,
        _ => 0x1_0000,
    }
}
