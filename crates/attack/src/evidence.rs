//! The gateway's own record, where the caller has access to it.

/// What the attacks ask of the audit log. Whoever runs the gateway implements this; without it the log's probes cannot judge.
pub trait Evidence {
    /// The record with this reference id, as text, if the log has one.
    fn record(&self, reference: &str) -> Result<Option<String>, String>;

    /// Checks the hash chain of the log as it is; how many records it covers.
    fn verify(&self) -> Result<u64, String>;

    /// Checks a copy of the log in which one byte in the middle was changed: `Ok` when the change was *not* noticed.
    fn verify_altered(&self) -> Result<u64, String>;

    /// Whether any file of the log contains these bytes.
    fn contains(&self, needle: &[u8]) -> Result<bool, String>;
}
