//! `gambeson completions`

use crate::{Global, Outcome, Result, global::print_bytes};
use clap_complete::Shell;

/// Print the completion script of a shell
///
/// For bash: gambeson completions bash > ~/.local/share/bash-completion/completions/gambeson
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, _: &Global) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::definition(), "gambeson", &mut script);
    print_bytes(&script)?;
    Ok(Outcome::Fine)
}
