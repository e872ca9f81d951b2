//! A map of bounded size whose entries end by themselves.
//!
//! It is made of sets of a few entries each, found by a hash whose secret is drawn at start. When a set is full, the entry that
//! would end first makes room: a flood from fresh addresses displaces its own short-lived entries.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

/// Entries of a set, looked through in order.
const WAYS: usize = 16;
/// Independently locked parts, so that worker threads rarely meet.
const SHARDS: usize = 64;

type Set<K, V> = Vec<Entry<K, V>>;
type Shard<K, V> = Box<[Set<K, V>]>;

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    until_ms: u64,
    value: V,
}

/// What is kept of a key after it was changed, and until when.
pub(super) struct Kept {
    /// When it ends, in milliseconds; in the past: it is removed.
    pub(super) until_ms: u64,
}

/// A map of at most so many entries.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    seed: RandomState,
    shards: Box<[Mutex<Shard<K, V>>]>,
}

impl<K: Eq + Hash, V: Default> Table<K, V> {
    /// A table for at least `entries_max` entries. Memory is taken as it is used.
    pub(super) fn new(entries_max: usize) -> Self {
        let sets = entries_max.div_ceil(SHARDS * WAYS).max(1);
        let shard = || Mutex::new(std::iter::repeat_with(Vec::new).take(sets).collect::<Shard<K, V>>());
        Self { seed: RandomState::new(), shards: std::iter::repeat_with(shard).take(SHARDS).collect() }
    }

    /// Changes the value of a key, which is the default one where none is known or it has ended.
    pub(super) fn change<T>(&self, key: K, now_ms: u64, change: impl FnOnce(&mut V) -> (Kept, T)) -> Option<T> {
        self.with_set(self.seed.hash_one(&key), |set| {
            let found = set.iter().position(|entry| entry.key == key);
            let mut value = match found {
                Some(index) => {
                    let entry = set.swap_remove(index);
                    if entry.until_ms > now_ms { entry.value } else { V::default() }
                }
                None => V::default(),
            };
            let (kept, result) = change(&mut value);
            if kept.until_ms > now_ms {
                make_room(set, now_ms);
                set.push(Entry { key, until_ms: kept.until_ms, value });
            }
            result
        })
    }

    /// Looks at the value of a key.
    pub(super) fn look<T>(&self, key: &K, now_ms: u64, look: impl FnOnce(&V) -> T) -> Option<T> {
        self.with_set(self.seed.hash_one(key), |set| {
            let entry = set.iter().find(|entry| entry.key == *key && entry.until_ms > now_ms)?;
            Some(look(&entry.value))
        })?
    }

    /// Looks at every value in turn.
    pub(super) fn each(&self, now_ms: u64, mut look: impl FnMut(&K, &V)) {
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in shard.iter().flatten().filter(|entry| entry.until_ms > now_ms) {
                look(&entry.key, &entry.value);
            }
        }
    }

    /// Changes every value in turn, and until when it is kept.
    pub(super) fn change_each(&self, mut change: impl FnMut(&mut V) -> Kept) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in shard.iter_mut().flatten() {
                entry.until_ms = change(&mut entry.value).until_ms;
            }
        }
    }

    fn with_set<T>(&self, hash: u64, work: impl FnOnce(&mut Set<K, V>) -> T) -> Option<T> {
        let hash = hash as usize;
        // Every entry is whole at every moment: a panic elsewhere while it was locked left nothing half done.
        let mut shard = self.shards.get(hash % SHARDS)?.lock().unwrap_or_else(PoisonError::into_inner);
        let sets = shard.len();
        shard.get_mut((hash / SHARDS).checked_rem(sets)?).map(work)
    }
}

fn make_room<K, V>(set: &mut Set<K, V>, now_ms: u64) {
    set.retain(|entry| entry.until_ms > now_ms);
    if set.len() >= WAYS {
        let first = set.iter().enumerate().min_by_key(|(_, entry)| entry.until_ms).map(|(index, _)| index);
        first.map(|index| set.swap_remove(index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(table: &Table<u32, u32>, key: u32, value: u32, until_ms: u64) {
        table.change(key, 0, |own| {
            *own = value;
            (Kept { until_ms }, ())
        });
    }

    #[test]
    fn entries_end_and_begin_anew() {
        let table = Table::new(100);
        put(&table, 1, 7, 10);
        assert_eq!(table.look(&1, 9, |value| *value), Some(7));
        assert_eq!(table.look(&1, 10, |value| *value), None);
        let before = table.change(1, 10, |value| (Kept { until_ms: 0 }, *value));
        assert_eq!(before, Some(0));
    }

    #[test]
    fn a_flood_displaces_what_ends_first_and_the_table_stays_small() {
        let table = Table::new(1024);
        put(&table, u32::MAX, 1, 1_000_000);
        (0..100_000).for_each(|key| put(&table, key, 0, 1 + u64::from(key % 1000)));
        assert_eq!(table.look(&u32::MAX, 0, |value| *value), Some(1));
        let mut count = 0;
        table.each(0, |_, _| count += 1);
        assert!(count <= 1024, "{count}");
    }
}
