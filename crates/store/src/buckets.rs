//! Rate-limit buckets in memory: GCRA, one 64-bit number per key, in a table that never grows.
//!
//! **GCRA** (the generic cell rate algorithm, ITU-T I.371) keeps one number per key: the *theoretical arrival
//! time* (TAT) at which the bucket will be full again. A request moves the TAT forward by `period / count` and is
//! refused when that would put it more than one period into the future. There is no window to straddle and no timer to
//! run.
//!
//! **Hostile keys.** A key is only ever seen through a keyed 64-bit hash with a seed drawn at start, so nobody can
//! choose keys that fall together. Two keys with the same hash share a bucket; with a million live keys the
//! chance that any such pair exists in the same set is below 10⁻⁷, and the cost is one shared limit.
//!
//! **Hostile numbers.** The table has a fixed number of slots, grouped in sets of [`WAYS`]; memory is reserved once
//! and touched as it is used. When a set is full, the slot with the *earliest* TAT makes room: first an expired
//! one (forgetting it changes nothing), then the one nearest to being free. A flood from fresh addresses
//! therefore displaces its own short-lived entries. To push out a blocked key an attacker must bring sixteen
//! keys of the same set, which cannot be aimed at, to a later TAT than the blocked one: about as many *full bursts*
//! as the table has slots, within one period. Limits per network stop that long before.

use crate::metrics::Metrics;
use gambeson_core::store::{Rate, Taken};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Slots per set: four cache lines, searched in order.
const WAYS: usize = 16;
/// Independently locked parts, so that worker threads rarely meet.
const SHARDS: usize = 64;
const NANOS_PER_MS: u64 = 1_000_000;

/// A slot: the key's hash and its TAT in nanoseconds. TAT 0 is both "empty" and "expired long ago".
type Slot = [u64; 2];
type Set = [Slot; WAYS];

/// All buckets of this process, shared by its worker threads.
#[derive(Debug)]
pub struct Buckets {
    seed: RandomState,
    shards: Box<[Mutex<Box<[Set]>>]>,
    metrics: Arc<Metrics>,
}

impl Buckets {
    /// A table for at least `keys_max` keys (16 bytes each; rounded up to a power of two, at least 1024).
    /// `metrics` counts the live buckets that were forgotten because the table was full: an attack from very many
    /// addresses, or a table that is too small.
    #[must_use]
    pub fn new(keys_max: usize, metrics: Arc<Metrics>) -> Self {
        let sets = keys_max.div_ceil(SHARDS * WAYS).max(1).next_power_of_two();
        let shard = || Mutex::new(vec![[[0; 2]; WAYS]; sets].into_boxed_slice());
        Self { seed: RandomState::new(), shards: std::iter::repeat_with(shard).take(SHARDS).collect(), metrics }
    }

    /// Takes one from the bucket of `key` at `now_ms`: any clock that does not run backwards, the same for every call.
    pub fn take(&self, key: &impl Hash, rate: Rate, now_ms: u64) -> Taken {
        let gcra = Gcra::new(rate, now_ms);
        // Every hash has its set; were one missing, nothing would be known of the key, and the answer is no.
        self.take_hashed(self.seed.hash_one(key), gcra).unwrap_or_else(|| gcra.take(gcra.latest()).1)
    }

    fn take_hashed(&self, hash: u64, gcra: Gcra) -> Option<Taken> {
        // Every slot is valid at every moment: a panic elsewhere while it was locked left nothing half done.
        let shard = self.shards.get(hash as usize % SHARDS)?;
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        // The low bits chose the shard; the next ones choose the set.
        let sets = shard.len();
        let set = shard.get_mut((hash as usize / SHARDS).checked_rem(sets)?)?;
        let (slot, tat) = slot_for(set, hash)?;
        let (tat, taken) = gcra.take(tat);
        if tat > gcra.now {
            let [owner, until] = *slot;
            let lost = owner != hash && until > gcra.now;
            *slot = [hash, tat];
            if lost {
                self.metrics.buckets_displaced.increment();
            }
        }
        Some(taken)
    }
}

/// The slot that holds `hash`, or the one that makes room for it; and the TAT known for `hash` (0: none).
fn slot_for(set: &mut Set, hash: u64) -> Option<(&mut Slot, u64)> {
    let found = set.iter().position(|[owner, _]| *owner == hash);
    let slot = match found {
        Some(index) => set.get_mut(index)?,
        None => set.iter_mut().min_by_key(|[_, tat]| *tat)?,
    };
    let tat = if found.is_some() { slot[1] } else { 0 };
    Some((slot, tat))
}

/// The arithmetic of one bucket at one moment, in nanoseconds.
#[derive(Clone, Copy)]
struct Gcra {
    now: u64,
    unit: u64,
    capacity: u64,
}

impl Gcra {
    fn new(rate: Rate, now_ms: u64) -> Self {
        let count = u64::from(rate.count.max(1));
        let period = u64::try_from(rate.period.as_nanos()).unwrap_or(u64::MAX);
        // Rounded down: never stricter than written, and looser by less than one nanosecond per request.
        let unit = (period / count).max(1);
        Self { now: now_ms.saturating_mul(NANOS_PER_MS), unit, capacity: unit.saturating_mul(count) }
    }

    /// The TAT of an empty bucket: no bucket is ever further in debt.
    fn latest(self) -> u64 {
        self.now.saturating_add(self.capacity)
    }

    fn take(self, tat: u64) -> (u64, Taken) {
        // The upper bound matters when a reload shortened the period.
        let before = tat.clamp(self.now, self.latest());
        let after = before.saturating_add(self.unit);
        let allowed = after <= self.latest();
        let tat = if allowed { after } else { before };
        let left = self.latest().saturating_sub(tat);
        let missing = if allowed { 0 } else { self.unit.saturating_sub(left) };
        let taken = Taken {
            allowed,
            remaining: u32::try_from(left / self.unit).unwrap_or(u32::MAX),
            reset_after: Duration::from_nanos(tat.saturating_sub(self.now)),
            retry_after: Duration::from_nanos(missing),
        };
        (tat, taken)
    }
}

#[cfg(test)]
#[path = "buckets_tests.rs"]
mod tests;
