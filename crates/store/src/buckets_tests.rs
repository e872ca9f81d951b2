use super::*;
use gambeson_core::store::{BucketKey, Subject};
use proptest::prelude::*;
use std::collections::HashMap;

fn rate(count: u32, period_ms: u64) -> Rate {
    Rate { count, period: Duration::from_millis(period_ms) }
}

fn table(keys_max: usize) -> Buckets {
    Buckets::new(keys_max, Arc::default())
}

fn login() -> Rate {
    rate(5, 60_000)
}

#[test]
fn a_burst_passes_and_then_the_rate_holds() {
    let buckets = table(1024);
    for left in (0..5).rev() {
        let taken = buckets.take(&"alice", login(), 1_000);
        assert_eq!((taken.allowed, taken.remaining), (true, left));
    }
    let refused = buckets.take(&"alice", login(), 1_000);
    let (reset_after, retry_after) = (Duration::from_secs(60), Duration::from_secs(12));
    assert_eq!(refused, Taken { allowed: false, remaining: 0, reset_after, retry_after });
    assert!(!buckets.take(&"alice", login(), 12_999).allowed);
    assert!(buckets.take(&"alice", login(), 13_000).allowed);
    assert!(buckets.take(&"bob", login(), 1_000).allowed, "another key is not touched");
}

#[test]
fn rules_and_subjects_have_their_own_buckets() {
    let buckets = table(1024);
    let once = rate(1, 60_000);
    let allowed = |rule, subject| buckets.take(&BucketKey { rule, subject }, once, 5).allowed;
    assert!(allowed(1, Subject::Network(7)));
    assert!(!allowed(1, Subject::Network(7)));
    assert!(allowed(2, Subject::Network(7)));
    assert!(allowed(1, Subject::Network(8)));
    assert!(allowed(1, Subject::All));
}

#[test]
fn a_shortened_period_takes_hold_without_locking_anyone_out() {
    let buckets = table(1024);
    for _ in 0..100 {
        assert!(buckets.take(&"k", rate(100, 3_600_000), 0).allowed);
    }
    assert_eq!(buckets.take(&"k", login(), 0).retry_after, Duration::from_secs(12));
}

#[test]
fn extreme_numbers_neither_panic_nor_overflow() {
    let buckets = table(0);
    for count in [0, 1, u32::MAX] {
        for period in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            for now in [0, 1, u64::MAX] {
                buckets.take(&(), Rate { count, period }, now);
            }
        }
    }
}

#[test]
fn a_flood_of_fresh_keys_neither_frees_a_blocked_key_nor_grows_memory() {
    let buckets = table(4096);
    let blocked: Vec<_> = (0..100).map(|i| format!("blocked-{i}")).collect();
    for key in &blocked {
        (0..5).for_each(|_| assert!(buckets.take(key, login(), 0).allowed));
    }
    for i in 0..200_000_u64 {
        buckets.take(&i, login(), i / 40);
    }
    let freed = blocked.iter().filter(|key| buckets.take(key, login(), 5_000).allowed).count();
    assert_eq!(freed, 0);
    assert!(buckets.metrics.buckets_displaced.get() > 100_000, "the flood displaced itself");
    let slots: usize = buckets.shards.iter().map(|shard| shard.lock().unwrap().len() * WAYS).sum();
    assert_eq!(slots, 4096);
}

#[test]
fn threads_that_share_a_key_take_exactly_the_burst() {
    let buckets = table(1024);
    let run = || (0..1_000).filter(|_| buckets.take(&"shared", rate(1_000, 1_000_000), 7).allowed).count();
    let total: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(total, 1_000);
}

/// A token bucket in exact rational arithmetic: tokens are counted in units of 1/period.
#[derive(Clone, Copy)]
struct Model {
    tokens: u128,
    at_ms: u64,
}

impl Model {
    fn take(&mut self, count: u32, period_ms: u64, now_ms: u64) -> (bool, u32) {
        let (count, period) = (u128::from(count), u128::from(period_ms));
        self.tokens = (self.tokens + u128::from(now_ms - self.at_ms) * count).min(count * period);
        self.at_ms = now_ms;
        let allowed = self.tokens >= period;
        if allowed {
            self.tokens -= period;
        }
        (allowed, u32::try_from(self.tokens / period).unwrap())
    }
}

/// Counts that divide a million: their unit is a whole number of nanoseconds, so the model must agree exactly.
fn exact_count() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![1_u32, 2, 4, 5, 8, 10, 16, 25, 50, 64, 100])
}

/// Which key asks, after how many milliseconds: some in a hurry, some after a while.
fn steps() -> impl Strategy<Value = Vec<(u8, u64)>> {
    prop::collection::vec((0_u8..4, prop_oneof![4 => 0_u64..20, 1 => 0_u64..20_000]), 1..400)
}

proptest! {
    #[test]
    fn agrees_with_the_exact_model(count in exact_count(), period_ms in 1_u64..20_000, steps in steps()) {
        let buckets = table(1024);
        let mut models = HashMap::new();
        let mut now = 1_000;
        for (key, wait) in steps {
            now += wait;
            let full = Model { tokens: u128::from(count) * u128::from(period_ms), at_ms: now };
            let expected = models.entry(key).or_insert(full).take(count, period_ms, now);
            let taken = buckets.take(&key, rate(count, period_ms), now);
            prop_assert_eq!((taken.allowed, taken.remaining), expected);
            if !taken.allowed {
                let retry = u64::try_from(taken.retry_after.as_nanos().div_ceil(1_000_000)).unwrap();
                prop_assert!(models[&key].clone().take(count, period_ms, now + retry).0);
                prop_assert!(!models[&key].clone().take(count, period_ms, now + retry - 1).0);
            }
        }
    }

    #[test]
    fn no_window_ever_gives_more_than_one_period_and_the_rate(
        count in 1_u32..200, period_ms in 1_u64..20_000, steps in steps(),
    ) {
        let buckets = table(1024);
        let (mut now, mut taken) = (0, Vec::new());
        for (_, wait) in steps {
            now += wait;
            if buckets.take(&"k", rate(count, period_ms), now).allowed {
                taken.push(now);
            }
        }
        for (start, &from) in taken.iter().enumerate() {
            for (units, &at) in taken[start..].iter().enumerate() {
                let flowed = u64::from(count) * (at - from) / period_ms;
                // Rounding the unit down adds less than a nanosecond per unit: less than one unit here.
                prop_assert!((units as u64) < u64::from(count) + flowed + 1);
            }
        }
    }
}
