//! The one reading of a request target.

/// A request target, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    text: String,
    path_len: usize,
    decoded: String,
}

/// How strictly a target is read.
#[derive(Debug, Clone, Default)]
pub struct TargetRules {}

/// Why a target was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetFault;

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    /// When it can be read in two ways.
    pub fn parse(raw: &[u8], _: &TargetRules) -> Result<Self, TargetFault> {
        let text = std::str::from_utf8(raw).map_err(|_| TargetFault)?.to_owned();
        let path_len = text.find('?').unwrap_or(text.len());
        let decoded = text.get(..path_len).unwrap_or_default().to_owned();
        Ok(Self { text, path_len, decoded })
    }
    /// The path, as forwarded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(..self.path_len).unwrap_or_default()
    }
    /// The decoded path.
    #[must_use]
    pub fn decoded_path(&self) -> &str {
        &self.decoded
    }
    /// The query.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_len + 1..)
    }
    /// As forwarded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
