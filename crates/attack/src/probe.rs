//! What a probe is and what it can find.

use serde::Serialize;

use crate::context::Context;
use crate::http::Response;

/// The layers of the policy, each with a file of probes of the same name.
pub const LAYERS: [&str; 11] = [
    "transport",
    "protocol",
    "response",
    "rate_limit",
    "cors",
    "csrf",
    "intrusion",
    "disclosure",
    "cookies",
    "headers",
    "audit_log",
];

/// What an attack does to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Reads what any visitor reads.
    Passive,
    /// Sends hostile or malformed requests, and changes data in accounts named for it.
    Active,
    /// Loads the target: many requests or held connections.
    Intrusive,
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Effect::Passive => "passive",
            Effect::Active => "active",
            Effect::Intrusive => "intrusive",
        })
    }
}

/// What came of an attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It failed, and this is how that is known.
    Stopped {
        /// What was seen: the refusal, or the data that did not come.
        evidence: String,
        /// The status of the answer, where an answer stopped it.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// The id under which the refusal is in the log.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// It worked, and this was read back as proof.
    Succeeded {
        /// The data read back.
        evidence: String,
    },
    /// It could not be made, so nothing is known.
    PreconditionFailed {
        /// What was missing.
        why: String,
    },
    /// It fails even without the defence: its failing proves nothing.
    Vacuous {
        /// How that is known.
        why: String,
    },
    /// Its effect is above what was allowed.
    Skipped {
        /// Which effect.
        why: String,
    },
}

impl Verdict {
    pub(crate) fn succeeded(evidence: impl Into<String>) -> Verdict {
        Verdict::Succeeded { evidence: evidence.into() }
    }

    /// Stopped without an answer of the server: by what a browser would do, or by silence.
    pub(crate) fn stopped(evidence: impl Into<String>) -> Verdict {
        Verdict::Stopped { evidence: evidence.into(), status: None, reference: None }
    }

    /// Stopped, and this was the answer.
    pub(crate) fn refused(response: &Response, evidence: impl Into<String>) -> Verdict {
        Verdict::Stopped {
            evidence: evidence.into(),
            status: Some(response.status),
            reference: response.reference().map(str::to_owned),
        }
    }

    /// Whether the attack got through.
    pub fn is_success(&self) -> bool {
        matches!(self, Verdict::Succeeded { .. })
    }

    /// Whether the attack was stopped.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Verdict::Stopped { .. })
    }

    /// One word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Stopped { .. } => "stopped",
            Verdict::Succeeded { .. } => "SUCCEEDED",
            Verdict::PreconditionFailed { .. } => "not possible",
            Verdict::Vacuous { .. } => "vacuous",
            Verdict::Skipped { .. } => "skipped",
        }
    }

    /// The reason in words.
    pub fn evidence(&self) -> &str {
        match self {
            Verdict::Stopped { evidence, .. } | Verdict::Succeeded { evidence } => evidence,
            Verdict::PreconditionFailed { why } | Verdict::Vacuous { why } | Verdict::Skipped { why } => why,
        }
    }

    /// The id under which a refusal is in the log.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Verdict::Stopped { reference, .. } => reference.as_deref(),
            _ => None,
        }
    }
}

/// What came of the legitimate traffic that resembles an attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Twin {
    /// It passed, and its effect was read back.
    Passed,
    /// It was hindered: the defence costs a real visitor something.
    Failed {
        /// What did not work.
        why: String,
    },
    /// It could not be made, or was not asked for.
    Unknown {
        /// What was missing.
        why: String,
    },
}

impl Twin {
    /// Passed if `worked`, else failed because of `response`.
    pub(crate) fn of(worked: bool, response: &Response, what: &str) -> Twin {
        if worked {
            return Twin::Passed;
        }
        let reference = response.reference().map(|id| format!(", reference {id}")).unwrap_or_default();
        Twin::Failed { why: format!("{what}: status {}{reference}", response.status) }
    }
}

/// Why an attack or twin could not be made.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

impl From<crate::Error> for Failed {
    fn from(error: crate::Error) -> Failed {
        Failed(error.to_string())
    }
}

/// One attack with its legitimate twin.
pub struct Probe {
    /// `layer/name`, never changed once published.
    pub id: &'static str,
    /// What the attack is, in a few words.
    pub title: &'static str,
    /// What it does to the target.
    pub effect: Effect,
    /// The weakness it uses (CWE number).
    pub cwe: u32,
    /// The requirement it tests (OWASP ASVS 5.0).
    pub asvs: &'static str,
    pub(crate) attack: fn(&mut Context<'_>) -> Result<Verdict, Failed>,
    pub(crate) twin: fn(&mut Context<'_>) -> Result<Twin, Failed>,
}

impl Probe {
    /// The layer that claims to stop it; `None` when none does yet.
    pub fn layer(&self) -> Option<&'static str> {
        let layer = self.id.split('/').next().unwrap_or_default();
        LAYERS.into_iter().find(|own| *own == layer)
    }

    pub(crate) fn run(&self, context: &mut Context<'_>) -> Verdict {
        (self.attack)(context).unwrap_or_else(|Failed(why)| Verdict::PreconditionFailed { why })
    }

    pub(crate) fn run_twin(&self, context: &mut Context<'_>) -> Twin {
        (self.twin)(context).unwrap_or_else(|Failed(why)| Twin::Unknown { why })
    }
}
