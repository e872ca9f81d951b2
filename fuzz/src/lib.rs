//! What the targets of the request readers share: a sink that writes down what it gets, and the same input in pieces.

use gambeson_read::{Budget, Field, Flow, Limits, Note, Out, PartEnd, Reader, Sink, Stop};

/// What a reader said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    lines: Vec<String>,
    notes: Vec<Note>,
    content: usize,
}

impl Sink for Told {
    fn field(&mut self, field: Field<'_>) -> Flow {
        self.lines.push(format!("{field:?}"));
        Flow::Continue
    }

    fn note(&mut self, note: Note) -> Flow {
        self.notes.push(note);
        Flow::Continue
    }

    fn content(&mut self, bytes: &[u8]) -> Flow {
        self.content += bytes.len();
        Flow::Continue
    }

    fn part_end(&mut self, end: PartEnd<'_>) -> Flow {
        self.lines.push(format!("{end:?} {}", std::mem::take(&mut self.content)));
        Flow::Continue
    }
}

/// Bounds that small inputs meet.
pub fn small() -> Limits {
    Limits { name_bytes: 40, value_bytes: 200, fields: 20, depth: 8, part_head_bytes: 300 }
}

/// Calls `read` with a sink and a budget that a linear reader under small bounds cannot spend, and returns what was said,
/// sorted.
pub fn told(bytes: &[u8], read: impl FnOnce(&mut Out<'_>) -> Result<(), Stop>) -> (Told, Result<(), Stop>) {
    let steps = 64 * (bytes.len() as u64 + 64);
    let (mut told, mut budget) = (Told::default(), Budget::new(steps));
    let done = read(&mut Out { sink: &mut told, budget: &mut budget });
    assert_ne!(done, Err(Stop::Budget), "the work is not linear");
    // Readers that take turns give their events in another order for other pieces.
    told.notes.sort_unstable();
    told.lines.sort_unstable();
    (told, done)
}

/// The first byte says how long the pieces are; whole and in pieces, the rest must read the same.
pub fn same_in_pieces<R: Reader>(input: &[u8], make: impl Fn(&Limits) -> R) {
    compare(input, make, false);
}

/// Where several readers take turns, it may depend on the pieces which of two that stop does so first.
pub fn compare<R: Reader>(input: &[u8], make: impl Fn(&Limits) -> R, in_turns: bool) {
    let Some((size, bytes)) = input.split_first() else { return };
    for limits in [small(), Limits { name_bytes: 40, ..Limits::default() }] {
        let read = |size: usize| {
            told(bytes, |out| {
                let mut reader = make(&limits);
                bytes.chunks(size.max(1)).try_for_each(|piece| reader.feed(piece, out))?;
                reader.finish(out)
            })
        };
        let ((whole, done), (pieces, done_too)) = (read(bytes.len()), read(usize::from(*size)));
        assert_eq!(done.is_ok(), done_too.is_ok());
        assert!(in_turns || done == done_too, "{done:?} {done_too:?}");
        assert!(done.is_err() || whole == pieces, "{whole:?}\n{pieces:?}");
    }
}
