//! The worst bodies that we know for each reader: steps grow with the length and no faster, and what is held has a bound.

use gambeson_read::{Body, Budget, Field, Flow, GraphqlJson, Limits, MediaType, Note, Out, Profile, Reader, Sink, Stop};

struct Deaf;

impl Sink for Deaf {
    fn field(&mut self, _: Field<'_>) -> Flow {
        Flow::Continue
    }

    fn note(&mut self, _: Note) -> Flow {
        Flow::Continue
    }
}

const MULTIPART: &str = "multipart/form-data; boundary=b";
const PART: &str = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nx\r\n";

/// Type, beginning, and what is repeated.
const WORST: [(&str, &str, &str); 30] = [
    ("application/x-www-form-urlencoded", "", "a&"),
    ("application/x-www-form-urlencoded", "", "&"),
    ("application/x-www-form-urlencoded", "a=", "%"),
    ("application/x-www-form-urlencoded", "a=", "%2525"),
    ("application/x-www-form-urlencoded", "", "%u0041="),
    (MULTIPART, "", PART),
    (MULTIPART, PART, "\r\n--"),
    (MULTIPART, PART, "\r\n--b \r\n"),
    (MULTIPART, PART, "\r"),
    (MULTIPART, "--b\r\ncontent-disposition: form-data", "; a=b"),
    (MULTIPART, "--b\r\n", "a: b\r\n"),
    (MULTIPART, "--b\r\n", "a\r\n "),
    ("application/json", "", "["),
    ("application/json", "", "{\"a\":"),
    ("application/json", "[", "[],"),
    ("application/json", "{", "\"a\":1,"),
    ("application/json", "[", "\"\\u0041\","),
    ("application/json", "\"", "\\ud83d"),
    ("application/json", "[\"", "\\\\"),
    ("application/json", "", " "),
    ("application/json", "[", "1e9,"),
    ("application/xml", "", "<a>"),
    ("application/xml", "<a>", "<a/>"),
    ("application/xml", "<a>", "&amp;"),
    ("application/xml", "<a ", "b='&lt;' "),
    ("application/xml", "<!DOCTYPE a [", "<!ENTITY a 'b'>"),
    ("application/xml", "<a><!--", "--"),
    ("application/xml", "<a>", "<![CDATA[]]]]>"),
    ("text/plain", "{", "\"a\":\"b\"}\n{"),
    ("", "", "<"),
];

/// The steps that reading takes, by pieces as a host hands them over, and the most that was held meanwhile.
fn cost(reader: &mut dyn Reader, text: &[u8], steps: u64) -> (u64, usize, Result<(), Stop>) {
    let mut budget = Budget::new(steps);
    let mut held = 0;
    let mut out = Out { sink: &mut Deaf, budget: &mut budget };
    let mut read = Ok(());
    for piece in text.chunks(8192) {
        read = reader.feed(piece, &mut out);
        held = held.max(reader.held());
        if read.is_err() {
            break;
        }
    }
    let read = read.and_then(|()| reader.finish(&mut out));
    (steps - budget.steps_left(), held, read)
}

fn body(kind: &str, limits: &Limits) -> Body {
    Body::new(&MediaType::read(kind.as_bytes()), Profile::Any, true, limits).unwrap()
}

#[test]
fn four_times_the_length_costs_no_more_than_five_times_the_steps() {
    // Without the limits, which would end most of these soon.
    let wide = Limits { fields: u32::MAX, name_bytes: usize::MAX, depth: u16::MAX, ..Limits::default() };
    for (kind, start, piece) in WORST {
        let steps = |bytes: usize| {
            let text = format!("{start}{}", piece.repeat(bytes / piece.len()));
            cost(&mut body(kind, &wide), text.as_bytes(), u64::MAX).0
        };
        let (short, long) = (steps(16 << 10), steps(64 << 10));
        assert!(short > 0 && long <= 5 * short + 10_000, "{kind} {start}{piece}: {short} steps, then {long}");
        assert!(long <= 40 * (64 << 10), "{kind} {start}{piece}: {long} steps");
    }
}

#[test]
fn what_is_held_has_a_bound_however_long_the_body_is() {
    let limits = Limits::default();
    for (kind, start, piece) in WORST {
        let text = format!("{start}{}", piece.repeat((4 << 20) / piece.len()));
        let (_, held, read) = cost(&mut body(kind, &limits), text.as_bytes(), u64::MAX);
        // Three bytes of an escape are one; buffers grow by doubling.
        assert!(held <= 6 * limits.value_bytes, "{kind} {start}{piece}: {held} bytes, {read:?}");
    }
}

#[test]
fn the_documents_of_a_batch_are_no_longer_together_than_one_value() {
    let limits = Limits::default();
    let batch =
        |documents: usize| format!("[{}{{}}]", format!("{{\"query\":\"{{{}}}\"}},", "a ".repeat(30_000)).repeat(documents));
    let (_, held, read) = cost(&mut GraphqlJson::new(&limits), batch(200).as_bytes(), u64::MAX);
    assert!(matches!(read, Err(Stop::Bound(_))) && held <= 3 * limits.value_bytes, "{held} bytes, {read:?}");
    assert_eq!(cost(&mut GraphqlJson::new(&limits), batch(5).as_bytes(), u64::MAX).2, Ok(()));
}

#[test]
fn a_spent_budget_ends_the_reading_of_each() {
    for (kind, start, piece) in WORST {
        let text = format!("{start}{}", piece.repeat(4096));
        let (_, _, read) = cost(&mut body(kind, &Limits::default()), text.as_bytes(), 100);
        // What is no text of that type may be found out sooner.
        assert!(read.is_err() || kind.is_empty(), "{kind} {start}{piece}: {read:?}");
    }
}
