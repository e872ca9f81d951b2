//! `@validateByteRange`, `@validateUrlEncoding`.

use super::OperatorError;
use crate::transform::ByteSet;

/// The bytes an argument such as `9,10,32-126` allows.
pub(super) fn byte_range(argument: &str) -> Result<ByteSet, OperatorError> {
    argument.split(',').try_fold(ByteSet::default(), |set, item| {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        match (first.trim().parse::<u8>(), last.trim().parse::<u8>()) {
            (Ok(first), Ok(last)) if first <= last => Ok(set.with(first, last)),
            _ => Err(OperatorError::Argument {
                name: "validateByteRange",
                argument: item.to_owned(),
                why: "expected a byte (0 to 255) or a range of bytes",
            }),
        }
    })
}

/// Whether some percent sign is not followed by two hexadecimal digits.
pub(super) fn is_badly_url_encoded(value: &[u8]) -> bool {
    memchr::memchr_iter(b'%', value).any(|at| {
        let digits = value.get(at + 1..at + 3);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}
