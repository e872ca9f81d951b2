//! When to order: for each host, from its certificate, the server's wish (RFC 9773) and past failures.

use super::super::host::Host;
use super::super::pem::{Facts, Loaded};
use super::storage::{Failures, Storage};
use super::{Challenge, Settings};

const MINUTE_SECS: i64 = 60;
const HOUR_SECS: i64 = 60 * MINUTE_SECS;

/// First wait after a failure; doubled with each further one. Let's Encrypt allows 5 failed validations of a host
/// in an hour: 5, 10, 20 and 40 minutes stay below.
const BACKOFF_SECS: i64 = 5 * MINUTE_SECS;
/// Longest wait: at least four attempts a day while a certificate runs out.
const BACKOFF_SECS_MAX: i64 = 6 * HOUR_SECS;
/// Longest wait after a start: keeps a service that crashes in a loop from hammering the server, and one that was
/// restarted to mend something from waiting for hours.
const RESTART_WAIT_SECS: i64 = 15 * MINUTE_SECS;
/// Shortest wait after the server has said "too many".
const RATE_LIMIT_SECS: i64 = HOUR_SECS;
/// Bounds for how soon the server may be asked again for its wish (RFC 9773 section 4.3.3).
const ASK_AGAIN_SECS: std::ops::RangeInclusive<i64> = MINUTE_SECS..=24 * HOUR_SECS;

/// What the server suggests for a certificate, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Seconds after which to ask again.
    pub(super) ask_again: i64,
}

/// The plan of one host. Moments in seconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    renew_at: i64,
    ask_at: i64,
    failures: Failures,
    /// Chosen once, 0 to 65535: spreads the renewals of many gateways, without moving at every look.
    dice: u16,
}

impl Plan {
    /// The plan after a start of the process, or after a change of its settings: whoever changes them has mended
    /// something, and wants to see it tried.
    pub(super) fn load(storage: &Storage, host: &Host, is_start: bool) -> Self {
        let mut failures = storage.failures(host);
        let patience = if is_start { RESTART_WAIT_SECS } else { 0 };
        failures.retry_at = failures.retry_at.min(super::unix_now() + patience);
        let mut dice = [0; 2];
        let _ = getrandom::fill(&mut dice); // only spreads load: zero is as good
        let dice = u16::from_le_bytes(dice);
        let renew_at = storage.current(host).map_or(0, |current| by_lifetime(&current.facts, dice));
        Self { renew_at, ask_at: 0, failures, dice }
    }

    /// Whether there is a reason to talk to the server.
    pub(super) fn needs_a_look(&self, now: i64) -> bool {
        now >= self.failures.retry_at && (now >= self.renew_at || now >= self.ask_at)
    }

    pub(super) fn is_due(&self, now: i64) -> bool {
        now >= self.renew_at
    }

    /// Takes up the certificate in use and the server's wish for it; without one, two thirds of the lifetime.
    pub(super) fn follow(&mut self, current: &Loaded, window: Option<Window>) {
        let now = super::unix_now();
        let (renew_at, ask_again) = match window {
            Some(window) => (within(window, self.dice), window.ask_again),
            None => (by_lifetime(&current.facts, self.dice), *ASK_AGAIN_SECS.end()),
        };
        self.renew_at = renew_at;
        self.ask_at = now + ask_again.clamp(*ASK_AGAIN_SECS.start(), *ASK_AGAIN_SECS.end());
    }

    pub(super) fn succeeded(&mut self, storage: &Storage, host: &Host) {
        storage.store_failures(host, Failures::default());
        *self = Self::load(storage, host, false);
    }

    /// Notes a failure: how many in a row, and when to try again.
    pub(super) fn failed(&mut self, storage: &Storage, host: &Host, rate_limited: bool, now: i64) -> (u32, i64) {
        let count = self.failures.count.saturating_add(1);
        let least = if rate_limited { RATE_LIMIT_SECS } else { 0 };
        let retry_at = now + backoff(count, self.dice).max(least);
        self.failures = Failures { count, retry_at };
        storage.store_failures(host, self.failures);
        (count, retry_at)
    }

    /// The proofs of the policy in turn: where one port is closed, the other may be open.
    pub(super) fn challenge(&self, settings: &Settings) -> Option<Challenge> {
        let turn = self.failures.count as usize % settings.challenges.len().max(1);
        settings.challenges.get(turn).copied()
    }
}

/// Two thirds of the lifetime, and up to a twelfth more.
fn by_lifetime(facts: &Facts, dice: u16) -> i64 {
    let spread = facts.not_after.saturating_sub(facts.not_before) / 12;
    facts.renewal_due().saturating_add(scaled(spread, dice))
}

/// A point in the window, uniformly (RFC 9773 section 4.2).
fn within(window: Window, dice: u16) -> i64 {
    window.start.saturating_add(scaled(window.end.saturating_sub(window.start).max(0), dice))
}

/// Doubled with each failure, up to a tenth longer by chance.
fn backoff(failures: u32, dice: u16) -> i64 {
    let doubled = BACKOFF_SECS << failures.saturating_sub(1).min(16);
    let wait = doubled.min(BACKOFF_SECS_MAX);
    wait + scaled(wait / 10, dice)
}

fn scaled(range: i64, dice: u16) -> i64 {
    (i128::from(range) * i128::from(dice) / i128::from(u16::MAX)).try_into().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_SECS: i64 = 24 * HOUR_SECS;

    #[test]
    fn renewal_falls_between_two_and_three_quarters_of_the_lifetime() {
        for days in [6, 45, 90] {
            let facts = Facts { names: Vec::new(), issuer: String::new(), not_before: 0, not_after: days * DAY_SECS };
            assert_eq!(by_lifetime(&facts, 0), days * DAY_SECS / 3 * 2);
            assert_eq!(by_lifetime(&facts, u16::MAX), days * DAY_SECS / 4 * 3);
        }
    }

    #[test]
    fn the_wish_of_the_server_is_followed_also_when_it_is_for_now() {
        let window = Window { start: 100, end: 200, ask_again: 0 };
        assert_eq!((within(window, 0), within(window, u16::MAX)), (100, 200));
        assert_eq!(within(Window { start: 200, end: 100, ..window }, 9), 200, "an impossible window");
    }

    #[test]
    fn waits_grow_to_a_limit() {
        let waits: Vec<_> = (1..=9).map(|failures| backoff(failures, 0) / MINUTE_SECS).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 360, 360]);
        assert!(backoff(u32::MAX, u16::MAX) <= BACKOFF_SECS_MAX * 11 / 10);
    }
}
