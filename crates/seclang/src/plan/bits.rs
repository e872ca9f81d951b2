//! Small sets of numbers.

/// Numbers below [`Bits::MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bits([u64; 8]);

impl Bits {
    pub(crate) const MAX: usize = 512;
    pub(crate) const EMPTY: Bits = Bits([0; 8]);

    #[inline]
    pub(crate) fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    #[inline]
    pub(crate) fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// The first number from this one on.
    #[inline]
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        let first = from / 64;
        let mut mask = u64::MAX << (from % 64);
        for (at, word) in self.0.iter().enumerate().skip(first) {
            let left = word & mask;
            if left != 0 {
                return Some(at * 64 + left.trailing_zeros() as usize);
            }
            mask = u64::MAX;
        }
        None
    }

    #[inline]
    pub(crate) fn add(&mut self, other: &Bits) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }

    #[inline]
    pub(crate) fn take(&mut self, other: &Bits) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine &= !theirs);
    }

    #[inline]
    pub(crate) fn and(&self, other: &Bits) -> Bits {
        let mut both = *self;
        both.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine &= theirs);
        both
    }

    #[inline]
    pub(crate) fn meets(&self, other: &Bits) -> bool {
        self.0.iter().zip(other.0).any(|(mine, theirs)| mine & theirs != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_in_and_come_out() {
        let mut bits = Bits::default();
        assert_eq!(bits, Bits::default());
        [0, 63, 64, 511, 512].into_iter().for_each(|n| bits.insert(n));
        assert_eq!((0..Bits::MAX).filter(|n| bits.contains(*n)).collect::<Vec<_>>(), [0, 63, 64, 511]);
        let following = std::iter::successors(bits.next(0), |last| bits.next(last + 1));
        assert_eq!(following.collect::<Vec<_>>(), [0, 63, 64, 511]);
        assert_eq!(bits.next(Bits::MAX), None);
        let mut other = Bits::default();
        other.insert(64);
        assert!(bits.meets(&other) && bits.and(&other) == other && !bits.contains(1));
        let mut less = bits;
        less.take(&other);
        assert!(!less.contains(64) && less.contains(63));
        other.insert(1);
        other.add(&bits);
        assert!(other.contains(511) && other.contains(1));
    }
}
