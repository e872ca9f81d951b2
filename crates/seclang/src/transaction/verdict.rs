//! What the rules say of an exchange.

use crate::error::Place;
use crate::transform::Transform;
use std::fmt;

/// Everything the rules said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What the exchange was ended with, if it was.
    pub interruption: Option<Interruption>,
    /// The rules that matched and log, in order.
    pub matches: Vec<Match>,
}

/// The end of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interruption {
    /// The rule that ended it; 0 when a limit of the settings did.
    pub rule: u64,
    /// The phase, 1 to 4.
    pub phase: u8,
    /// What is to be done.
    pub action: Refusal,
}

/// How an exchange ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// With this status.
    Deny(u16),
    /// Without an answer.
    Drop,
    /// With this status, elsewhere.
    Redirect(u16, Vec<u8>),
}

/// A rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Its id.
    pub rule: u64,
    /// Its phase.
    pub phase: u8,
    /// Where it stands.
    pub at: Place,
    /// Its message.
    pub msg: String,
    /// What it says to log.
    pub logdata: String,
    /// The name of the value that matched, such as `ARGS:q`.
    pub variable: String,
    /// The beginning of that value, as the condition saw it.
    pub value: Vec<u8>,
    /// What was done to the value before.
    pub transforms: Vec<Transform>,
    /// Its tags.
    pub tags: Vec<String>,
    /// 0 (emergency) to 7 (debug).
    pub severity: Option<u8>,
}

/// One line, in the form the tools around SecLang expect to find in an error log.
impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ");
        write!(f, "[file \"{}\"] [line \"{}\"] [id \"{}\"]", self.at.file, self.at.line, self.rule)?;
        write!(f, " [msg \"{}\"] [data \"{}\"]", quoted(&self.msg), quoted(&self.logdata))?;
        if let Some(severity) = self.severity {
            write!(f, " [severity \"{severity}\"]")?;
        }
        for tag in &self.tags {
            write!(f, " [tag \"{}\"]", quoted(tag))?;
        }
        Ok(())
    }
}
