//! Reports in SARIF 2.1.0 (OASIS), which code hosts and editors show.

use serde_json::{Value, json};

use crate::probe::Verdict;
use crate::probes;
use crate::report::{Finding, Report};

/// The file of the sources that findings are shown at. Code hosts refuse a whole report that names an address instead,
/// and the policy is where most findings are mended.
const PLACE: &str = "gambeson.toml";

impl Report {
    /// The report as SARIF 2.1.0: an attack that got through is an error, one that no layer claims yet a warning.
    pub fn sarif(&self) -> String {
        let log = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "gambeson attack",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": probes::all().map(rule).collect::<Vec<_>>(),
                }},
                "properties": { "authorizedBy": self.authorized_by },
                "results": self.findings.iter().map(|finding| result(finding, &self.target)).collect::<Vec<_>>(),
            }],
        });
        serde_json::to_string_pretty(&log).unwrap_or_default()
    }
}

fn rule(probe: &crate::Probe) -> Value {
    json!({
        "id": probe.id,
        "shortDescription": { "text": probe.title },
        "properties": { "tags": [format!("external/cwe/cwe-{}", probe.cwe), format!("ASVS-5.0-{}", probe.asvs)], "effect": probe.effect },
    })
}

fn result(finding: &Finding, target: &str) -> Value {
    let (kind, level) = match (&finding.verdict, finding.is_claimed()) {
        (Verdict::Succeeded { .. }, true) => ("fail", "error"),
        (Verdict::Succeeded { .. }, false) => ("fail", "warning"),
        (Verdict::Stopped { .. }, _) => ("pass", "none"),
        (Verdict::Vacuous { .. }, _) => ("review", "none"),
        (Verdict::PreconditionFailed { .. } | Verdict::Skipped { .. }, _) => ("notApplicable", "none"),
    };
    json!({
        "ruleId": finding.id,
        "kind": kind,
        "level": level,
        "message": { "text": format!("{}: {}. {}", finding.title, finding.verdict.word(), finding.verdict.evidence()) },
        "locations": [{
            "physicalLocation": { "artifactLocation": { "uri": PLACE }, "region": { "startLine": 1 } },
            "logicalLocations": [{ "fullyQualifiedName": format!("{target}/"), "kind": "resource" }],
        }],
        "properties": { "reference": finding.verdict.reference(), "twin": finding.twin },
    })
}
