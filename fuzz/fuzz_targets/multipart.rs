//! A multipart body is the same however it arrives.
#![no_main]

use gambeson_fuzz::same_in_pieces;
use gambeson_read::{MediaType, Multipart};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let media = MediaType::read(b"multipart/form-data; boundary=b-");
    same_in_pieces(input, |limits| Multipart::new(&media, limits).unwrap());
});
