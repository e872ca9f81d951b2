//! What is written down.

mod policy;

pub use policy::{AuditLog, SECTION, Sync};

use crate::{
    layers::{Layer, Rule},
    policy::{LayerName, Mode, Modes},
    record::{Action, Finding},
};

/// It refuses, answers and changes nothing: it has no rules.
pub const RULES: &[Rule] = &[];

impl Layer for AuditLog {
    fn name(&self) -> LayerName {
        LayerName::AuditLog
    }
}

impl AuditLog {
    /// Whether an exchange with these findings is written down. Answers a layer gives in the ordinary course (a preflight,
    /// a redirect) are no finding, but those it would give if it did not only report are.
    pub(crate) fn wants(&self, modes: Modes, findings: &[Finding]) -> bool {
        let found = self.all || findings.iter().any(|finding| finding.action != Action::Answer || finding.mode == Mode::Report);
        found && modes.get(LayerName::AuditLog) != Mode::Off
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Ask, engine};

    #[test]
    fn what_is_recorded_is_the_policys_choice() {
        let recorded = |policy: &str, ask: Ask| ask.to(&engine(policy)).recorded;
        let refused = || Ask::get("/../etc/passwd");
        let plain = || Ask::get("/").plain();
        assert!(recorded("", refused()));
        assert!(!recorded("", Ask::get("/")) && !recorded("", plain()), "neither an ordinary exchange nor a redirect");
        assert!(recorded("[transport]\nmode = \"report\"", plain()), "a redirect that is only reported");
        for ask in [refused(), Ask::get("/"), plain()] {
            assert!(recorded("[audit_log]\nrecord = \"all\"", ask));
        }
        assert!(!recorded("[audit_log]\nmode = \"off\"\nrecord = \"all\"", refused()));
    }
}
