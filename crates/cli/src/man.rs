//! `gambeson man`

use crate::{Failure, Global, Outcome, Result, global::print_bytes};
use clap_mangen::Man;
use std::path::PathBuf;

/// Print the manual page, or write one page for each command into a folder
///
/// To read it: gambeson man | man -l -
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write gambeson.1, gambeson-check.1 … into this folder
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, _: &Global) -> Result {
    match &args.folder {
        None => {
            let mut page = Vec::new();
            Man::new(crate::definition()).render(&mut page)?;
            print_bytes(&page)?;
        }
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| Failure::at(folder, error))?;
            clap_mangen::generate_to(crate::definition(), folder).map_err(|error| Failure::at(folder, error))?;
        }
    }
    Ok(Outcome::Fine)
}
