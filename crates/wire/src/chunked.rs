//! Chunked bodies, decoded as they arrive and without copying.

use crate::{Fault, Limits};
use bytes::{Buf, Bytes, BytesMut};

/// More digits than these would not fit 64 bits.
const SIZE_DIGITS_MAX: u8 = 16;

/// What [`ChunkedDecoder::decode`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// The next bytes of the body: a chunk or a part of one, never empty.
    Data(Bytes),
    /// The input is used up and the body goes on.
    NeedMore,
    /// The body is complete; what is left in the input comes after it.
    End,
}

/// Decodes one chunked body (RFC 9112 7.1): sizes of plain hexadecimal digits, CRLF only, no extensions; trailers are read within
/// limits and dropped, since no layer has judged them (a trailer once passed for a field: CWE-113).
///
/// The verdict does not depend on how the bytes are cut into pieces: the state advances byte by byte outside of data.
#[derive(Clone, Debug)]
pub struct ChunkedDecoder {
    state: State,
    trailer_bytes_left: usize,
    trailers_left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size { value: u64, digits: u8 },
    SizeLf { value: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

impl ChunkedDecoder {
    /// A decoder at the beginning of a body.
    pub fn new(limits: &Limits) -> Self {
        Self {
            state: State::Size { value: 0, digits: 0 },
            trailer_bytes_left: limits.trailer_bytes_max,
            trailers_left: limits.trailers_max,
        }
    }

    /// Takes the next piece of the body out of `input`. Call again after [`Chunk::Data`].
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Chunk, Fault> {
        loop {
            if self.state == State::End {
                return Ok(Chunk::End);
            }
            if let State::Data { left } = self.state {
                let Some(data) = take(input, left) else {
                    return Ok(Chunk::NeedMore);
                };
                let left = left.saturating_sub(data.len() as u64);
                self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                return Ok(Chunk::Data(data));
            }
            let Some(byte) = input.first().copied() else {
                return Ok(Chunk::NeedMore);
            };
            input.advance(1);
            self.state = self.step(byte)?;
        }
    }

    /// Whether the body has been read to its end.
    pub fn is_end(&self) -> bool {
        self.state == State::End
    }

    fn step(&mut self, byte: u8) -> Result<State, Fault> {
        match self.state {
            State::Size { value, digits } => step_size(value, digits, byte),
            State::SizeLf { value: 0 } => lf(byte, State::TrailerStart),
            State::SizeLf { value } => lf(byte, State::Data { left: value }),
            State::DataCr if byte == b'\r' => Ok(State::DataLf),
            State::DataLf if byte == b'\n' => Ok(State::Size { value: 0, digits: 0 }),
            State::DataCr | State::DataLf => Err(Fault::ChunkEnd),
            State::EndLf => lf(byte, State::End),
            State::Data { .. } | State::End => Ok(self.state),
            State::TrailerStart | State::TrailerName | State::TrailerValue | State::TrailerLf => self.step_trailer(byte),
        }
    }

    fn step_trailer(&mut self, byte: u8) -> Result<State, Fault> {
        self.trailer_bytes_left = self.trailer_bytes_left.checked_sub(1).ok_or(Fault::TrailersTooLarge)?;
        match (self.state, byte) {
            (State::TrailerStart, b'\r') => Ok(State::EndLf),
            (State::TrailerStart, b':') => Err(Fault::EmptyName),
            (State::TrailerStart, b' ' | b'\t') => Err(Fault::ObsFold),
            (State::TrailerStart, _) => {
                self.trailers_left = self.trailers_left.checked_sub(1).ok_or(Fault::TrailersTooLarge)?;
                step_name(byte)
            }
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerName, _) => step_name(byte),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerValue, b'\n') => Err(Fault::BareLf),
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => Ok(State::TrailerValue),
            (State::TrailerValue, _) => Err(Fault::ControlInValue),
            (_, byte) => lf(byte, State::TrailerStart),
        }
    }
}

/// At most `left` bytes from the front of `input`, without copying.
fn take(input: &mut BytesMut, left: u64) -> Option<Bytes> {
    let bytes = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    (bytes > 0).then(|| input.split_to(bytes).freeze())
}

fn step_size(value: u64, digits: u8, byte: u8) -> Result<State, Fault> {
    let Some(digit) = char::from(byte).to_digit(16) else {
        return match byte {
            b'\n' => Err(Fault::BareLf),
            _ if digits == 0 => Err(Fault::ChunkSize),
            b'\r' => Ok(State::SizeLf { value }),
            b';' => Err(Fault::ChunkExtension),
            _ => Err(Fault::ChunkSize),
        };
    };
    if digits == SIZE_DIGITS_MAX {
        return Err(Fault::ChunkSizeTooLong);
    }
    Ok(State::Size { value: value << 4 | u64::from(digit), digits: digits + 1 })
}

fn step_name(byte: u8) -> Result<State, Fault> {
    match byte {
        b'\n' => Err(Fault::BareLf),
        b' ' | b'\t' => Err(Fault::SpaceBeforeColon),
        _ if is_token_byte(byte) => Ok(State::TrailerName),
        _ => Err(Fault::BadName),
    }
}

fn lf(byte: u8, next: State) -> Result<State, Fault> {
    if byte == b'\n' { Ok(next) } else { Err(Fault::BareCr) }
}

/// RFC 9110 5.6.2 `tchar`.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
