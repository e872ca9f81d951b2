//! The meter counts the same frames however they arrive.
#![no_main]

use gambeson_wire::{Flood, H2Budget, H2FrameMeter};
use libfuzzer_sys::fuzz_target;

fn feed(bytes: &[u8], size: usize) -> Result<(), Flood> {
    let mut meter = H2FrameMeter::new(H2Budget { points_max: 2_000, points_per_second: 0 }, 0);
    bytes.chunks(size.max(1)).try_for_each(|piece| meter.feed(piece, 0))
}

fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else { return };
    assert_eq!(feed(bytes, usize::from(*size)), feed(bytes, bytes.len()));
});
