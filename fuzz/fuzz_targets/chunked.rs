//! A chunked body is the same body however it arrives.
#![no_main]

use bytes::BytesMut;
use gambeson_wire::{Chunk, ChunkedDecoder, Fault, Limits};
use libfuzzer_sys::fuzz_target;

fn decode(bytes: &[u8], size: usize) -> (Vec<u8>, Result<bool, Fault>) {
    let mut decoder = ChunkedDecoder::new(&Limits::default());
    let (mut input, mut body) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        input.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(Chunk::Data(data)) => body.extend_from_slice(&data),
                Ok(Chunk::NeedMore) => break,
                Ok(Chunk::End) => return (body, Ok(true)),
                Err(fault) => return (body, Err(fault)),
            }
        }
    }
    (body, Ok(false))
}

fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else { return };
    assert_eq!(decode(bytes, usize::from(*size)), decode(bytes, bytes.len()));
});
