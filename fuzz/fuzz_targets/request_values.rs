//! Cookies, paths, GraphQL documents and media types are read in linear work, whatever they are.
#![no_main]

use gambeson_fuzz::{small, told};
use gambeson_read::{MediaType, read_cookies, read_graphql, read_path};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = small();
    let _ = told(bytes, |out| read_cookies(bytes, &limits, out));
    let _ = told(bytes, |out| read_path(bytes, &limits, out));
    let _ = told(bytes, |out| read_graphql(bytes, &limits, out).map(drop));
    let _ = MediaType::read(bytes);
});
