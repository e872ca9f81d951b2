//! Properties of any input: how bytes are cut never changes a verdict, and nothing panics.

use bytes::BytesMut;
use gambeson_wire::{Chunk, ChunkedDecoder, Fault, H2Budget, H2FrameMeter, Limits, Scan, parse_request};
use proptest::prelude::*;

/// Text near HTTP: fragments that matter, in any order.
fn near_http() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        8 => prop::sample::select(vec![
            "GET ", "POST ", "/", "/a", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: a\r\n", "Content-Length: 3\r\n", "\r\n", "\n", "\r",
            "Transfer-Encoding: chunked\r\n", "X-A: b\r\n", "Connection: close\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "a", ";", " ", ":",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(fragment, 0..24).prop_map(|fragments| fragments.concat())
}

fn good_head() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(("[A-Za-z-]{1,12}", "[ -~]{0,24}"), 0..12).prop_map(|fields| {
        let lines: String = fields.iter().map(|(name, value)| format!("X{name}: {value}\r\n")).collect();
        format!("GET /a HTTP/1.1\r\nHost: a\r\n{lines}\r\n").into_bytes()
    })
}

/// Feeds `bytes` cut at `cuts` to the parser as a connection would.
fn parse_cut(bytes: &[u8], cuts: &[usize]) -> Result<Option<String>, Fault> {
    let mut scan = Scan::default();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    for end in ends {
        if let Some((used, head)) = parse_request(&bytes[..end], &mut scan, &Limits::default())? {
            return Ok(Some(format!("{used} {head:?}")));
        }
    }
    Ok(None)
}

/// Decodes `bytes` delivered in pieces; the body so far and how it ended.
fn decode_cut(bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, Result<Option<usize>, Fault>) {
    let mut decoder = ChunkedDecoder::new(&Limits::default());
    let mut input = BytesMut::new();
    let mut body = Vec::new();
    let mut sent = 0;
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    for end in ends {
        input.extend_from_slice(&bytes[sent..end]);
        sent = end;
        loop {
            match decoder.decode(&mut input) {
                Ok(Chunk::Data(data)) => body.extend_from_slice(&data),
                Ok(Chunk::NeedMore) => break,
                Ok(Chunk::End) => return (body, Ok(Some(input.len() + bytes.len() - sent))),
                Err(fault) => return (body, Err(fault)),
            }
        }
    }
    (body, Ok(None))
}

proptest! {
    #[test]
    fn cutting_a_head_never_changes_the_verdict(bytes in prop_oneof![near_http(), good_head()], cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        prop_assert_eq!(parse_cut(&bytes, &cuts), parse_cut(&bytes, &[]));
    }

    #[test]
    fn cutting_a_chunked_body_never_changes_it(bytes in near_http(), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        prop_assert_eq!(decode_cut(&bytes, &cuts), decode_cut(&bytes, &[]));
    }

    #[test]
    fn chunks_come_back_as_they_were(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        let mut wire = BytesMut::new();
        for piece in &pieces {
            gambeson_wire::write_chunk_head(&mut wire, piece.len());
            wire.extend_from_slice(piece);
            wire.extend_from_slice(gambeson_wire::CHUNK_END);
        }
        wire.extend_from_slice(gambeson_wire::LAST_CHUNK);
        wire.extend_from_slice(b"GET");
        prop_assert_eq!(decode_cut(&wire, &cuts), (pieces.concat(), Ok(Some(3))));
    }

    #[test]
    fn cutting_frames_never_changes_the_meter(frames in prop::collection::vec((0_u8..12, 0_u8..2, 0_usize..20), 0..600), cut in 1_usize..40) {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        for (kind, flags, len) in &frames {
            bytes.extend_from_slice(&[0, 0, *len as u8, *kind, *flags, 0, 0, 0, 1]);
            bytes.extend(std::iter::repeat_n(0_u8, *len));
        }
        let feed = |size: usize| {
            let mut meter = H2FrameMeter::new(H2Budget::default(), 0);
            bytes.chunks(size).try_for_each(|piece| meter.feed(piece, 0))
        };
        prop_assert_eq!(feed(cut), feed(bytes.len()));
    }
}

#[test]
fn chunked_faults() {
    let check = |bytes: &[u8], fault| assert_eq!(decode_cut(bytes, &[]).1, Err(fault), "{}", bytes.escape_ascii());
    check(b"2\nhi\r\n0\r\n\r\n", Fault::BareLf);
    check(b"2;a=b\r\nhi\r\n0\r\n\r\n", Fault::ChunkExtension);
    check(b"2;\nxx\r\nhi\r\n0\r\n\r\n", Fault::ChunkExtension);
    check(b"2 \r\nhi\r\n0\r\n\r\n", Fault::ChunkSize);
    check(b"\r\nhi", Fault::ChunkSize);
    check(b"0x2\r\nhi", Fault::ChunkSize);
    check(b"-2\r\nhi", Fault::ChunkSize);
    check(b"g\r\n", Fault::ChunkSize);
    check(b"2\rhi", Fault::BareCr);
    check(b"2\r\nhiXX0\r\n\r\n", Fault::ChunkEnd);
    check(b"2\r\nhi\n0\r\n\r\n", Fault::ChunkEnd);
    check(b"2\r\nhi\rX", Fault::ChunkEnd);
    check(b"10000000000000002\r\nhi", Fault::ChunkSizeTooLong);
    check(b"00000000000000002\r\nhi", Fault::ChunkSizeTooLong);
    check(b"0\r\n\n", Fault::BareLf);
    check(b"0\r\n\rX", Fault::BareCr);
    check(b"0\r\nX : y\r\n\r\n", Fault::SpaceBeforeColon);
    check(b"0\r\n X: y\r\n\r\n", Fault::ObsFold);
    check(b"0\r\n: y\r\n\r\n", Fault::EmptyName);
    check(b"0\r\nX(: y\r\n\r\n", Fault::BadName);
    check(b"0\r\nX: \0\r\n\r\n", Fault::ControlInValue);
    check(b"0\r\nX: y\n\r\n", Fault::BareLf);
    check(&[b"0\r\nX: ".as_slice(), &[b'a'; 9000]].concat(), Fault::TrailersTooLarge);
    check(&[b"0\r\n".as_slice(), &b"X: y\r\n".repeat(33)].concat(), Fault::TrailersTooLarge);
}

#[test]
fn trailers_are_read_and_dropped() {
    assert_eq!(decode_cut(b"2\r\nhi\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\nrest", &[]), (b"hi".to_vec(), Ok(Some(4))));
    assert_eq!(decode_cut(b"0000000000000002\r\nhi\r\n000\r\n\r\n", &[]), (b"hi".to_vec(), Ok(Some(0))));
}
