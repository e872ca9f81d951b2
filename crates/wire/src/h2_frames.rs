//! Count the HTTP/2 frames that cost the server work and the client nothing.

use std::fmt;

/// Bytes of the client's connection preface (RFC 9113 3.4).
const PREFACE_BYTES: usize = 24;
const FRAME_HEAD_BYTES: usize = 9;
/// A window that opens by less than this is a flood's, not a reader's.
const SMALL_INCREMENT: u32 = 4096;
const FLAG_END_STREAM: u8 = 0x1;

/// How many points a client may spend; each frame has a price.
///
/// The prices are chosen so that a browser, curl or a load tester at full speed stays far below, and a flood of SETTINGS, PING,
/// PRIORITY, RST_STREAM or empty frames (CVE-2019-9511 to -9518, CVE-2023-44487) is over within a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H2Budget {
    /// Points in the bucket at the beginning, and at most.
    pub points_max: u32,
    /// Points that come back each second.
    pub points_per_second: u32,
}

impl Default for H2Budget {
    fn default() -> Self {
        Self { points_max: 40_000, points_per_second: 20_000 }
    }
}

/// A client sent more control frames than its budget allows: end the connection with GOAWAY (ENHANCE_YOUR_CALM).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// The kind of frame that overdrew the budget.
    pub frame: &'static str,
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The client floods the connection with {} frames (RFC 9113 10.5).", self.frame)
    }
}

impl std::error::Error for Flood {}

/// Reads the bytes a client sends on an HTTP/2 connection, only to count frames; it changes and refuses nothing itself.
///
/// It keeps 13 bytes of a frame at most and does not check what an HTTP/2 implementation checks.
#[derive(Clone, Debug)]
pub struct H2FrameMeter {
    budget: H2Budget,
    points: u32,
    refilled_at_ms: u64,
    /// Bytes to pass over: the preface, then payloads.
    skip: usize,
    head: [u8; FRAME_HEAD_BYTES + 4],
    head_len: usize,
}

impl H2FrameMeter {
    /// A meter for a connection whose first byte has not been read yet. `now_ms` is any monotonic time in milliseconds.
    pub fn new(budget: H2Budget, now_ms: u64) -> Self {
        Self {
            budget,
            points: budget.points_max,
            refilled_at_ms: now_ms,
            skip: PREFACE_BYTES,
            head: [0; FRAME_HEAD_BYTES + 4],
            head_len: 0,
        }
    }

    /// Counts the frames in the next bytes from the client.
    pub fn feed(&mut self, mut bytes: &[u8], now_ms: u64) -> Result<(), Flood> {
        self.refill(now_ms);
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            bytes = self.fill_head(bytes);
            if let Some(frame) = Frame::read(self.head.get(..self.head_len).unwrap_or_default()) {
                self.skip = frame.payload_left;
                self.head_len = 0;
                self.points = self.points.checked_sub(frame.price()).ok_or(Flood { frame: frame.name() })?;
            }
        }
        Ok(())
    }

    /// Takes from `bytes` what the frame head still lacks; returns the rest.
    fn fill_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while let [byte, after @ ..] = rest
            && self.head_len < Frame::bytes_wanted(self.head.get(..self.head_len).unwrap_or_default())
            && let Some(slot) = self.head.get_mut(self.head_len)
        {
            *slot = *byte;
            self.head_len += 1;
            rest = after;
        }
        rest
    }

    fn refill(&mut self, now_ms: u64) {
        let rate = u64::from(self.budget.points_per_second).max(1);
        let earned = now_ms.saturating_sub(self.refilled_at_ms).saturating_mul(rate) / 1000;
        let points = u64::from(self.points).saturating_add(earned).min(u64::from(self.budget.points_max));
        self.points = u32::try_from(points).unwrap_or(self.budget.points_max);
        // Only the time these points took, rounded up so that none is paid twice: the rest of it counts next time.
        self.refilled_at_ms = self.refilled_at_ms.saturating_add(earned.saturating_mul(1000).div_ceil(rate));
    }
}

/// A frame head, plus the increment of a WINDOW_UPDATE.
struct Frame {
    kind: u8,
    flags: u8,
    payload: usize,
    payload_left: usize,
    increment: u32,
}

impl Frame {
    /// How many bytes of the frame are needed to price it, given those already there.
    fn bytes_wanted(head: &[u8]) -> usize {
        match head {
            [0, 0, 4, 8, ..] => FRAME_HEAD_BYTES + 4,
            _ => FRAME_HEAD_BYTES,
        }
    }

    fn read(head: &[u8]) -> Option<Self> {
        let (fixed, rest) = head.split_first_chunk::<FRAME_HEAD_BYTES>()?;
        if head.len() < Self::bytes_wanted(head) {
            return None;
        }
        let [a, b, c, kind, flags, ..] = *fixed;
        let payload = u32::from_be_bytes([0, a, b, c]) as usize;
        let increment = rest.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff);
        Some(Self { kind, flags, payload, payload_left: payload - rest.len().min(payload), increment })
    }

    /// What the frame costs. Requests and data are free: other limits bound them.
    fn price(&self) -> u32 {
        let ends = self.flags & FLAG_END_STREAM != 0;
        match self.kind {
            0x0 if ends => 0,
            0x0 if self.payload == 0 => 200,
            0x0 if self.payload < 16 => 5,
            0x9 if self.payload == 0 => 400,
            0x0 | 0x1 | 0x9 => 0,
            0x4 if ends => 100, // the same bit is ACK here
            0x4 => 400,
            0x8 if self.increment >= SMALL_INCREMENT => 1,
            0x8 => 20,
            _ => 100,
        }
    }

    fn name(&self) -> &'static str {
        match self.kind {
            0x0 => "DATA",
            0x1 => "HEADERS",
            0x2 => "PRIORITY",
            0x3 => "RST_STREAM",
            0x4 => "SETTINGS",
            0x6 => "PING",
            0x8 => "WINDOW_UPDATE",
            0x9 => "CONTINUATION",
            0x10 => "PRIORITY_UPDATE",
            _ => "unknown",
        }
    }
}
