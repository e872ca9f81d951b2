use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

const LOGIN: Rate = Rate { burst: 5, count: 5, period_ms: 60_000 };

#[test]
fn a_burst_passes_and_then_the_rate_holds() {
    let buckets = Buckets::new(1024);
    for left in (0..5).rev() {
        let taken = buckets.take(b"alice", LOGIN, 1, 1_000);
        assert_eq!((taken.allowed, taken.remaining), (true, left));
    }
    let refused = buckets.take(b"alice", LOGIN, 1, 1_000);
    let expected = Taken { allowed: false, remaining: 0, reset_after_ms: 60_000, retry_after_ms: 12_000 };
    assert_eq!(refused, expected);
    assert!(!buckets.take(b"alice", LOGIN, 1, 12_999).allowed);
    assert!(buckets.take(b"alice", LOGIN, 1, 13_000).allowed);
    assert!(buckets.take(b"bob", LOGIN, 1, 1_000).allowed, "another key is not touched");
}

#[test]
fn a_refusal_costs_nothing_and_a_look_takes_nothing() {
    let buckets = Buckets::new(1024);
    assert!(buckets.take(b"k", LOGIN, 4, 0).allowed);
    assert_eq!(buckets.take(b"k", LOGIN, 2, 0).retry_after_ms, 12_000);
    assert_eq!(buckets.take(b"k", LOGIN, 0, 0).remaining, 1);
    assert!(buckets.take(b"k", LOGIN, 1, 0).allowed);
}

#[test]
fn a_cost_above_the_burst_never_passes() {
    let buckets = Buckets::new(1024);
    let taken = buckets.take(b"k", LOGIN, 6, 0);
    assert_eq!((taken.allowed, taken.remaining, taken.retry_after_ms), (false, 5, 0));
}

#[test]
fn a_lowered_rate_takes_hold_without_locking_anyone_out() {
    let buckets = Buckets::new(1024);
    let slow = Rate { burst: 100, count: 1, period_ms: 3_600_000 };
    assert!(buckets.take(b"k", slow, 100, 0).allowed);
    assert_eq!(buckets.take(b"k", LOGIN, 1, 0).retry_after_ms, 12_000);
}

#[test]
fn extreme_numbers_neither_panic_nor_overflow() {
    let buckets = Buckets::new(0);
    for rate in [
        Rate { burst: 0, count: 0, period_ms: 0 },
        Rate { burst: u32::MAX, count: u32::MAX, period_ms: u64::MAX },
        Rate { burst: u32::MAX, count: 1, period_ms: u64::MAX },
    ] {
        for now in [0, 1, u64::MAX] {
            buckets.take(b"", rate, u32::MAX, now);
            buckets.take(&[0; 4096], rate, 0, now);
        }
    }
}

#[test]
fn a_flood_of_fresh_keys_neither_frees_a_blocked_key_nor_grows_memory() {
    let buckets = Buckets::new(4096);
    let blocked: Vec<_> = (0..100).map(|i| format!("blocked-{i}")).collect();
    for key in &blocked {
        assert!(buckets.take(key.as_bytes(), LOGIN, 5, 0).allowed);
    }
    for i in 0..200_000_u64 {
        buckets.take(&i.to_le_bytes(), LOGIN, 1, i / 40);
    }
    let freed = blocked.iter().filter(|key| buckets.take(key.as_bytes(), LOGIN, 5, 5_000).allowed).count();
    assert_eq!(freed, 0);
    assert!(buckets.displaced() > 100_000, "the flood displaced itself");
    let slots: usize = buckets.shards.iter().map(|shard| shard.lock().unwrap().len() * WAYS).sum();
    assert_eq!(slots, 4096);
}

#[test]
fn threads_that_share_a_key_take_exactly_the_burst() {
    let buckets = Buckets::new(1024);
    let rate = Rate { burst: 1_000, count: 1, period_ms: 1_000_000 };
    let run = || (0..1_000).filter(|_| buckets.take(b"shared", rate, 1, 7).allowed).count();
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
    fn take(&mut self, rate: Rate, cost: u32, now_ms: u64) -> (bool, u32) {
        let period = u128::from(rate.period_ms);
        let refill = u128::from(now_ms - self.at_ms) * u128::from(rate.count);
        self.tokens = (self.tokens + refill).min(u128::from(rate.burst) * period);
        self.at_ms = now_ms;
        let cost = u128::from(cost) * period;
        let allowed = self.tokens >= cost;
        if allowed {
            self.tokens -= cost;
        }
        (allowed, u32::try_from(self.tokens / period).unwrap())
    }
}

/// Counts that divide a million: their unit is a whole number of nanoseconds, so the model must agree exactly.
fn exact_rate() -> impl Strategy<Value = Rate> {
    let counts = prop::sample::select(vec![1_u32, 2, 4, 5, 8, 10, 16, 25, 50, 64, 100, 500, 1_000]);
    (1_u32..50, counts, 1_u64..100_000).prop_map(|(burst, count, period_ms)| Rate { burst, count, period_ms })
}

fn steps() -> impl Strategy<Value = Vec<(u8, u32, u64)>> {
    prop::collection::vec((0_u8..4, 0_u32..6, prop_oneof![0_u64..20, 0_u64..20_000]), 1..200)
}

proptest! {
    #[test]
    fn agrees_with_the_exact_model(rate in exact_rate(), steps in steps()) {
        let buckets = Buckets::new(1024);
        let mut models = HashMap::new();
        let mut now = 1_000;
        for (key, cost, wait) in steps {
            now += wait;
            let full = Model { tokens: u128::from(rate.burst) * u128::from(rate.period_ms), at_ms: now };
            let expected = models.entry(key).or_insert(full).take(rate, cost, now);
            let taken = buckets.take(&[key], rate, cost, now);
            prop_assert_eq!((taken.allowed, taken.remaining), expected);
            if !taken.allowed && cost <= rate.burst {
                let mut later = models[&key];
                prop_assert!(later.take(rate, cost, now + taken.retry_after_ms).0);
                let mut earlier = models[&key];
                prop_assert!(!earlier.take(rate, cost, now + taken.retry_after_ms - 1).0);
            }
        }
    }

    #[test]
    fn no_window_ever_gives_more_than_burst_plus_rate(
        rate in (1_u32..50, 1_u32..2_000, 1_u64..100_000)
            .prop_map(|(burst, count, period_ms)| Rate { burst, count, period_ms }),
        steps in steps(),
    ) {
        let buckets = Buckets::new(1024);
        let (mut now, mut taken) = (0, Vec::new());
        for (_, cost, wait) in steps {
            now += wait;
            if buckets.take(b"k", rate, cost, now).allowed {
                taken.push((now, u64::from(cost)));
            }
        }
        for (start, &(from, _)) in taken.iter().enumerate() {
            let mut units = 0;
            for &(at, cost) in &taken[start..] {
                units += cost;
                let flowed = u128::from(at - from) * u128::from(rate.count) / u128::from(rate.period_ms);
                // Rounding the unit down adds less than a nanosecond per unit: at most one unit here.
                prop_assert!(u128::from(units) <= u128::from(rate.burst) + flowed + 1);
            }
        }
    }
}
