//! What the engine asks of stored state, and what it is answered.
//!
//! A layer never calls a database. It asks with a handful of generic primitives that do not grow with the layers; the
//! host answers a batch at a time, from memory or from a server. "Unavailable" is an answer: each layer states what it
//! then does.

use std::time::Duration;

/// A question to stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Take from a bucket that refills steadily (GCRA, the "leaky bucket as a meter").
    Take {
        /// Which bucket.
        key: BucketKey,
        /// How it refills.
        rate: Rate,
    },
}

/// Which bucket: the rule it belongs to and whom or what it counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketKey {
    /// The rule, so that two rules never share a bucket.
    pub rule: u32,
    /// Whom or what is counted: an address, a network, a user.
    pub subject: Subject,
}

/// Whom or what a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Everybody together.
    All,
    /// A network, as its first address: IPv4 by /32 (an address) or /24, IPv6 by /64 or /48.
    Network(u128),
}

/// A steady rate with a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many in a period, and how many at once.
    pub count: u32,
    /// The period.
    pub period: Duration,
}

/// The answer to an [`Ask`], in the same place of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// What the bucket says.
    Taken(Taken),
    /// The store did not answer.
    Unavailable,
}

/// What a bucket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whether there was something to take.
    pub allowed: bool,
    /// How many are left now.
    pub remaining: u32,
    /// How long until the bucket is full again.
    pub reset_after: Duration,
    /// How long until one can be taken; zero when allowed.
    pub retry_after: Duration,
}
