//! What of a policy a host inside the app's own process cannot enforce, because the server in front of it has done that
//! part of the work already. Said once at start, so that nobody believes in a defence that is not there.

use super::{Policy, Recording};
use crate::layers::Rule;

/// A section, or some keys of one, that a host in the app's process enforces not at all or not in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The section.
    pub section: &'static str,
    /// The keys of it; all of them when empty.
    pub keys: &'static [&'static str],
    /// Why not, in one sentence.
    pub why: &'static str,
}

impl Gap {
    /// As it is called in reports: `listen`, `protocol (head, idle)`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.keys.is_empty() { self.section.to_owned() } else { format!("{} ({})", self.section, self.keys.join(", ")) }
    }
}

/// Everything that only the gateway enforces, or that holds there in full and in process in part.
pub const IN_PROCESS_GAPS: &[Gap] = &[
    Gap {
        section: "listen",
        keys: &["https", "http", "admin", "connections", "connections_per_address", "workers", "drain"],
        why: "the app's own server listens, counts connections and stops.",
    },
    Gap {
        section: "upstream",
        keys: &["connect", "response", "idle", "stream_idle", "connections", "keep_idle"],
        why: "the app is called, not connected to, and a call cannot be ended from outside.",
    },
    Gap {
        section: "transport",
        keys: &["profile", "certificate", "acme", "client_certificates"],
        why: "TLS ends at the server in front; only the scheme it tells is known.",
    },
    Gap {
        section: "protocol",
        keys: &["first_byte", "head_time", "body_rate", "body_grace", "keep_alive", "send_stall", "http2", "http2_streams"],
        why: "the app's own server reads and writes the connection, at its own pace and by its own reading of HTTP.",
    },
    Gap {
        section: "protocol",
        keys: &["odd_headers"],
        why: "`X_User` and `X-User` are one variable before they are seen: use a server that drops the former (gunicorn and \
              waitress do), and repeated fields are one.",
    },
    Gap {
        section: "protocol",
        keys: &["encoded_slashes"],
        why: "paths are decoded before they are seen, unless the server keeps the target as sent (REQUEST_URI, RAW_URI).",
    },
    Gap {
        section: "response",
        keys: &["slow", "nftables"],
        why: "a call that waits would hold one of the server's few workers, so who shall be slow is let in once in that time and refused \
              otherwise; each process counts for itself, only bans are shared.",
    },
    Gap { section: "rate_limit", keys: &[], why: "each process counts for itself: with four workers, four times as many pass." },
    Gap { section: "alert", keys: &[], why: "only the gateway has one thread that tells for all." },
    Gap { section: "record", keys: &[], why: "only the gateway has one thread that writes for all." },
    Gap { section: "route", keys: &["response"], why: "a call cannot be ended from outside." },
];

/// What a host in the app's own process refuses or answers by itself, recorded under the layer `protocol`.
pub const IN_PROCESS_RULES: &[Rule] = &[
    Rule {
        name: "environ",
        about: "The server in front handed over a request that cannot be one, such as a method that is no token: 400.",
        why: "What a server read leniently the app would read in its own way (CWE-436; PEP 3333).",
    },
    Rule {
        name: "app-failed",
        about: "The app raised an exception that it did not catch: 500, the exception goes to Python's logging.",
        why: "A server in development shows the traceback to whoever asked (CWE-209).",
    },
];

impl Policy {
    /// The same policy for a host inside the app's own process. The gateway's addresses are not there, so plain HTTP is
    /// sent to HTTPS only where `listen.public_port` says at which port that is.
    #[must_use]
    pub fn in_process(mut self) -> Self {
        self.layers.transport.redirect_to(self.listen.public_port);
        self.record = Recording::default();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::IN_PROCESS_GAPS;
    use crate::{
        engine::Engine,
        policy::{Policy, SECTIONS},
        testing::Ask,
    };

    #[test]
    fn nobody_is_sent_to_a_gateway_that_is_not_there() {
        let location = |policy: &str| {
            let policy = Policy::parse(policy).unwrap().in_process();
            Ask::get("/a").plain().to(&Engine::new(policy.into())).header("location").map(str::to_owned)
        };
        assert_eq!(location(""), None);
        assert_eq!(location("[listen]\npublic_port = 443").as_deref(), Some("https://localhost/a"));
        assert_eq!(location("[listen]\npublic_port = 443\n[transport]\nredirect = false"), None);
    }

    #[test]
    fn every_gap_names_what_exists() {
        for gap in IN_PROCESS_GAPS {
            let section = SECTIONS.iter().find(|section| section.name == gap.section);
            let section = section.unwrap_or_else(|| panic!("no section {}", gap.section));
            for key in gap.keys {
                assert!(section.key(key).is_some(), "no key {}.{key}", gap.section);
            }
        }
    }
}
