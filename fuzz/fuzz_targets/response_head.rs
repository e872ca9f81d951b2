//! A response head has one verdict however it arrives.
#![no_main]

use gambeson_wire::{Fault, Limits, ResponseHead, Scan, parse_response};
use http::Method;
use libfuzzer_sys::fuzz_target;

fn parse(bytes: &[u8], cut: usize, method: &Method) -> Result<Option<(usize, ResponseHead)>, Fault> {
    let (mut scan, limits) = (Scan::default(), Limits::default());
    match parse_response(&bytes[..cut], &mut scan, &limits, method)? {
        None => parse_response(bytes, &mut scan, &limits, method),
        found => Ok(found),
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    for method in [Method::GET, Method::HEAD] {
        let whole = parse(bytes, 0, &method);
        let pieces = parse(bytes, usize::from(*cut).min(bytes.len()), &method);
        assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    }
});
