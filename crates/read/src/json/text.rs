//! The inside of a JSON string: escapes, surrogates, and where it ends.

use crate::{Bound, Fault, Stop};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    /// After a backslash.
    Begun,
    /// After `\u`: digits still to come, value so far.
    Unicode(u8, u16),
}

/// Decodes across pieces.
#[derive(Debug)]
pub(super) struct Text {
    escape: Escape,
    /// A high surrogate that may become half of a pair.
    high: Option<u16>,
    lone_surrogate: bool,
}

impl Default for Text {
    fn default() -> Self {
        Self { escape: Escape::None, high: None, lone_surrogate: false }
    }
}

impl Text {
    /// Reads on, up to so many decoded bytes; says how many bytes that took and whether the closing quote was among them.
    pub(super) fn read(&mut self, bytes: &[u8], into: &mut Vec<u8>, bytes_max: usize) -> Result<(usize, bool), Stop> {
        let mut used = 0;
        while into.len() <= bytes_max
            && let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty())
        {
            if self.escape != Escape::None {
                self.escaped(rest.first().copied().unwrap_or_default(), into)?;
                used += 1;
                continue;
            }
            let run = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            let (plain, rest) = rest.split_at(run);
            if run > 0 {
                self.flush(into);
                into.extend_from_slice(plain);
            }
            if into.len() > bytes_max {
                break;
            }
            used += run;
            match rest.first() {
                None => break,
                Some(b'"') => {
                    self.flush(into);
                    return Ok((used + 1, true));
                }
                Some(b'\\') => self.escape = Escape::Begun,
                Some(_) => return Err(Stop::Fault(Fault::JsonSyntax)),
            }
            used += 1;
        }
        if into.len() > bytes_max { Err(Stop::Bound(Bound::Value)) } else { Ok((used, false)) }
    }

    /// Whether half a pair was met since the last time this was asked.
    pub(super) fn take_lone_surrogate(&mut self) -> bool {
        std::mem::take(&mut self.lone_surrogate)
    }

    fn escaped(&mut self, byte: u8, into: &mut Vec<u8>) -> Result<(), Stop> {
        let plain = match (self.escape, byte) {
            (Escape::Begun, b'u') => {
                self.escape = Escape::Unicode(4, 0);
                return Ok(());
            }
            (Escape::Unicode(left, value), _) => return self.digit(left, value, byte, into),
            (_, b'"' | b'\\' | b'/') => byte,
            (_, b'b') => 8,
            (_, b'f') => 12,
            (_, b'n') => b'\n',
            (_, b'r') => b'\r',
            (_, b't') => b'\t',
            _ => return Err(Stop::Fault(Fault::JsonSyntax)),
        };
        self.flush(into);
        into.push(plain);
        self.escape = Escape::None;
        Ok(())
    }

    fn digit(&mut self, left: u8, value: u16, byte: u8, into: &mut Vec<u8>) -> Result<(), Stop> {
        let Some(digit) = char::from(byte).to_digit(16) else { return Err(Stop::Fault(Fault::JsonSyntax)) };
        let value = value << 4 | u16::try_from(digit).unwrap_or_default();
        self.escape = if left > 1 { Escape::Unicode(left - 1, value) } else { Escape::None };
        if left == 1 {
            self.unit(value, into);
        }
        Ok(())
    }

    fn unit(&mut self, unit: u16, into: &mut Vec<u8>) {
        match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                let code = 0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(unit) - 0xdc00);
                push(code, into);
            }
            (before, _) => {
                self.high = before;
                self.flush(into);
                match unit {
                    0xd800..=0xdbff => self.high = Some(unit),
                    0xdc00..=0xdfff => {
                        self.lone_surrogate = true;
                        push(u32::from(unit), into);
                    }
                    _ => push(u32::from(unit), into),
                }
            }
        }
    }

    /// A high surrogate that stayed alone.
    fn flush(&mut self, into: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            self.lone_surrogate = true;
            push(u32::from(high), into);
        }
    }
}

/// UTF-8, and for lone surrogates the three bytes that UTF-8 would give them.
fn push(code: u32, into: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(char) => into.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        None => into.extend([0xe0 | (code >> 12) as u8, 0x80 | (code >> 6) as u8 & 0x3f, 0x80 | code as u8 & 0x3f]),
    }
}
