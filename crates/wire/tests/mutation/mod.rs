//! Heads near good and hostile ones: a corpus, a seeded mutator, and what must hold for whatever is accepted.
//!
//! Shared by the test (many thousand heads) and the example `mutate` (a million and more).

mod corpus;

use bytes::{Bytes, BytesMut};
use gambeson_wire::{
    Chunk, ChunkedDecoder, ConnectionOption, Framing, Limits, RequestHead, Scan, parse_request, parse_response, write_request,
};
use http::Method;

pub(crate) use corpus::{FRAGMENTS, HEADS, RESPONSES};

/// How the heads of one run fared.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    /// Read as a message.
    pub(crate) accepted: u64,
    /// Refused with a fault.
    pub(crate) refused: u64,
    /// Not complete.
    pub(crate) partial: u64,
}

/// Parses `count` mutated heads, the same ones for the same seed, and checks each.
pub(crate) fn run(seed: u64, count: u64) -> Tally {
    let mut random = Random(seed | 1);
    let mut tally = Tally::default();
    for _ in 0..count {
        check_request(&mutate(HEADS, &mut random), &mut tally);
        check_response(&mutate(RESPONSES, &mut random));
    }
    tally
}

/// xorshift64*: deterministic, and good enough to choose among mutations.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize;
        high % bound.max(1)
    }

    fn pick<'a>(&mut self, from: &[&'a [u8]]) -> &'a [u8] {
        from[self.below(from.len())]
    }
}

fn mutate(corpus: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut head = random.pick(corpus).to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(head.len() + 1);
        let end = (at + random.below(24)).min(head.len());
        match random.below(8) {
            0 => drop(head.splice(at..(at + 1).min(head.len()), [random.below(256) as u8])),
            1 => drop(head.splice(at..at, [b"\r\n\t \0:,;/%"[random.below(10)]])),
            2 => drop(head.drain(at..end)),
            3 => drop(head.splice(at..at, head[at..end].to_vec())),
            4 | 5 => drop(head.splice(at..at, random.pick(FRAGMENTS).iter().copied())),
            6 => {
                let other = random.pick(corpus);
                head.truncate(at);
                head.extend_from_slice(&other[random.below(other.len())..]);
            }
            _ => head[at..end].iter_mut().for_each(|b| *b ^= 0x20),
        }
    }
    head
}

fn check_request(bytes: &[u8], tally: &mut Tally) {
    let limits = Limits::default();
    match parse_request(bytes, &mut Scan::default(), &limits) {
        Ok(None) => tally.partial += 1,
        Err(_) => tally.refused += 1,
        Ok(Some((used, head))) => {
            tally.accepted += 1;
            check_accepted(&bytes[..used], &head);
            if head.framing == Framing::Chunked {
                drain_chunks(&bytes[used..], &limits);
            }
        }
    }
}

/// What no accepted head may break, checked without the parser's own means; and what is written is read back.
fn check_accepted(bytes: &[u8], head: &RequestHead) {
    let text = bytes.escape_ascii();
    let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    assert!(lines[..lines.len() - 1].iter().all(|line| line.ends_with(b"\r")), "a bare LF passed: {text}");
    assert_eq!(bytes.iter().filter(|b| **b == b'\r').count(), lines.len() - 1, "a bare CR passed: {text}");
    assert!(!bytes.contains(&0), "NUL passed: {text}");
    assert!(!lines.iter().any(|line| line.starts_with(b" ") || line.starts_with(b"\t")), "folding passed: {text}");
    assert_eq!(head.headers.get_all("host").iter().count(), 1, "hosts: {text}");
    assert!(head.headers.get_all("content-length").iter().count() <= 1, "lengths: {text}");
    if head.target.is_ascii() {
        check_written(head);
    }
}

fn check_written(head: &RequestHead) {
    let mut out = BytesMut::new();
    let close = if head.keep_alive { ConnectionOption::Default } else { ConnectionOption::Close };
    write_request(&mut out, &head.method, &head.target, &head.headers, &[], head.framing, close)
        .expect("what was read can be written");
    let found = parse_request(&out, &mut Scan::default(), &Limits::default());
    let Ok(Some((used, again))) = found else { panic!("{found:?}: {}", out.escape_ascii()) };
    assert_eq!(used, out.len(), "{head:?}");
    assert_eq!((&again.method, &again.target, again.framing), (&head.method, &head.target, head.framing));
    assert_eq!((again.headers.get("host"), again.keep_alive), (head.headers.get("host"), head.keep_alive), "{head:?}");
}

fn drain_chunks(body: &[u8], limits: &Limits) {
    let mut decoder = ChunkedDecoder::new(limits);
    let mut input = BytesMut::from(body);
    while let Ok(Chunk::Data(data)) = decoder.decode(&mut input) {
        assert!(!Bytes::is_empty(&data));
    }
}

fn check_response(bytes: &[u8]) {
    for method in [Method::GET, Method::HEAD] {
        if let Ok(Some((used, head))) = parse_response(bytes, &mut Scan::default(), &Limits::default(), &method) {
            assert!(used <= bytes.len() && (100..600).contains(&head.status.as_u16()), "{}", bytes.escape_ascii());
        }
    }
}
