//! A JSON body, and the GraphQL in it, is the same however it arrives.
#![no_main]

use gambeson_fuzz::same_in_pieces;
use gambeson_read::GraphqlJson;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| same_in_pieces(input, GraphqlJson::new));
