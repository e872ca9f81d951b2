//! How many connections may be open, in all and from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The places for connections, shared by all threads.
#[derive(Debug)]
pub(super) struct Places {
    max: AtomicUsize,
    per_address_max: AtomicUsize,
    taken: AtomicUsize,
    by_address: Mutex<HashMap<u64, usize>>,
}

/// A place that is taken; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    key: u64,
}

impl Places {
    pub(super) fn new(max: usize, per_address_max: usize) -> Self {
        Self {
            max: max.into(),
            per_address_max: per_address_max.into(),
            taken: AtomicUsize::new(0),
            by_address: Mutex::default(),
        }
    }

    pub(super) fn resize(&self, max: usize, per_address_max: usize) {
        self.max.store(max, Ordering::Relaxed);
        self.per_address_max.store(per_address_max, Ordering::Relaxed);
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Takes a place, if one is left in all and for this address.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.max.load(Ordering::Relaxed) {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let key = network(peer);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(key).or_default();
        if *count >= self.per_address_max.load(Ordering::Relaxed) {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        *count += 1;
        drop(by_address);
        Some(Place { places: self.clone(), key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
        let mut by_address = self.places.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.key);
            }
        }
    }
}

/// An IPv4 address, or the /64 network of an IPv6 one: what one customer is given.
pub(crate) fn network(peer: IpAddr) -> u64 {
    match peer {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_out_for_an_address_and_in_all_and_come_back() {
        let places = Arc::new(Places::new(3, 2));
        let address = |text: &str| text.parse().unwrap();
        let first = places.take(address("2001:db8::1")).unwrap();
        let _second = places.take(address("2001:db8::2")).unwrap();
        assert!(places.take(address("2001:db8::3")).is_none(), "one /64 network has two places");
        let _third = places.take(address("192.0.2.1")).unwrap();
        assert!(places.take(address("192.0.2.2")).is_none(), "three places in all");
        drop(first);
        assert!(places.take(address("2001:db8::3")).is_some());
        assert_eq!(places.taken(), 2);
    }
}
