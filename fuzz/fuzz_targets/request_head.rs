//! A request head has one verdict however it arrives, and what is written is read back.
#![no_main]

use bytes::BytesMut;
use gambeson_wire::{ConnectionOption, Fault, Limits, RequestHead, Scan, parse_request, write_request};
use libfuzzer_sys::fuzz_target;

fn parse(bytes: &[u8], cut: usize) -> Result<Option<(usize, RequestHead)>, Fault> {
    let (mut scan, limits) = (Scan::default(), Limits::default());
    match parse_request(&bytes[..cut], &mut scan, &limits)? {
        None => parse_request(bytes, &mut scan, &limits),
        found => Ok(found),
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = parse(bytes, 0);
    let pieces = parse(bytes, usize::from(*cut).min(bytes.len()));
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    let Ok(Some((_, head))) = whole else { return };
    if !head.target.is_ascii() {
        return;
    }
    let mut out = BytesMut::new();
    write_request(&mut out, &head.method, &head.target, &head.headers, &[], head.framing, ConnectionOption::Default).unwrap();
    let (used, again) = parse(&out, 0).unwrap().unwrap();
    assert_eq!((used, &again.method, &again.target, again.framing), (out.len(), &head.method, &head.target, head.framing));
});
