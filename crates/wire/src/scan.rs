//! Find the end of a head, each byte looked at once however the bytes arrive.

use crate::{Fault, Limits};
use memchr::memchr;

/// Room for the start line besides the target: the longest method, the version, two spaces and the line end.
const START_LINE_REST_BYTES: usize = METHOD_BYTES_MAX + 12;

/// The longest method read: twice the longest one registered.
pub(crate) const METHOD_BYTES_MAX: usize = 32;

/// What has been seen of a head so far: kept per connection, reset by itself when a head is complete.
///
/// A head that comes byte by byte costs its length, not its square (slow-header attacks, CWE-407).
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Where to look on.
    at: usize,
    /// Where the start line begins: 0, or 2 after one tolerated empty line.
    start: usize,
    /// Start and end of each line seen, without its CRLF.
    lines: Vec<(usize, usize)>,
}

impl Scan {
    /// Forgets a head half seen.
    pub fn reset(&mut self) {
        self.at = 0;
        self.start = 0;
        self.lines.clear();
    }

    /// Whether the first byte of a head has been seen; an idle connection has not.
    pub fn has_begun(&self) -> bool {
        self.at > 0
    }

    /// Looks for the empty line. `None`: more bytes are needed. `Some(n)`: the head is the first `n` bytes.
    pub(crate) fn find_end(&mut self, buf: &[u8], limits: &Limits, first_line_max: usize) -> Result<Option<usize>, Fault> {
        while let Some(offset) = memchr(b'\n', buf.get(self.at..).unwrap_or_default()) {
            let lf = self.at + offset;
            if lf.checked_sub(1).and_then(|i| buf.get(i)) != Some(&b'\r') {
                return Err(Fault::BareLf);
            }
            let start = self.line_start();
            let line_bytes = (lf + 1).saturating_sub(start);
            self.at = lf + 1;
            if line_bytes != 2 {
                self.check_line(line_bytes, limits, first_line_max)?;
                self.lines.push((start, lf - 1));
            } else if !self.lines.is_empty() {
                return if self.at > limits.head_bytes_max { Err(Fault::HeadTooLarge) } else { Ok(Some(self.at)) };
            } else if self.start > 0 {
                return Err(Fault::LeadingBlankLines);
            } else {
                self.start = self.at;
            }
            self.check_count(limits)?;
        }
        self.at = buf.len().max(self.at);
        self.check_line(self.at.saturating_sub(self.line_start()), limits, first_line_max)?;
        if self.at > limits.head_bytes_max { Err(Fault::HeadTooLarge) } else { Ok(None) }
    }

    /// The start line found, as a range without its CRLF.
    pub(crate) fn start_line(&self) -> (usize, usize) {
        self.lines.first().copied().unwrap_or_default()
    }

    /// The field lines found, as ranges without their CRLF.
    pub(crate) fn field_lines(&self) -> &[(usize, usize)] {
        self.lines.get(1..).unwrap_or_default()
    }

    fn line_start(&self) -> usize {
        self.lines.last().map_or(self.start, |(_, end)| end + 2)
    }

    fn check_line(&self, bytes: usize, limits: &Limits, first_line_max: usize) -> Result<(), Fault> {
        match self.lines.is_empty() {
            true if bytes > first_line_max.saturating_add(START_LINE_REST_BYTES) => Err(Fault::TargetTooLong),
            false if bytes > limits.header_bytes_max.saturating_add(2) => Err(Fault::HeaderTooLarge),
            _ => Ok(()),
        }
    }

    fn check_count(&self, limits: &Limits) -> Result<(), Fault> {
        if self.field_lines().len() > limits.headers_max { Err(Fault::TooManyHeaders) } else { Ok(()) }
    }
}
