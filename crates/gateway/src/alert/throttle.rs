//! At most so many alerts a minute, and one that says how many more there were.

use super::message::{Alert, Severity};
use crate::worker::now_ms;
use gambeson_core::policy::alert::Topic;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// What was told this minute, and what was held back.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    from: Option<Instant>,
    told: u32,
    held: BTreeMap<Topic, u64>,
    /// Those the queue had no room for: nobody knows what they were about.
    missed: u64,
}

impl Throttle {
    /// Whether this one may be told; it counts as held back otherwise.
    pub(super) fn take(&mut self, topic: Topic, now: Instant, per_minute: u32) -> bool {
        if self.from.is_none_or(|from| now.duration_since(from) >= MINUTE) && self.is_empty() {
            (self.from, self.told) = (Some(now), 0);
        }
        // While some are held back the rest is too, so that the summary comes before what is new.
        if self.is_empty() && self.told < per_minute {
            self.told += 1;
            return true;
        }
        *self.held.entry(topic).or_default() += 1;
        false
    }

    /// Some never came.
    pub(super) fn missed(&mut self, count: u64, now: Instant) {
        self.from.get_or_insert(now);
        self.missed = self.missed.saturating_add(count);
    }

    fn is_empty(&self) -> bool {
        self.held.is_empty() && self.missed == 0
    }

    /// When what was held back is to be summed up.
    pub(super) fn due(&self) -> Option<Instant> {
        self.from.filter(|_| !self.is_empty()).map(|from| from + MINUTE)
    }

    /// What was held back, in one; a new minute begins with it.
    pub(super) fn summary(&mut self, now: Instant) -> Option<Alert> {
        if self.is_empty() {
            return None;
        }
        let held = std::mem::take(&mut self.held);
        let missed = std::mem::take(&mut self.missed);
        (self.from, self.told) = (Some(now), 1);
        let count = held.values().sum::<u64>().saturating_add(missed);
        let mut kinds: Vec<String> = held.iter().map(|(topic, count)| format!("{count} about {}", topic.as_str())).collect();
        kinds.extend((missed > 0).then(|| format!("{missed} that the queue had no room for")));
        let topic = held.keys().next().copied().unwrap_or(Topic::Audit);
        let sentence = format!("and {count} more: {}; `gambeson log tail` has them", kinds.join(", "));
        Some(Alert::new(topic, Severity::Warning, now_ms(), sentence).with("count", count.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_one_alert_says_how_many_more() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        let told = (0..10).filter(|_| throttle.take(Topic::Refusals, start, 3)).count();
        assert_eq!((told, throttle.due()), (3, Some(start + MINUTE)));
        assert!(!throttle.take(Topic::Sanctions, start + MINUTE, 3));
        let summary = throttle.summary(start + MINUTE).unwrap();
        assert!(summary.sentence.starts_with("and 8 more: 7 about refusals, 1 about sanctions"), "{}", summary.sentence);
        assert_eq!((throttle.due(), throttle.summary(start)), (None, None));
        let told = (0..10).filter(|_| throttle.take(Topic::App, start + MINUTE, 3)).count();
        assert_eq!(told, 2, "the summary counts");
        assert!(Throttle::default().summary(start).is_none());
    }

    #[test]
    fn a_quiet_minute_begins_anew() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        for minute in 0..5 {
            assert!(throttle.take(Topic::App, start + MINUTE * minute, 1));
        }
        throttle.missed(4, start);
        assert!(throttle.summary(start).unwrap().sentence.starts_with("and 4 more: 4 that the queue had no room for"));
    }
}
