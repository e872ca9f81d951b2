//! What stands in JSON without quotes: numbers and words.

use crate::Kind;

/// Whether a byte can be part of a number or word.
pub(super) fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// Appends an index; arrays are long, and this is what each of their values costs.
pub(super) fn push(number: u32, into: &mut Vec<u8>) {
    let start = into.len();
    let mut rest = number;
    loop {
        into.push(b'0' + u8::try_from(rest % 10).unwrap_or_default());
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = into.get_mut(start..) {
        digits.reverse();
    }
}

/// What it is; `None` if it is nothing that Python's reader takes.
pub(super) fn classify(bare: &[u8]) -> Option<Kind> {
    match bare {
        b"true" | b"false" => Some(Kind::Bool),
        b"null" => Some(Kind::Null),
        b"NaN" | b"Infinity" | b"-Infinity" => Some(Kind::Number),
        _ => is_number(bare).then_some(Kind::Number),
    }
}

/// RFC 8259 section 6: `-? (0 | [1-9] digits) (. digits)? ([eE] [+-]? digits)?`
fn is_number(bare: &[u8]) -> bool {
    let rest = bare.strip_prefix(b"-").unwrap_or(bare);
    let (whole, rest) = digits(rest);
    if whole.is_empty() || (whole.len() > 1 && whole.first() == Some(&b'0')) {
        return false;
    }
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(rest) => match digits(rest) {
            ([], _) => return false,
            (_, rest) => rest,
        },
    };
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => matches!(digits(rest), ([_, ..], [])),
        _ => false,
    }
}

fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_decimal() {
        for number in [0, 7, 10, 1203, u32::MAX] {
            let mut into = b"x.".to_vec();
            push(number, &mut into);
            assert_eq!(into, format!("x.{number}").into_bytes());
        }
    }

    #[test]
    fn numbers_are_those_of_the_rfc() {
        for good in ["0", "-0", "10", "1.5", "1e5", "1E+5", "0.0e-0", "-12.25"] {
            assert_eq!(classify(good.as_bytes()), Some(Kind::Number), "{good}");
        }
        for bad in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "0x10", "1_0", "--1", "1.5.2", "nan", "True"] {
            assert_eq!(classify(bad.as_bytes()), None, "{bad}");
        }
    }
}
