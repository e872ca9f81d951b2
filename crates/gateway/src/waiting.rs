//! Requests that wait because of a sanction: only so many, since each holds its connection and its head.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Requests that wait at most.
const PLACES: usize = 1024;

/// Where they wait, counted over all threads.
#[derive(Debug, Clone, Default)]
pub(crate) struct WaitingRoom(Arc<AtomicUsize>);

/// A request that waits; dropped, it makes room.
#[derive(Debug)]
pub(crate) struct Waiting(WaitingRoom);

impl WaitingRoom {
    /// A place; `None` when all are taken.
    pub(crate) fn enter(&self) -> Option<Waiting> {
        let waiting = Waiting(self.clone());
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        (before < PLACES).then_some(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_beyond_the_last_place_and_who_leaves_makes_room() {
        let room = WaitingRoom::default();
        let mut waiting: Vec<_> = (0..PLACES).filter_map(|_| room.enter()).collect();
        assert_eq!(waiting.len(), PLACES);
        assert!((0..3).all(|_| room.enter().is_none()));
        waiting.pop();
        assert!(room.enter().is_some());
    }
}
