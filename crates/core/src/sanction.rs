//! What a client earns by what it does: charges, which fill the buckets of scenarios, and sanctions, which follow when one
//! runs over. The layer [`response`](crate::layers::response) makes the charges and applies the sanctions; a host's store counts in between.

use crate::store::Subject;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// A step of the ladder, in the order of its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// Every request of it is written down.
    Log,
    /// Every request of it waits a little.
    Slow,
    /// It must confirm on a page of ours before it may go on.
    Challenge,
    /// Its session is taken away: it must log in again.
    EndSession,
    /// It is refused.
    Block,
    /// It is refused, and that survives a restart.
    Ban,
}

impl Rung {
    /// Every rung, the lightest first.
    pub const ALL: [Self; 6] = [Self::Log, Self::Slow, Self::Challenge, Self::EndSession, Self::Block, Self::Ban];
    /// Their names, in the same order.
    pub const NAMES: [&str; 6] = ["log", "slow", "challenge", "end-session", "block", "ban"];

    /// Its name, as in the policy and in every report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Slow => "slow",
            Self::Challenge => "challenge",
            Self::EndSession => "end-session",
            Self::Block => "block",
            Self::Ban => "ban",
        }
    }

    /// The rung that this one is for a subject: a network has no session to end, and a session is ended instead of banned.
    #[must_use]
    pub const fn fit(self, subject: Subject) -> Self {
        match (self, subject) {
            (Self::EndSession, Subject::Network(_) | Subject::Allocation(_) | Subject::All) => Self::Block,
            (Self::Ban, Subject::Session(_)) => Self::EndSession,
            (rung, _) => rung,
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a sanction reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Every request.
    #[default]
    All,
    /// Requests to where people log in: whoever shares the network and is logged in already notices nothing.
    Login,
}

/// When something done often enough earns a sanction, and which.
#[derive(Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name, as in the policy and in every report.
    pub name: String,
    /// How many, in units of [`Charge::UNIT`]; of distinct values, how many of them.
    pub count: u32,
    /// In what time.
    pub period: Duration,
    /// The sanctions of the first offence and those after it.
    pub ladder: Vec<Rung>,
    /// How long the first sanction lasts; each one after it twice as long.
    pub duration: Duration,
    /// How long a sanction lasts at most.
    pub longest: Duration,
    /// How long after the end of a sanction the next offence is a first one again.
    pub forget: Duration,
    /// How far its sanctions reach.
    pub reach: Reach,
}

/// What one exchange counts in one bucket.
#[derive(Debug, Clone)]
pub struct Charge {
    /// The scenario whose bucket it is.
    pub scenario: Arc<Scenario>,
    /// Whose bucket it is.
    pub subject: Subject,
    /// How much it counts, in units of which [`Self::UNIT`] are one.
    pub weight: u32,
    /// Of a scenario that counts distinct values: what kind of values, and this one, both as hashes.
    pub distinct: Option<(u64, u64)>,
    /// The heaviest sanction that may follow: what a foreign page can make a visitor's browser send must not cost the visitor more.
    pub worst: Rung,
    /// Whether a ban that follows is kept over a restart: not where the layer only reports.
    pub is_kept: bool,
}

impl Charge {
    /// The weight of one whole occurrence.
    pub const UNIT: u32 = 4;
}

/// A sanction in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sanction {
    /// Its name, by which it can be lifted.
    pub id: String,
    /// What is done.
    pub rung: Rung,
    /// Whom it is for.
    pub subject: Subject,
    /// Which scenario it comes from; `operator` when a person made it.
    pub scenario: String,
    /// Why, in a sentence for the operator.
    pub reason: String,
    /// How far it reaches.
    #[serde(default)]
    pub reach: Reach,
    /// When it began, in milliseconds since 1970.
    pub since_ms: u64,
    /// When it ends.
    pub until_ms: u64,
    /// How often the subject has offended, this time included.
    #[serde(default)]
    pub offences: u32,
}

/// What a client shows of the page that lets it go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// The cookie it got when it passed.
    pub pass: Option<String>,
    /// The form's token, sent back.
    pub token: Option<String>,
}

/// What that is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// Nothing: this token goes into the form.
    Owed(String),
    /// The token came back too soon: this one goes into the form, the time has to be waited for.
    Hasty(String),
    /// The token came back in time: this is the cookie.
    Earned(String),
    /// The cookie holds.
    Held,
}

/// What is known of the subjects of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Every sanction in force, the heaviest first.
    pub sanctions: Vec<Sanction>,
    /// What the client's pass is worth; `None` where no challenge is in force.
    pub pass: Option<Pass>,
    /// When it was asked, in milliseconds since 1970.
    pub now_ms: u64,
}

impl Sanction {
    /// How long it is still in force, in whole seconds; at least one.
    #[must_use]
    pub fn seconds_left(&self, now_ms: u64) -> u64 {
        self.until_ms.saturating_sub(now_ms).div_ceil(1000).max(1)
    }

    /// How long its challenge must be waited with: whoever is challenged again and again waits longer each time, up to sixteen
    /// times, so that a program which passes them all gets ever less done.
    #[must_use]
    pub fn patience(&self, wait: Duration) -> Duration {
        wait.saturating_mul(1 << self.offences.saturating_sub(2).min(4))
    }

    /// When it ends, as people read it, in UTC.
    #[must_use]
    pub fn end(&self) -> String {
        let end = i64::try_from(self.until_ms / 1000).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        end.map_or_else(|| "the end of time".to_owned(), |end| end.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_order_agree() {
        for (rung, name) in Rung::ALL.into_iter().zip(Rung::NAMES) {
            assert_eq!((rung.as_str(), serde_json::to_value(rung).unwrap()), (name, name.into()));
        }
        assert!(Rung::ALL.is_sorted());
    }

    #[test]
    fn a_network_has_no_session_and_a_session_no_network() {
        assert_eq!(Rung::EndSession.fit(Subject::Network(1)), Rung::Block);
        assert_eq!(Rung::Ban.fit(Subject::Session(1)), Rung::EndSession);
        assert_eq!(Rung::Ban.fit(Subject::Network(1)), Rung::Ban);
    }
}
