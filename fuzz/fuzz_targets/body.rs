//! A body of a type that says nothing is the same however it arrives, whatever it begins like.
#![no_main]

use gambeson_fuzz::compare;
use gambeson_read::{Body, MediaType, Profile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let media = MediaType::read(b"text/plain");
    compare(input, |limits| Body::new(&media, Profile::Bottle, false, limits).unwrap(), true);
});
