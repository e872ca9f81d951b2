//! How a command ended.

use std::{fmt, io, process::ExitCode};

/// What every command returns.
pub type Result<T = Outcome> = std::result::Result<T, Failure>;

/// A command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to complain about: exit code 0.
    Fine,
    /// It found something, and has said what: exit code 1.
    Findings,
}

impl Outcome {
    /// Findings, when there are any.
    #[must_use]
    pub const fn findings_if(any: bool) -> Self {
        if any { Self::Findings } else { Self::Fine }
    }
}

/// A command that could not do its work: exit code 2.
#[derive(Debug)]
pub struct Failure {
    message: String,
    help: Option<String>,
    reader_left: bool,
}

impl Failure {
    /// What went wrong, in one sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, reader_left: false }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Something went wrong with a file or folder.
    #[must_use]
    pub fn at(path: &std::path::Path, error: impl fmt::Display) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", plain(&self.message))?;
        self.help.iter().try_for_each(|help| write!(f, "\n  help: {}", plain(help)))
    }
}

/// A text without what speaks to the terminal: a failure quotes names and lines of other people's files (CWE-150).
fn plain(text: &str) -> String {
    text.chars()
        .map(|one| if one.is_control() && !matches!(one, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { one })
        .collect()
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    /// For output that could not be written. Whoever reads may stop early (`gambeson schema | head`): that is no error.
    fn from(error: io::Error) -> Self {
        Self { reader_left: error.kind() == io::ErrorKind::BrokenPipe, ..Self::new(error.to_string()) }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        if error.io_error_kind() == Some(io::ErrorKind::BrokenPipe) {
            return io::Error::from(io::ErrorKind::BrokenPipe).into();
        }
        Self::new(error.to_string())
    }
}

pub(crate) fn exit_code(result: Result, json: bool) -> ExitCode {
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(failure) if failure.reader_left => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure, json);
            ExitCode::from(2)
        }
    }
}

/// Tells a failure on the standard error stream, as an object where the output is one.
#[allow(clippy::print_stderr, reason = "this is where failures are told")]
fn tell(failure: &Failure, json: bool) {
    if json {
        eprintln!("{}", serde_json::json!({ "error": failure.message, "help": failure.help }));
    } else {
        eprintln!("gambeson: {failure}");
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn what_a_failure_quotes_does_not_speak_to_the_terminal() {
        let failure = Failure::new("a\u{1b}[2J.conf:1:\n\tno\u{9b}31m").help("mend `\u{7}ü`");
        assert_eq!(failure.to_string(), "a\u{fffd}[2J.conf:1:\n\tno\u{fffd}31m\n  help: mend `\u{fffd}ü`");
    }
}
