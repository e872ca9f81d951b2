//! `normalizePath` and `normalizePathWin`: empty, self and back references of a path resolved.

/// Resolves `//`, `/./` and `/../`. A relative path keeps the back references it cannot resolve; an absolute one cannot climb
/// above its root. A trailing slash stays if there was one.
///
/// As in ModSecurity any segment that ends in two dots (`..`, but `a..` and `...` too) takes what is before it away.
pub(super) fn normalize(input: &[u8], out: &mut Vec<u8>) {
    if memchr::memchr(b'/', input).is_none() && input.last() != Some(&b'.') {
        out.extend_from_slice(input);
        return;
    }
    let absolute = input.first() == Some(&b'/');
    let mut walk = Walk { out, absolute, hit_root: false };
    let mut rest = input;
    while let [byte, tail @ ..] = rest {
        let segment_ends = matches!(tail, [] | [b'/', ..]);
        rest = if segment_ends && *byte == b'.' { walk.dot(tail) } else { walk.plain(*byte, tail, segment_ends) };
    }
    if input.last() != Some(&b'/') {
        out.pop_if(|last| *last == b'/');
    }
}

/// The same after `\` became `/`. (ModSecurity leaves a backslash after several slashes as it is; nothing of worth hangs on it.)
pub(super) fn normalize_windows(input: &[u8], out: &mut Vec<u8>) {
    let slashes: Vec<u8> = input.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect();
    normalize(&slashes, out);
}

struct Walk<'a> {
    out: &'a mut Vec<u8>,
    absolute: bool,
    /// A relative path has climbed above where it began: its further back references stay.
    hit_root: bool,
}

impl Walk<'_> {
    /// A byte that is no dot at the end of a segment.
    fn plain<'a>(&mut self, byte: u8, tail: &'a [u8], segment_ends: bool) -> &'a [u8] {
        if segment_ends && byte != b'/' && !self.out.is_empty() {
            self.hit_root = false;
        }
        self.copy(byte, tail)
    }

    /// Copies a byte; of several slashes only one, and none to the beginning of a relative path.
    fn copy<'a>(&mut self, byte: u8, tail: &'a [u8]) -> &'a [u8] {
        if byte != b'/' {
            self.out.push(byte);
            return tail;
        }
        if self.absolute || !self.out.is_empty() {
            self.out.push(byte);
        }
        let more = tail.iter().take_while(|&&byte| byte == b'/').count();
        tail.get(more..).unwrap_or_default()
    }

    /// A dot at the end of a segment.
    fn dot<'a>(&mut self, tail: &'a [u8]) -> &'a [u8] {
        match self.out.last() {
            Some(b'.') if !self.absolute && (self.hit_root || self.out.len() <= 2) => {
                self.hit_root = true;
                self.out.push(b'.');
                return tail;
            }
            Some(b'.') => self.climb(tail.is_empty()),
            Some(b'/') if !tail.is_empty() => {
                self.out.pop();
            }
            None | Some(b'/') => {}
            Some(_) => {
                self.out.push(b'.');
                return tail;
            }
        }
        tail.split_first().map_or(tail, |(slash, after)| self.copy(*slash, after))
    }

    /// Takes the dot before the last one away, and the segment before it.
    fn climb(&mut self, at_end: bool) {
        let below = self.out.len().saturating_sub(3);
        let slash = self.out.get(..=below).and_then(|kept| kept.iter().rposition(|&byte| byte == b'/')).unwrap_or(0);
        self.out.truncate(slash);
        if slash == 0 {
            self.hit_root = true;
            if self.absolute && at_end {
                self.out.push(b'/');
            }
        }
    }
}
