//! From rule files to a rule set: directives in order, then everything that needs to know all rules.

mod build;
mod directives;
mod draft;
mod known;

use crate::error::LoadError;
use crate::files::Files;
use crate::rule::RuleSet;

impl RuleSet {
    /// Reads, checks and plans the rules of these files (name, text), in this order. Relative paths in a file start where it is.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(files: &[(&str, &str)], host: &dyn Files) -> Result<RuleSet, Vec<LoadError>> {
        let mut loader = directives::Loader::new(host);
        for (name, text) in files {
            loader.file(name, text, 0);
        }
        build::build(loader)
    }
}
