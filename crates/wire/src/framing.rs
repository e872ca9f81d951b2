//! Where a body ends: Content-Length, chunked, or nothing else.

use crate::Fault;

/// How the body of a message is delimited on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body and no field that speaks of one.
    None,
    /// Exactly so many bytes; zero when `Content-Length: 0` was written.
    Length(u64),
    /// Chunks, read by [`crate::ChunkedDecoder`].
    Chunked,
}

/// What the framing fields of one head said.
#[derive(Debug, Default)]
pub(crate) struct FramingFields {
    pub(crate) length: Option<u64>,
    pub(crate) chunked: bool,
}

impl FramingFields {
    /// Takes one Content-Length; true when an equal one came before it. A second one is refused, unless `same_twice` tolerates it
    /// for saying the same (some apps do).
    pub(crate) fn add_length(&mut self, value: &[u8], same_twice: bool) -> Result<bool, Fault> {
        let length = parse_length(value)?;
        match self.length.replace(length) {
            None => Ok(false),
            Some(before) if same_twice && before == length => Ok(true),
            Some(_) => Err(Fault::RepeatedLength),
        }
    }

    /// Takes one Transfer-Encoding: exactly `chunked`, once.
    pub(crate) fn add_transfer_encoding(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.chunked {
            return Err(Fault::RepeatedTransferEncoding);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Fault::UnknownTransferCoding);
        }
        self.chunked = true;
        Ok(())
    }

    /// The one framing these fields allow.
    pub(crate) fn decide(&self, is_http10: bool) -> Result<Framing, Fault> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Fault::LengthAndChunked),
            (None, true) if is_http10 => Err(Fault::ChunkedInHttp10),
            (None, true) => Ok(Framing::Chunked),
            (Some(length), false) => Ok(Framing::Length(length)),
            (None, false) => Ok(Framing::None),
        }
    }
}

/// Decimal digits only: no sign, no list, no other base.
fn parse_length(value: &[u8]) -> Result<u64, Fault> {
    if value.contains(&b',') {
        return Err(Fault::ListedLength);
    }
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Fault::BadLength);
    }
    let mut length = 0_u64;
    for digit in value {
        let next = length.checked_mul(10).and_then(|n| n.checked_add(u64::from(digit - b'0')));
        length = next.ok_or(Fault::LengthOverflow)?;
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::{Fault, parse_length};

    #[test]
    fn lengths() {
        let check = |value: &str, expected| assert_eq!(parse_length(value.as_bytes()), expected, "{value:?}");
        check("0", Ok(0));
        check("007", Ok(7));
        check("18446744073709551615", Ok(u64::MAX));
        check("18446744073709551616", Err(Fault::LengthOverflow));
        check("99999999999999999999999999", Err(Fault::LengthOverflow));
        check("", Err(Fault::BadLength));
        check("+2", Err(Fault::BadLength));
        check("-2", Err(Fault::BadLength));
        check("0x2", Err(Fault::BadLength));
        check("2 2", Err(Fault::BadLength));
        check("2, 2", Err(Fault::ListedLength));
        check("\u{0662}", Err(Fault::BadLength));
    }
}
