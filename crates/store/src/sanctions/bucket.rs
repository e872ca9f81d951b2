//! How often something was done: leaky buckets, and counters of distinct values.

use super::table::Kept;
use gambeson_core::sanction::Charge;

/// What is counted of one subject in one scenario.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// What is in it, in [`Charge::UNIT`]s, when it was last looked at.
    level: f64,
    seen_ms: u64,
    /// Of distinct values: a hash of each, and when it was seen first.
    values: Vec<(u32, u64)>,
}

impl Bucket {
    /// Adds a charge. Whether the bucket ran over, which also empties it; and how long it is worth keeping.
    pub(super) fn add(&mut self, charge: &Charge, now_ms: u64) -> (Kept, bool) {
        let period_ms = u64::try_from(charge.scenario.period.as_millis()).unwrap_or(u64::MAX).max(1);
        let over = match charge.distinct {
            Some((_, value)) => self.add_value(charge, value, period_ms, now_ms),
            None => self.add_weight(charge, period_ms, now_ms),
        };
        if over {
            *self = Self::default();
        }
        (Kept { until_ms: if over { 0 } else { now_ms.saturating_add(period_ms) } }, over)
    }

    #[allow(clippy::cast_precision_loss, reason = "milliseconds of at most some days")]
    fn add_weight(&mut self, charge: &Charge, period_ms: u64, now_ms: u64) -> bool {
        let capacity = f64::from(charge.scenario.count);
        let leaked = capacity * now_ms.saturating_sub(self.seen_ms) as f64 / period_ms as f64;
        self.level = (self.level - leaked).max(0.0) + f64::from(charge.weight);
        self.seen_ms = now_ms;
        // A hair below: the bucket leaks while it is filled, and the tenth of ten shall be one too many.
        self.level > capacity - f64::from(Charge::UNIT) / 2.0
    }

    fn add_value(&mut self, charge: &Charge, value: u64, period_ms: u64, now_ms: u64) -> bool {
        self.values.retain(|(_, seen_ms)| seen_ms.saturating_add(period_ms) > now_ms);
        let short = (value >> 32) as u32;
        if !self.values.iter().any(|(known, _)| *known == short) {
            self.values.push((short, now_ms));
        }
        self.values.len() as u64 >= u64::from(charge.scenario.count / Charge::UNIT).max(1)
    }
}
