//! The rules of the gateway itself, recorded under the layer `protocol`.

use gambeson_core::layers::Rule;

const APP: &str =
    "An app that fails must not take its users' browsers or the gateway with it; each way of failing has its own name.";

/// What the gateway refuses or answers by while it reads a request or waits for the app. What its reader finds in the bytes
/// of a request has its own list, [`gambeson_wire::Fault::ALL`].
pub const RULES: &[Rule] = &[
    Rule {
        name: "head-timeout",
        about: "The head took longer than `protocol.head_time`: 408.",
        why: "A client that drips its head holds a place (CWE-400, slowloris).",
    },
    Rule {
        name: "body-too-slow",
        about: "The body paused longer than `protocol.body_grace` and came slower than `protocol.body_rate`: 408.",
        why: "A client that drips its body holds a worker of the app (CWE-400).",
    },
    Rule {
        name: "body-no-room",
        about: "More is held of bodies that have not come to their end than a client, or all together, may take: 503.",
        why: "Values that are never sent to their end, over hundreds of connections, would fill the memory (CWE-770).",
    },
    Rule { name: "app-unreachable", about: "The app cannot be reached at `app.upstream`: 502.", why: APP },
    Rule { name: "app-connect-timeout", about: "Connecting to the app took longer than `upstream.connect`: 504.", why: APP },
    Rule { name: "app-busy", about: "More requests wait for the app than `upstream.connections` lets through: 503.", why: APP },
    Rule { name: "app-no-answer", about: "The app closed the connection without an answer: 502.", why: APP },
    Rule { name: "app-timeout", about: "The app took longer than `upstream.response` to begin its answer: 504.", why: APP },
    Rule {
        name: "app-malformed",
        about: "The app's answer can be read in more than one way: 502.",
        why: "A browser or cache that reads it otherwise can be made to mix up answers (response splitting, CWE-113, CWE-444).",
    },
    Rule { name: "app-broke-off", about: "The app broke off in the middle of its answer.", why: APP },
    Rule { name: "app-stalled", about: "The app paused longer than `upstream.idle` in the middle of its answer.", why: APP },
];

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn every_rule_in_the_sources_is_listed() {
        let sources =
            [include_str!("upstream.rs"), include_str!("h1.rs"), include_str!("pace.rs"), include_str!("held.rs")].concat();
        let code = sources.lines().filter(|line| !line.trim_start().starts_with("//"));
        let literals = code.flat_map(|line| line.split('"').skip(1).step_by(2));
        let is_rule = |text: &&str| {
            let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            plain && (text.starts_with("app-") || text.starts_with("head-") || text.starts_with("body-"))
        };
        let found: Vec<&str> = literals.filter(is_rule).collect();
        assert!(found.len() >= RULES.len());
        for rule in &found {
            assert!(RULES.iter().any(|listed| listed.name == *rule), "{rule}");
        }
    }
}
