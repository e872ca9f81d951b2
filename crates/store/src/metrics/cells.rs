//! Numbers that many threads may change at once.

use super::labels::Label;
use gambeson_core::policy::{LayerName, Mode};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// What can be written on the page. Writing to a `String` cannot fail.
pub(super) trait Metric {
    fn render(&self, name: &str, help: &str, page: &mut String);
}

fn head(page: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Metric for Counter {
    fn render(&self, name: &str, help: &str, page: &mut String) {
        head(page, name, help, "counter");
        let _ = writeln!(page, "{name} {}", self.get());
    }
}

/// A number that rises and falls.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds `change`, which may be negative.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Relaxed);
    }

    /// Replaces the number.
    pub fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

impl Metric for Gauge {
    fn render(&self, name: &str, help: &str, page: &mut String) {
        head(page, name, help, "gauge");
        let _ = writeln!(page, "{name} {}", self.get());
    }
}

/// A counter for every value of a label.
#[derive(Debug)]
pub struct Family<L> {
    cells: Box<[Counter]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label> Default for Family<L> {
    fn default() -> Self {
        Self { cells: std::iter::repeat_with(Counter::default).take(L::COUNT).collect(), label: PhantomData }
    }
}

impl<L: Label> Family<L> {
    /// Adds one for this value.
    pub fn increment(&self, label: L) {
        self.add(label, 1);
    }

    /// Adds `count` for this value.
    pub fn add(&self, label: L, count: u64) {
        if let Some(cell) = self.cells.get(label.index()) {
            cell.add(count);
        }
    }

    /// The number of this value now.
    pub fn get(&self, label: L) -> u64 {
        self.cells.get(label.index()).map_or(0, Counter::get)
    }
}

impl<L: Label> Metric for Family<L> {
    fn render(&self, name: &str, help: &str, page: &mut String) {
        head(page, name, help, "counter");
        for (index, cell) in self.cells.iter().enumerate() {
            let _ = writeln!(page, "{name}{{{}}} {}", L::pair(index), cell.get());
        }
    }
}

/// Rules counted by name before the rest is counted together. Names come from code, so this is never reached; were
/// one ever made from a request, the page still would not grow.
pub(super) const FINDINGS_MAX: usize = 512;

/// Layer, rule, mode.
type FindingKey = (&'static str, String, &'static str);

/// A counter for every layer, rule and mode that has found something.
#[derive(Debug, Default)]
pub struct Findings(RwLock<BTreeMap<FindingKey, Counter>>);

impl Findings {
    /// Adds one for a rule.
    pub fn increment(&self, layer: LayerName, rule: &str, mode: Mode) {
        let (layer, mode) = (layer.as_str(), mode_value(mode));
        let key = (layer, rule.to_owned(), mode);
        if let Some(cell) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return cell.increment();
        }
        let mut cells = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let full = cells.len() >= FINDINGS_MAX && !cells.contains_key(&key);
        let key = if full { (layer, "other".to_owned(), mode) } else { key };
        cells.entry(key).or_default().increment();
    }
}

const fn mode_value(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "off",
        Mode::Report => "report",
        Mode::Enforce => "enforce",
    }
}

impl Metric for Findings {
    fn render(&self, name: &str, help: &str, page: &mut String) {
        head(page, name, help, "counter");
        for ((layer, rule, mode), cell) in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = writeln!(page, "{name}{{layer=\"{layer}\",rule=\"{rule}\",mode=\"{mode}\"}} {}", cell.get());
        }
    }
}

/// Upper bounds in seconds, from a cached answer to the longest deadline.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];

/// How durations are distributed.
#[derive(Debug, Default)]
pub struct Histogram {
    below: [AtomicU64; BOUNDS.len()],
    above: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let fits = BOUNDS.iter().zip(&self.below).find(|(bound, _)| seconds <= **bound);
        fits.map_or(&self.above, |(_, cell)| cell).fetch_add(1, Relaxed);
        self.sum_us.fetch_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }
}

impl Metric for Histogram {
    fn render(&self, name: &str, help: &str, page: &mut String) {
        head(page, name, help, "histogram");
        let mut total = 0_u64;
        for (bound, cell) in BOUNDS.iter().zip(&self.below) {
            total = total.saturating_add(cell.load(Relaxed));
            let _ = writeln!(page, "{name}_bucket{{le=\"{bound}\"}} {total}");
        }
        total = total.saturating_add(self.above.load(Relaxed));
        let sum = Duration::from_micros(self.sum_us.load(Relaxed)).as_secs_f64();
        let _ = writeln!(page, "{name}_bucket{{le=\"+Inf\"}} {total}\n{name}_sum {sum}\n{name}_count {total}");
    }
}
