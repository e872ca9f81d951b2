//! What the audit log holds: exchanges, what happened to the gateway, and what happened to the log itself.

use gambeson_core::record::Record;
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Event {
    /// A request and what became of it.
    Exchange(Box<Record>),
    /// Something about the gateway: started, policy reloaded, stopped (ASVS 5.0 16.3).
    Notice {
        /// What, in one or two words.
        what: String,
        /// With what, for a person.
        detail: String,
    },
    /// The first line of a file. Its `prev` is the last hash of the file before.
    Opened {
        /// The process that began the file.
        process: u32,
        /// The number of the first line of the oldest file still kept: an older start is retention, a later one is theft.
        oldest: u64,
    },
    /// Records that never reached the log.
    Lost {
        /// How many.
        count: u64,
        /// Why.
        why: String,
    },
    /// The log was found damaged and went on.
    Recovered {
        /// What was found.
        why: String,
        /// Bytes of an unfinished last line that were cut off.
        #[serde(skip_serializing_if = "is_zero", default)]
        cut_bytes: u64,
        /// Lines that were written once and were not found again.
        #[serde(skip_serializing_if = "is_zero", default)]
        missing: u64,
    },
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Event {
    /// A notice about the gateway.
    #[must_use]
    pub fn notice(what: &str, detail: impl Into<String>) -> Self {
        Self::Notice { what: what.to_owned(), detail: detail.into() }
    }

    /// Roughly how much memory it takes, in bytes: what the queue is measured by.
    pub(crate) fn weight(&self) -> usize {
        const FIXED: usize = 256;
        match self {
            Self::Exchange(record) => {
                let findings = record.findings.iter();
                let findings: usize = findings.map(|f| FIXED + f.part.len() + f.value.len() + f.allow.len() + f.why.len()).sum();
                let original = record.original.as_ref().map_or(0, String::len);
                FIXED + record.host.len() + record.path.len() + record.method.len() + original + findings
            }
            Self::Notice { detail, .. } => FIXED + detail.len(),
            Self::Opened { .. } | Self::Lost { .. } | Self::Recovered { .. } => FIXED,
        }
    }

    /// As JSON that is safe to print: control characters, also those JSON lets through, line separators and
    /// direction marks are escaped, so that no logged value can move a terminal's cursor or hide text (CWE-117, CWE-150).
    pub(crate) fn to_line(&self) -> Result<String, serde_json::Error> {
        let json = serde_json::to_string(self)?;
        Ok(if json.chars().any(is_unprintable) { printable(&json) } else { json })
    }
}

/// A text with every character escaped that a terminal would act on or not show, line feeds included.
#[must_use]
pub fn printable(text: &str) -> String {
    escaped(text, is_unprintable)
}

/// JSON in which the same characters are escaped, so that it says the same and can be printed. Line feeds between values stay.
#[must_use]
pub fn printable_json(json: &str) -> String {
    escaped(json, |c| c != '\n' && is_unprintable(c))
}

/// Escaped as JSON does it, which reads it back: beyond the first plane, in two halves.
fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match is_escaped(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|half| safe.push_str(&format!("\\u{half:04x}"))),
            false => safe.push(c),
        }
    }
    safe
}

/// Characters that a terminal or an editor acts on instead of showing (CWE-150, CWE-1007): controls of all kinds, of writing
/// direction above all, and what is invisible by nature (Unicode's Default_Ignorable_Code_Point).
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped_and_reads_back_the_same() {
        let hostile = "a\n\u{1b}[2J\u{7f}\u{9b}1m\u{202e}gpj.exe\u{2028}\u{feff}ї\u{ad}\u{3164}\u{e0041}\u{fe0f}";
        let event = Event::notice("started", hostile);
        let line = event.to_line().unwrap();
        assert!(!line.chars().any(is_unprintable), "{line}");
        assert!(line.contains('ї'));
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
        let shown = printable_json(&serde_json::to_string_pretty(&event).unwrap());
        assert!(!shown.chars().any(|c| c != '\n' && is_unprintable(c)) && shown.contains("\\u202e"), "{shown}");
        assert_eq!(serde_json::from_str::<Event>(&shown).unwrap(), event);
    }

    #[test]
    fn all_that_is_shown_stays() {
        let plain = "O'Brien, naïve, Київ, 東京, עברית, العربية, नमस्ते, 👩 ½ € – “x”";
        assert_eq!(printable(plain), plain);
    }
}
