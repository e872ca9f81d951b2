//! A limit: how many, in what time, counted for whom.

use crate::{
    policy::{FromText, Wrong, duration},
    store::{Ask, BucketKey, Rate, Subject},
};
use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

/// A limit as a policy writes it: `10/minute per address`, `300/hour per network`, `1000/minute` for all together.
///
/// It is a bucket of `count` that refills steadily over `period`: that many may come at once, then one every `period / count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub(super) count: u32,
    /// In what time.
    pub(super) period: Duration,
    /// Counted for whom.
    pub(super) scope: Scope,
}

/// For whom a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// One address; of IPv6 a /64 network, which is what one customer gets.
    Address,
    /// A network: IPv4 /24, IPv6 /48, which is what one site gets (RFC 6177).
    Network,
    /// Everybody together.
    All,
}

/// More is no limit.
const COUNT_MAX: u32 = 1_000_000_000;
/// Longer is no rate: the buckets live in memory.
const PERIOD_MAX: Duration = Duration::from_secs(31 * 86_400);

const HELP: &str = "write \"10/minute per address\", \"300/hour per network\" or \"1000/30s\" (all together)";

impl FromText for Limit {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(format!("`{text}` {why}"), HELP);
        let (rate, scope) = text.split_once(" per ").map_or((text, None), |(rate, scope)| (rate, Some(scope.trim())));
        let scope = match scope {
            None => Scope::All,
            Some("address") => Scope::Address,
            Some("network") => Scope::Network,
            Some(_) => return Err(wrong("counts per something unknown; known are `per address` and `per network`")),
        };
        let (count, period) = rate.split_once('/').ok_or_else(|| wrong("is not a rate"))?;
        let count: u32 = count.trim().parse().map_err(|_| wrong("has no whole number before `/`"))?;
        let period = period_of(period.trim()).ok_or_else(|| wrong("has no span of time after `/`"))?;
        let sane = (1..=COUNT_MAX).contains(&count) && (Duration::from_secs(1)..=PERIOD_MAX).contains(&period);
        if sane { Ok(Self { count, period, scope }) } else { Err(wrong("is out of bounds: at least 1, in 1 second to 31 days")) }
    }
}
crate::value_from_text!(Limit);

fn period_of(text: &str) -> Option<Duration> {
    match text {
        "second" | "minute" | "hour" | "day" => duration(&format!("1{text}")),
        _ => duration(text),
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scope = match self.scope {
            Scope::Address => " per address",
            Scope::Network => " per network",
            Scope::All => "",
        };
        let period = match self.period.as_secs() {
            _ if self.period.subsec_millis() > 0 => format!("{}ms", self.period.as_millis()),
            1 => "second".to_owned(),
            60 => "minute".to_owned(),
            3_600 => "hour".to_owned(),
            86_400 => "day".to_owned(),
            seconds => format!("{seconds}s"),
        };
        write!(f, "{}/{period}{scope}", self.count)
    }
}

impl Limit {
    /// The rule's number: the same as long as the limit and its place in the policy stay the same, so that a reload
    /// neither empties nor mixes the buckets of rules that it did not touch.
    pub(super) fn rule(self, place: &str) -> u32 {
        let text = [place.as_bytes(), &[0], self.to_string().as_bytes()].concat();
        // FNV-1a: the numbers of a dozen rules need no more.
        text.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    }

    /// The question to the bucket of a client.
    pub(super) fn ask(self, rule: u32, client: IpAddr) -> Ask {
        let key = BucketKey { rule, subject: self.scope.subject(client) };
        Ask::Take { key, rate: Rate { count: self.count, period: self.period } }
    }

    /// Twice as much: what a refusal proposes.
    pub(super) fn doubled(self) -> Self {
        Self { count: self.count.saturating_mul(2).min(COUNT_MAX), ..self }
    }
}

impl Scope {
    /// The bucket of a client. An IPv4 address counts as its mapped IPv6 one, which no IPv6 client has.
    fn subject(self, client: IpAddr) -> Subject {
        match self {
            Self::All => Subject::All,
            Self::Address => Subject::customer(client),
            Self::Network => Subject::site(client),
        }
    }

    /// Whom a refusal names.
    pub(super) fn shown(self, client: IpAddr) -> String {
        let Subject::Network(first) = self.subject(client) else { return String::new() };
        let (v4, v6) = if self == Self::Address { (32, 64) } else { (24, 48) };
        let first = Ipv6Addr::from(first);
        match first.to_ipv4_mapped() {
            Some(address) if v4 == 32 => address.to_string(),
            Some(network) => format!("{network}/{v4}"),
            None => format!("{first}/{v6}"),
        }
    }
}
