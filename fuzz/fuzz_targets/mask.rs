//! What is recorded of a body holds no secret that its name tells, wherever in a document it stands, whole or cut.
#![no_main]

use gambeson_store::traffic::recorded_body;
use libfuzzer_sys::fuzz_target;

/// Nothing but its name tells that it is one, and no input has it by itself.
const SECRET: &str = "hunter2";
const KINDS: [&str; 3] = ["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=B"];

fuzz_target!(|input: &[u8]| {
    let [choice, at, rest @ ..] = input else { return };
    let planted = match choice % 4 {
        0 => format!("password={SECRET}"),
        1 => format!("\"password\":\"{SECRET}\""),
        2 => format!("\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{SECRET}"),
        _ => format!("&api_key={SECRET}&"),
    };
    if rest.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()) {
        return;
    }
    let (before, after) = rest.split_at(usize::from(*at).min(rest.len()));
    let sent = [before, planted.as_bytes(), after].concat();
    for kind in KINDS {
        for cut in [false, true] {
            let (written, parts) = recorded_body(kind.as_bytes(), &sent, cut).unwrap_or_default();
            let told = [written.as_slice(), parts.join("\n").as_bytes()].concat();
            assert!(!told.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{kind}");
        }
    }
});
