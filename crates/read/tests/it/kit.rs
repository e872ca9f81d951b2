//! A sink that writes down what it gets, one line an event.

use gambeson_read::{Budget, Field, Flow, Kind, Limits, Note, Out, Part, PartEnd, Reader, Sink, Stop};

/// What came, in order; pieces of content are joined, notes sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) lines: Vec<String>,
    pub(crate) notes: Vec<Note>,
    content: Vec<u8>,
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

impl Sink for Told {
    fn field(&mut self, field: Field<'_>) -> Flow {
        let kind = if field.kind == Kind::Text { String::new() } else { format!(" {:?}", field.kind) };
        self.lines.push(format!("{:?}{kind} {}={}", field.place, text(field.name), text(field.value)));
        Flow::Continue
    }

    fn note(&mut self, note: Note) -> Flow {
        self.notes.push(note);
        Flow::Continue
    }

    fn part(&mut self, part: Part<'_>) -> Flow {
        self.lines.push(format!("part {} {:?} {}", text(part.name), part.filename.map(text), part.headers.len()));
        Flow::Continue
    }

    fn content(&mut self, bytes: &[u8]) -> Flow {
        self.content.extend_from_slice(bytes);
        Flow::Continue
    }

    fn part_end(&mut self, end: PartEnd<'_>) -> Flow {
        let content = std::mem::take(&mut self.content);
        self.lines.push(format!("end {} {} {}", text(end.name), end.size, text(&content)));
        Flow::Continue
    }
}

/// Reads all, cut after each of the given sizes in turn.
pub(crate) fn told(mut reader: impl Reader, bytes: &[u8], sizes: &[usize]) -> (Told, Result<(), Stop>) {
    let (mut told, mut budget) = (Told::default(), Budget::new(10_000_000));
    let mut out = Out { sink: &mut told, budget: &mut budget };
    let mut rest = bytes;
    let mut sizes = sizes.iter().copied().cycle();
    let mut done = Ok(());
    while !rest.is_empty() && done.is_ok() {
        let (piece, after) = rest.split_at(sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
        done = reader.feed(piece, &mut out);
        rest = after;
    }
    let done = done.and_then(|()| reader.finish(&mut out));
    // Which notes come is the same for all pieces; when they come among other events is not.
    told.notes.sort_unstable();
    (told, done)
}

/// Small bounds, so that small inputs meet them.
pub(crate) fn small() -> Limits {
    Limits { name_bytes: 20, value_bytes: 40, fields: 5, depth: 4, part_head_bytes: 120 }
}
