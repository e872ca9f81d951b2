//! What a run found, and two runs side by side.

use serde::Serialize;

use crate::probe::{Effect, Twin, Verdict};

/// What came of one probe.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The probe's id.
    pub id: &'static str,
    /// The layer that claims to stop it; `None` when none does yet.
    pub layer: Option<&'static str>,
    /// What the attack is.
    pub title: &'static str,
    /// What it did to the target.
    pub effect: Effect,
    /// The weakness (CWE number).
    pub cwe: u32,
    /// The requirement (OWASP ASVS 5.0).
    pub asvs: &'static str,
    /// What came of the attack.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What came of its legitimate twin.
    pub twin: Twin,
}

impl Finding {
    /// Whether a layer claims to stop the attack.
    pub fn is_claimed(&self) -> bool {
        self.layer.is_some()
    }
}

/// What one run found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The attacked origin.
    pub target: String,
    /// Who allowed it, when it is not this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorized_by: Option<String>,
    /// The app's name in its description.
    pub app: String,
    /// Connections made.
    pub requests: usize,
    /// In the order of the layers.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Attacks that got through although a layer claims to stop them.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_claimed() && finding.verdict.is_success())
    }

    /// Twins that were hindered: false alarms.
    pub fn hindered(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| matches!(finding.twin, Twin::Failed { .. }))
    }

    /// Claimed attacks that were not made, so that nothing is known.
    pub fn unproved(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| {
            finding.is_claimed() && matches!(finding.verdict, Verdict::PreconditionFailed { .. } | Verdict::Skipped { .. })
        })
    }

    /// Whether no claimed attack got through and no twin was hindered.
    pub fn holds(&self) -> bool {
        self.failures().next().is_none() && self.hindered().next().is_none()
    }

    /// As JSON, for programs.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// The bare app and the guarded one.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The app as it is.
    pub bare: Report,
    /// The app behind its layers.
    pub guarded: Report,
}

impl Comparison {
    /// Puts two runs side by side. What the bare app stops by itself proves nothing about a layer, and is marked as vacuous.
    pub fn new(bare: Report, mut guarded: Report) -> Comparison {
        for finding in &mut guarded.findings {
            let alone = bare.findings.iter().find(|own| own.id == finding.id);
            if let (Some(Verdict::Stopped { evidence, .. }), true) = (alone.map(|own| &own.verdict), finding.verdict.is_stopped())
            {
                finding.verdict = Verdict::Vacuous { why: format!("the app alone stops it as well: {evidence}") };
            }
        }
        Comparison { bare, guarded }
    }

    /// Whether every claimed attack was made and stopped, and every twin passed.
    pub fn is_proved(&self) -> bool {
        self.guarded.holds() && self.guarded.unproved().next().is_none()
    }

    /// How many claimed attacks reached the bare app, and how many of those the guarded one.
    pub fn counts(&self) -> (usize, usize) {
        (self.bare.failures().count(), self.guarded.failures().count())
    }

    /// As JSON, for programs.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
