//! An XML body is the same however it arrives.
#![no_main]

use gambeson_fuzz::same_in_pieces;
use gambeson_read::Xml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| same_in_pieces(input, Xml::new));
