//! The frame meter: floods end, ordinary clients never notice.

use gambeson_wire::{Flood, H2Budget, H2FrameMeter};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

fn meter() -> H2FrameMeter {
    let mut meter = H2FrameMeter::new(H2Budget::default(), 0);
    meter.feed(PREFACE, 0).unwrap();
    meter
}

/// Sends `bytes` again and again, `per_second` times each second for `seconds`.
fn send(bytes: &[u8], per_second: u64, seconds: u64) -> Result<(), Flood> {
    let mut meter = meter();
    (0..per_second * seconds).try_for_each(|n| meter.feed(bytes, n * 1000 / per_second))
}

#[test]
fn floods_end() {
    let check = |kind, flags, payload: &[u8], name| {
        assert_eq!(send(&frame(kind, flags, payload), 2_000, 5), Err(Flood { frame: name }));
    };
    check(0x4, 0, &[], "SETTINGS");
    check(0x4, 1, &[], "SETTINGS");
    check(0x6, 0, &[0; 8], "PING");
    check(0x6, 1, &[0; 8], "PING");
    check(0x2, 0, &[0; 5], "PRIORITY");
    check(0x3, 0, &[0; 4], "RST_STREAM");
    check(0x9, 0, &[], "CONTINUATION");
    check(0x0, 0, &[], "DATA");
    check(0x8, 0, &[0, 0, 0, 1], "WINDOW_UPDATE");
    check(0x55, 0, &[0; 100], "unknown");
}

#[test]
fn ordinary_clients_do_not_notice() {
    // A load tester: requests with small bodies, each ended, at 50,000 a second.
    let request = [frame(0x1, 4, &[0x82; 20]), frame(0x0, 1, b"a=b")].concat();
    assert_eq!(send(&request, 50_000, 2), Ok(()));
    // A download at a gigabit: a window update for every 32 KiB on stream and connection.
    let update = frame(0x8, 0, &32_768_u32.to_be_bytes());
    assert_eq!(send(&[update.clone(), update].concat(), 4_000, 5), Ok(()));
    // An upload in full frames.
    assert_eq!(send(&frame(0x0, 0, &[0; 16_384]), 8_000, 1), Ok(()));
    // A page left: a hundred streams reset at once, then again a second later.
    let mut meter = meter();
    for second in 0..5 {
        assert_eq!(meter.feed(&frame(0x3, 0, &[0; 4]).repeat(100), second * 1000), Ok(()));
    }
    // A client that measures its round trip all the time.
    assert_eq!(send(&frame(0x6, 0, &[0; 8]), 100, 20), Ok(()));
}

#[test]
fn the_budget_comes_back_with_time_and_not_beyond_its_size() {
    let ping = frame(0x6, 0, &[0; 8]);
    let mut meter = meter();
    assert_eq!(meter.feed(&ping.repeat(400), 0), Ok(()));
    assert!(meter.clone().feed(&ping, 0).is_err());
    assert_eq!(meter.feed(&ping.repeat(200), 1000), Ok(()));
    assert!(meter.clone().feed(&ping, 1000).is_err());
    assert!(meter.clone().feed(&ping.repeat(401), 1_000_000).is_err());
    assert_eq!(meter.feed(&ping.repeat(400), 1_000_000), Ok(()));
    // Many calls in a row neither lose what time earned nor earn the same time twice.
    for (rate, calls_per_ms) in [(100, 1), (1500, 7)] {
        let mut meter = H2FrameMeter::new(H2Budget { points_max: rate, points_per_second: rate }, 0);
        meter.feed(PREFACE, 0).unwrap();
        meter.feed(&ping.repeat(rate as usize / 100), 0).unwrap();
        for call in 0..500 * calls_per_ms {
            meter.feed(&[], call / calls_per_ms).unwrap();
        }
        let earned = (0..).take_while(|_| meter.feed(&frame(0x8, 0, &[0, 0, 0, 1]), 499).is_ok()).count() as u32;
        assert!((rate / 20 / 4..=rate / 20 / 2).contains(&earned), "{earned} updates of 20 points at {rate}");
    }
}
