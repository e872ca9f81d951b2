//! How long and how much: what the data path needs of the policy, at hand.

use crate::pace::Pace;
use gambeson_core::policy::Policy;
use gambeson_wire::Limits;
use std::time::Duration;

/// Deadlines and bounds of a client's connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timings {
    /// To the first byte of the first request, TLS included.
    pub(crate) first_byte: Duration,
    /// From the first byte of a head to its last.
    pub(crate) head: Duration,
    /// Between two requests.
    pub(crate) keep_alive: Duration,
    /// How long a body may be silent before its bytes buy time.
    pub(crate) body_grace: Duration,
    /// The slowest a body may come.
    pub(crate) body_bytes_per_second_min: u32,
    /// How long the other end may take nothing while we write.
    pub(crate) stall: Duration,
    /// How long we read on after our last answer.
    pub(crate) linger: Duration,
    /// How long the app may pause in an answer.
    pub(crate) app_idle: Duration,
    /// The same for WebSockets and event streams.
    pub(crate) stream_idle: Duration,
    /// How long open exchanges may take to end at a stop.
    pub(crate) drain: Duration,
    /// How long a connection without a request is still listened to at a stop.
    pub(crate) drain_idle: Duration,
    /// Requests at a time on one HTTP/2 connection.
    pub(crate) streams_max: u32,
    /// Bounds of a head.
    pub(crate) wire: Limits,
}

impl Timings {
    pub(crate) fn new(policy: &Policy) -> Self {
        let upstream = &policy.upstream.timeouts;
        let (client, head) = (&policy.layers.protocol.deadlines, &policy.layers.protocol.limits);
        Self {
            first_byte: client.first_byte,
            head: client.head,
            keep_alive: client.keep_alive,
            body_grace: client.body_grace,
            body_bytes_per_second_min: client.body_bytes_per_second_min,
            stall: client.send_stall,
            linger: Duration::from_secs(2),
            app_idle: upstream.idle,
            stream_idle: upstream.stream_idle,
            drain: policy.listen.drain,
            drain_idle: Duration::from_secs(1),
            streams_max: policy.layers.protocol.http2.streams_max,
            wire: Limits {
                head_bytes_max: head.head_bytes_max,
                target_bytes_max: head.target_bytes_max,
                headers_max: head.headers_max,
                header_bytes_max: head.header_bytes_max,
                ..Limits::default()
            },
        }
    }

    /// The slowest an answer may be taken, where the client says itself how much it takes.
    pub(crate) const fn send_pace(&self) -> Pace {
        Pace::new(self.stall, self.body_bytes_per_second_min)
    }

    pub(crate) const fn pace(&self) -> Pace {
        Pace::new(self.body_grace, self.body_bytes_per_second_min)
    }
}
