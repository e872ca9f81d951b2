//! Who is under a sanction, and how near everybody else is to one.
//!
//! Charges fill bounded buckets; one that runs over earns its subject the next sanction of the scenario's ladder. Bans are written to
//! a file that outlives the process and is shared by all that serve from one directory; everything else lives in memory, in tables
//! that cannot grow: what would end first makes room.

mod bucket;
mod file;
mod filter;
mod pass;
mod table;

pub use file::BanFile;
pub use filter::Filter;

use crate::metrics::Metrics;
use crate::state_dir::{StateDir, StateError};
use bucket::Bucket;
use file::{Line, anchor};
use gambeson_core::{
    sanction::{Charge, Reach, Rung, Sanction, Shown, Standing},
    store::{Answer, Subject},
};
use pass::Signer;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use table::{Kept, Table};

/// Buckets that are kept at most; one of distinct values takes at most eight kilobytes.
const BUCKETS_MAX: usize = 1 << 14;
/// Subjects that are kept at most, in sanction or not yet forgotten; each takes some 300 bytes.
const RECORDS_MAX: usize = 1 << 16;
/// How often others' bans are looked for.
const LOOK_EVERY_MS: u64 = 1000;
/// Moments that differ by no more are of threads that were held up, not of a clock that was set back.
const SLACK_MS: u64 = 60_000;
/// Beyond that a sanction has long been as long as it may be.
const DOUBLINGS_MAX: u32 = 30;
/// What may be a foreign page's doing is over sooner.
const MILD_DOUBLINGS_MAX: u32 = 3;

/// The sanctions of one process, shared by its threads.
#[derive(Debug)]
pub struct Sanctions {
    buckets: Table<BucketKey, Bucket>,
    records: Table<Subject, Record>,
    /// No sanction lasts longer: where this is over, nobody need be looked up.
    latest_ms: AtomicU64,
    signer: Signer,
    /// `None`: nothing outlives the process.
    file: Option<BanFile>,
    next_look_ms: AtomicU64,
    /// The latest moment that was told: where the clock goes back, by how much.
    now_ms: AtomicU64,
    filter: OnceLock<Filter>,
    metrics: Arc<Metrics>,
}

/// Scenario, subject, and the kind of what is distinct.
type BucketKey = (String, Subject, u64);

/// What a subject has earned.
#[derive(Debug, Default, Clone)]
struct Record {
    offences: u32,
    /// Offences that may have been a foreign page's doing: they lead to a challenge, and are no reason for more.
    mild: u32,
    /// In force or over: one for each reach.
    sanctions: Vec<Sanction>,
    /// Whether a ban of it stands in the file.
    is_kept: bool,
    /// How long its offences are remembered after the last sanction.
    forget_ms: u64,
}

impl Record {
    /// Puts a sanction in force, unless a heavier one with the same reach is. Whether it was put.
    fn put(&mut self, sanction: Sanction, now_ms: u64) -> bool {
        self.sanctions.retain(|own| own.until_ms > now_ms);
        // A session that was blocked may be ended: that is what comes last for it.
        let is_lighter = |own: &Sanction| sanction.rung < own.rung && sanction.rung != Rung::EndSession;
        if self.sanctions.iter().any(|own| own.reach == sanction.reach && is_lighter(own)) {
            return false;
        }
        self.sanctions.retain(|own| own.reach != sanction.reach);
        self.sanctions.push(sanction);
        true
    }

    /// Until when it is worth keeping.
    fn kept(&self) -> Kept {
        let until = self.sanctions.iter().map(|own| own.until_ms).max().unwrap_or(0);
        Kept { until_ms: until.saturating_add(self.forget_ms) }
    }
}

impl Sanctions {
    /// Opens the bans and the key of a state directory.
    ///
    /// # Errors
    /// When they cannot be read or made.
    pub fn open(dir: &StateDir, metrics: Arc<Metrics>, now_ms: u64) -> Result<Self, StateError> {
        let file = BanFile::new(dir.clone());
        file.tidy(now_ms)?;
        let sanctions = Self::new(Signer::open(dir)?, Some(file), metrics, now_ms);
        sanctions.follow(now_ms)?;
        Ok(sanctions)
    }

    /// With no directory: nothing is read, and nothing is kept.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn in_memory(metrics: Arc<Metrics>) -> std::io::Result<Self> {
        Ok(Self::new(Signer::drawn()?, None, metrics, 0))
    }

    fn new(signer: Signer, file: Option<BanFile>, metrics: Arc<Metrics>, now_ms: u64) -> Self {
        Self {
            buckets: Table::new(BUCKETS_MAX),
            records: Table::new(RECORDS_MAX),
            latest_ms: AtomicU64::new(0),
            signer,
            file,
            next_look_ms: AtomicU64::new(0),
            now_ms: AtomicU64::new(now_ms),
            filter: OnceLock::new(),
            metrics,
        }
    }

    /// Puts bans into the packet filter, too, those in force at once.
    pub fn use_filter(&self, filter: Filter, now_ms: u64) {
        if self.filter.set(filter).is_ok() {
            self.list(now_ms).iter().for_each(|sanction| self.filtered(sanction, now_ms));
        }
    }

    /// Follows a clock that was set back: sanctions that it had begun later than now go back with it, or they would last until it
    /// is there again; what is counted begins anew.
    fn tick(&self, now_ms: u64) {
        let before = self.now_ms.fetch_max(now_ms, Relaxed);
        let is_back = now_ms.saturating_add(SLACK_MS) < before;
        if !is_back || self.now_ms.compare_exchange(before, now_ms, Relaxed, Relaxed).is_err() {
            return;
        }
        self.next_look_ms.store(0, Relaxed);
        self.buckets.change_each(|bucket| {
            *bucket = Bucket::default();
            Kept { until_ms: 0 }
        });
        self.records.change_each(|record| {
            record.sanctions.iter_mut().for_each(|sanction| anchor(sanction, now_ms));
            record.kept()
        });
    }

    /// Answers whether one of these is under a sanction.
    #[must_use]
    pub fn answer(&self, subjects: &[Subject], shown: &Shown, wait: Duration, pass: Duration, now_ms: u64) -> Answer {
        self.tick(now_ms);
        if self.next_look_ms.load(Relaxed) <= now_ms {
            // What cannot be read just now can be in a second; what is known goes on to hold.
            let _unreadable = self.follow(now_ms);
        }
        if self.latest_ms.load(Relaxed) <= now_ms {
            return Answer::Standing(None);
        }
        let found = subjects.iter().filter_map(|subject| self.records.look(subject, now_ms, |record| record.sanctions.clone()));
        let mut sanctions: Vec<_> = found.flatten().filter(|sanction| sanction.until_ms > now_ms).collect();
        if sanctions.is_empty() {
            return Answer::Standing(None);
        }
        sanctions.sort_by_key(|sanction| std::cmp::Reverse(sanction.rung));
        let network = subjects.first().copied().unwrap_or(Subject::All);
        let challenges = sanctions.iter().filter(|sanction| sanction.rung == Rung::Challenge);
        let hardest = challenges.map(|one| (one.since_ms, one.patience(wait))).reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)));
        let pass = hardest.map(|(since_ms, wait)| self.signer.judge(network, shown, wait, pass, since_ms, now_ms));
        Answer::Standing(Some(Box::new(Standing { sanctions, pass, now_ms })))
    }

    /// Counts a charge; the sanction that follows, if one does.
    pub fn charge(&self, charge: &Charge, now_ms: u64) -> Option<Sanction> {
        self.tick(now_ms);
        let kind = charge.distinct.map_or(0, |(kind, _)| kind);
        let key = (charge.scenario.name.clone(), charge.subject, kind);
        let over = self.buckets.change(key, now_ms, |bucket| bucket.add(charge, now_ms))?;
        if over { self.sanction(charge, now_ms) } else { None }
    }

    fn sanction(&self, charge: &Charge, now_ms: u64) -> Option<Sanction> {
        let sanction = self.records.change(charge.subject, now_ms, |record| {
            // What may not cost much must not make the next time dear either.
            let count = if charge.worst < Rung::Ban { &mut record.mild } else { &mut record.offences };
            let sanction = next(charge, *count, now_ms);
            *count = sanction.offences;
            let is_put = record.put(sanction.clone(), now_ms);
            record.is_kept |= is_put && sanction.rung == Rung::Ban && charge.is_kept;
            record.forget_ms = millis(charge.scenario.forget);
            (record.kept(), is_put.then_some(sanction))
        })??;
        self.latest_ms.fetch_max(sanction.until_ms, Relaxed);
        self.metrics.sanctions.increment(sanction.rung);
        if sanction.rung == Rung::Ban && charge.is_kept {
            if self.file.as_ref().is_some_and(|file| file.ban(&sanction, now_ms).is_err()) {
                self.unwritten(charge.subject, now_ms);
            }
            self.filtered(&sanction, now_ms);
        }
        Some(sanction)
    }

    /// A ban holds here all the same, and does not end because the file does not know it.
    fn unwritten(&self, subject: Subject, now_ms: u64) {
        self.metrics.bans_unwritten.increment();
        self.records.change(subject, now_ms, |record| {
            record.is_kept = false;
            (record.kept(), ())
        });
    }

    /// Every sanction in force, the one that ends first before the others.
    #[must_use]
    pub fn list(&self, now_ms: u64) -> Vec<Sanction> {
        let mut all = Vec::new();
        self.records.each(now_ms, |_, record| all.extend(record.sanctions.iter().filter(|own| own.until_ms > now_ms).cloned()));
        all.sort_by_key(|sanction| sanction.until_ms);
        all
    }

    /// Reads what others wrote: the operator, and processes that serve from the same directory.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn follow(&self, now_ms: u64) -> Result<(), StateError> {
        self.next_look_ms.store(now_ms.saturating_add(LOOK_EVERY_MS), Relaxed);
        let Some(file) = &self.file else { return Ok(()) };
        let news = file.news()?;
        if news.is_whole {
            let known: HashSet<&str> = news.lines.iter().filter_map(id).collect();
            let gone = self.kept(now_ms).into_iter().filter(|sanction| !known.contains(sanction.id.as_str()));
            gone.for_each(|sanction| self.lift(&sanction.id, now_ms));
        }
        for line in news.lines {
            match line {
                Line::Ban(sanction) => self.hold(sanction, now_ms),
                Line::Lift(what) => self.lift(&what, now_ms),
            }
        }
        Ok(())
    }

    /// A ban of the file is put in force.
    fn hold(&self, mut sanction: Sanction, now_ms: u64) {
        anchor(&mut sanction, now_ms);
        if sanction.until_ms <= now_ms {
            return;
        }
        self.latest_ms.fetch_max(sanction.until_ms, Relaxed);
        self.filtered(&sanction, now_ms);
        self.records.change(sanction.subject, now_ms, |record| {
            record.offences = record.offences.max(sanction.offences.min(DOUBLINGS_MAX));
            record.is_kept = true;
            record.put(sanction, now_ms);
            (record.kept(), ())
        });
    }

    /// Ends what has this id, or all of a network, and forgets its offences.
    fn lift(&self, what: &str, now_ms: u64) {
        let subject = Subject::try_from(what.to_owned()).ok();
        for sanction in self.list(now_ms).into_iter().filter(|own| own.id == what || Some(own.subject) == subject) {
            self.records.change(sanction.subject, now_ms, |record| {
                *record = Record::default();
                (Kept { until_ms: 0 }, ())
            });
            if let Some(filter) = self.filter.get().filter(|_| sanction.rung == Rung::Ban) {
                filter.lift(sanction.subject);
            }
        }
    }

    fn kept(&self, now_ms: u64) -> Vec<Sanction> {
        let mut kept = Vec::new();
        self.records.each(now_ms, |_, record| {
            kept.extend(record.sanctions.iter().filter(|own| record.is_kept && own.rung == Rung::Ban).cloned());
        });
        kept
    }

    fn filtered(&self, sanction: &Sanction, now_ms: u64) {
        if let Some(filter) = self.filter.get().filter(|_| sanction.rung == Rung::Ban && sanction.reach == Reach::All) {
            filter.ban(sanction.subject, sanction.seconds_left(now_ms));
        }
    }
}

fn id(line: &Line) -> Option<&str> {
    match line {
        Line::Ban(sanction) => Some(&sanction.id),
        Line::Lift(_) => None,
    }
}

/// The sanction for an offence after so many before it.
fn next(charge: &Charge, before: u32, now_ms: u64) -> Sanction {
    let scenario = &charge.scenario;
    let step = scenario.ladder.get(before as usize).or(scenario.ladder.last()).copied().unwrap_or(Rung::Log);
    let most = if charge.worst < Rung::Ban { MILD_DOUBLINGS_MAX } else { DOUBLINGS_MAX };
    let doubled = scenario.duration.saturating_mul(1 << before.min(most));
    let period = scenario.period.as_secs();
    let (count, what) = (scenario.count / Charge::UNIT, if charge.distinct.is_some() { "different ones" } else { "times" });
    let offences = before.saturating_add(1);
    Sanction {
        id: new_id(),
        rung: step.min(charge.worst).fit(charge.subject),
        subject: charge.subject,
        scenario: scenario.name.clone(),
        reason: format!("{}: {count} {what} within {period} s, offence {offences}", scenario.name),
        reach: scenario.reach,
        since_ms: now_ms,
        until_ms: now_ms.saturating_add(millis(doubled.min(scenario.longest))),
        offences,
    }
}

/// The ban that an operator makes.
#[must_use]
pub fn by_operator(subject: Subject, reason: &str, time: Duration, now_ms: u64) -> Sanction {
    Sanction {
        id: new_id(),
        rung: Rung::Ban,
        subject,
        scenario: "operator".to_owned(),
        reason: reason.to_owned(),
        reach: Reach::All,
        since_ms: now_ms,
        until_ms: now_ms.saturating_add(millis(time)),
        offences: 0,
    }
}

/// Eight letters and digits: easy to type, and nobody meets two that are the same.
fn new_id() -> String {
    let mut bytes = [0; 4];
    // Without randomness they would still tell sanctions apart by network.
    let _unlikely = aws_lc_rs::rand::fill(&mut bytes);
    format!("{:08x}", u32::from_be_bytes(bytes))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "sanctions_tests.rs"]
mod tests;
