//! What is forwarded means to the app what it meant to the rules.
#![no_main]

use gambeson_core::target::{Target, TargetRules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    for rules in [TargetRules::default(), TargetRules { encoded_slashes: true, ..TargetRules::default() }, TargetRules::LENIENT] {
        let Ok(target) = Target::parse(raw, &rules) else { continue };
        assert!(target.as_str().bytes().all(|b| (0x21..0x7f).contains(&b)));
        assert_eq!(Target::parse(target.as_str().as_bytes(), &rules).as_ref(), Ok(&target));
        let decoded: Vec<u8> = percent_encoding::percent_decode_str(target.path()).collect();
        assert_eq!(String::from_utf8_lossy(&decoded), target.decoded_path());
        let dots = decoded.split(|b| matches!(b, b'/' | b'\\')).any(|segment| matches!(segment, b"." | b".."));
        assert!(rules.dot_segments || !dots);
    }
});
