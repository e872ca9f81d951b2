//! What the engine asks of stored state, and what it is answered.
//!
//! A layer never calls a database. It asks with a handful of generic primitives that do not grow with the layers; the
//! host answers a batch at a time, from memory or from a server. "Unavailable" is an answer: each layer states what it
//! then does.

use crate::sanction::{Shown, Standing};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

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
    /// Whether one of these is under a sanction.
    Standing {
        /// Whom to look for.
        subjects: Vec<Subject>,
        /// What was shown of a challenge that may be in force.
        shown: Shown,
        /// How long the form of a challenge must be waited with, and how long its pass then holds.
        wait: Duration,
        /// See `wait`.
        pass: Duration,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Subject {
    /// Everybody together.
    All,
    /// A network, as its first address: IPv4 by /32 (an address) or /24, IPv6 by /64 or /48.
    Network(u128),
    /// What is allocated together, IPv4 /24 or IPv6 /48, where it is told from a single customer's network.
    Allocation(u128),
    /// A session, as a hash of the cookie that names it.
    Session(u64),
}

impl Subject {
    /// The network of one customer: an IPv4 address, an IPv6 /64. An IPv4 address counts as its mapped IPv6 one, which no IPv6 client has.
    #[must_use]
    pub fn customer(client: IpAddr) -> Self {
        Self::Network(masked(client, 32, 64))
    }

    /// The network of one site: IPv4 /24, IPv6 /48 (RFC 6177).
    #[must_use]
    pub fn site(client: IpAddr) -> Self {
        Self::Network(masked(client, 24, 48))
    }

    /// What the client's network was allocated with: IPv4 /24, IPv6 /48. Whoever has a /48 has 65,536 customers' networks.
    #[must_use]
    pub fn allocation(client: IpAddr) -> Self {
        Self::Allocation(masked(client, 24, 48))
    }
}

impl Subject {
    /// The first address of a network.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Network(bits) | Self::Allocation(bits) => Some(IpAddr::from(Ipv6Addr::from(bits)).to_canonical()),
            Self::All | Self::Session(_) => None,
        }
    }
}

/// The first address of a client's network, as IPv6.
fn masked(client: IpAddr, v4: u32, v6: u32) -> u128 {
    let (bits, prefix) = match client.to_canonical() {
        IpAddr::V4(address) => (address.to_ipv6_mapped().to_bits(), 96 + v4),
        IpAddr::V6(address) => (address.to_bits(), v6),
    };
    bits & (u128::MAX << (128 - prefix))
}

impl fmt::Display for Subject {
    /// A customer's network as it is written in a policy, `192.0.2.7` or `2001:db8::/64`; a session as a number that tells nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("everybody"),
            Self::Network(bits) => match Ipv6Addr::from(*bits) {
                first if first.to_ipv4_mapped().is_some() => first.to_canonical().fmt(f),
                first => write!(f, "{first}/64"),
            },
            Self::Allocation(bits) => match Ipv6Addr::from(*bits) {
                first if first.to_ipv4_mapped().is_some() => write!(f, "{}/24", first.to_canonical()),
                first => write!(f, "{first}/48"),
            },
            Self::Session(hash) => write!(f, "session {hash:016x}"),
        }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

impl TryFrom<String> for Subject {
    type Error = &'static str;

    /// Reads what [`Display`](fmt::Display) writes, and any address.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "everybody" {
            return Ok(Self::All);
        }
        if let Some(hash) = text.strip_prefix("session ").filter(|hash| hash.len() == 16) {
            return u64::from_str_radix(hash, 16).map(Self::Session).map_err(|_| "not the number of a session");
        }
        let (address, of): (&str, fn(IpAddr) -> Self) = match text.split_once('/') {
            Some((address, "32")) if !address.contains(':') => (address, Self::customer),
            Some((address, "64")) if address.contains(':') => (address, Self::customer),
            Some((address, "24")) if !address.contains(':') => (address, Self::allocation),
            Some((address, "48")) if address.contains(':') => (address, Self::allocation),
            Some(_) => {
                return Err(
                    "no network of this size is banned: write an address such as 192.0.2.7, or a network: 192.0.2.0/24, 2001:db8::/64 or 2001:db8::/48",
                );
            }
            None => (&text, Self::customer),
        };
        address.parse().map(of).map_err(|_| "write an address such as 192.0.2.7 or 2001:db8::7")
    }
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What the bucket says.
    Taken(Taken),
    /// The sanctions of the subjects; `None` when there is none, which is nearly always.
    Standing(Option<Box<Standing>>),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_as_they_are_written() {
        for (text, written) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:0:1:2::7", "2001:db8:0:1::/64"),
            ("2001:db8:0:1::/64", "2001:db8:0:1::/64"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("2001:db8:0:1::7/48", "2001:db8::/48"),
            ("session 00000000000000ff", "session 00000000000000ff"),
            ("everybody", "everybody"),
        ] {
            let subject = Subject::try_from(text.to_owned()).unwrap();
            assert_eq!(subject.to_string(), written);
            assert_eq!(Subject::try_from(written.to_owned()), Ok(subject));
        }
        for text in ["", "192.0.2.0/16", "2001:db8::/56", "2001:db8::/24", "alice", "session x", "::/0", "192.0.2.7/64"] {
            assert!(Subject::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
