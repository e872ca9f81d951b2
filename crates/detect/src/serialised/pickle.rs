//! The opcodes of pickles, protocols 0 to 5 (Python's `pickletools`).

/// What a text is as a pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pickle {
    /// No pickle.
    No,
    /// Values only.
    Data,
    /// A function is looked up and called.
    Calls,
}

/// The opcodes read: what is called is called early, and a plain text is no pickle long before.
const OPCODES_MAX: usize = 5000;

/// Reads a text as a pickle. `steps` grows by the work done.
pub(super) fn read(value: &[u8], steps: &mut usize) -> Pickle {
    // Without a protocol mark only a text that begins by looking something up, or a mark, is worth reading.
    if !matches!(value, [0x80, 0..=5, ..] | [b'c' | b'(' | b'i', ..]) {
        return Pickle::No;
    }
    let marked = value.first() == Some(&0x80);
    let (mut at, mut looked_up, mut called, mut previous) = (0, false, false, 0);
    for _ in 0..OPCODES_MAX {
        *steps += 4;
        let Some(&opcode) = value.get(at) else { break };
        at += 1;
        match opcode {
            b'.' => return verdict(looked_up, called, true, marked),
            b'c' | b'i' if !is_global(value, at) => return Pickle::No,
            b'c' | 0x93 => looked_up = true,
            b'i' => (looked_up, called) = (true, true),
            b'R' | b'o' | b'b' | 0x81 | 0x92 => called |= looked_up,
            _ => {}
        }
        let Some(length) = argument(opcode, value.get(at..).unwrap_or_default()) else { break };
        *steps += length / 16;
        at += length;
        previous = opcode;
    }
    // What is cut off still calls what came before.
    let _ = previous;
    verdict(looked_up, called, false, marked)
}

fn verdict(looked_up: bool, called: bool, ended: bool, marked: bool) -> Pickle {
    match (looked_up && called, ended, marked) {
        (true, true, _) | (true, _, true) => Pickle::Calls,
        (false, true, true) => Pickle::Data,
        _ => Pickle::No,
    }
}

/// Two lines that name a module and something in it.
fn is_global(value: &[u8], at: usize) -> bool {
    let rest = value.get(at..).unwrap_or_default();
    let mut lines = rest.get(..rest.len().min(256)).unwrap_or_default().splitn(3, |b| *b == b'\n');
    let name = |line: Option<&[u8]>| {
        line.is_some_and(|l| !l.is_empty() && l.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')))
    };
    name(lines.next()) && name(lines.next()) && lines.next().is_some()
}

/// The length of an opcode's argument; `None` for what is no opcode, or cut off.
fn argument(opcode: u8, rest: &[u8]) -> Option<usize> {
    let number = |bytes: usize| {
        let digits = rest.get(..bytes)?;
        digits.iter().rev().try_fold(0_usize, |value, b| value.checked_mul(256)?.checked_add(usize::from(*b)))
    };
    let counted = |bytes: usize| {
        let length = number(bytes)?.checked_add(bytes)?;
        (length <= rest.len()).then_some(length)
    };
    let line = || Some(memchr::memchr(b'\n', rest)? + 1);
    match opcode {
        // No argument: marks, stack and memo work, small constants, calls.
        b'('
        | b'0'
        | b'1'
        | b'2'
        | b'N'
        | b'R'
        | b'Q'
        | b'a'
        | b'b'
        | b'd'
        | b'e'
        | b'l'
        | b'o'
        | b's'
        | b't'
        | b'u'
        | b')'
        | b']'
        | b'}'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x94
        | 0x97
        | 0x98 => Some(0),
        b'K' | b'q' | b'h' | 0x80 | 0x82 => (!rest.is_empty()).then_some(1),
        b'M' | 0x83 => (rest.len() >= 2).then_some(2),
        b'J' | b'r' | b'j' | 0x84 => (rest.len() >= 4).then_some(4),
        b'G' | 0x95 => (rest.len() >= 8).then_some(8),
        b'U' | b'C' | 0x8a | 0x8c => counted(1),
        b'T' | b'X' | b'B' | 0x8b => counted(4),
        0x8d | 0x8e | 0x96 => counted(8),
        b'F' | b'I' | b'L' | b'S' | b'V' | b'P' | b'p' | b'g' => line(),
        b'c' | b'i' => {
            let first = line()?;
            Some(first + memchr::memchr(b'\n', rest.get(first..)?)? + 1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_data_and_from_prose() {
        let kind = |text: &[u8]| read(text, &mut 0);
        assert_eq!(kind(b"cos\nsystem\n(S'id'\ntR."), Pickle::Calls);
        assert_eq!(kind(b"(S'id'\nios\nsystem\n."), Pickle::Calls);
        assert_eq!(
            kind(b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94."),
            Pickle::Calls
        );
        assert_eq!(kind(b"\x80\x04K\x01."), Pickle::Data);
        for text in [&b"cats\nand dogs\nare here."[..], b"(see below)\nthe end.", b"code\nname\nR.", b"\x80\x04nonsense", b""] {
            assert_ne!(kind(text), Pickle::Data, "{}", text.escape_ascii());
        }
        assert_eq!(kind(b"cats\nand dogs\nare here."), Pickle::No);
    }
}
