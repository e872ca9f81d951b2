//! `gambeson csp`: a Content-Security-Policy that fits the app.

mod address;
mod crawl;
mod page;
mod proposal;
mod violations;

use crate::{Failure, Global, Outcome, Result, global::read_policy};
use crawl::Visit;
use gambeson_core::policy::{FromText as _, UpstreamAddress};
use gambeson_gateway::service::app_address;
use gambeson_store::audit::LogReader;
use proposal::{Proposal, Written};
use std::path::{Path, PathBuf};
use violations::Violations;

/// Find the Content-Security-Policy that fits the app
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Learn(Learn),
    /// Sum up what browsers reported: what was refused, on which pages, and what would allow it
    Violations {
        /// Look at so many entries of the audit log, from its end
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        entries: u32,
    },
}

/// Read the app's own pages and propose policy lines: hashes of inline scripts, other hosts, what the app must change
#[derive(Debug, clap::Args)]
struct Learn {
    /// Read the pages or templates of a folder instead of visiting the app
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with_all = ["url", "cookie", "crawl"])]
    from: Option<PathBuf>,
    /// Where to begin, on the app itself [default: the app that `gambeson run` or `serve` guards now, else the policy's]
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url)]
    url: Option<String>,
    /// Visit at most so many pages
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    crawl: u16,
    /// A Cookie field, for pages behind a login; links that log out or delete are not followed
    #[arg(long, value_name = "COOKIE")]
    cookie: Option<String>,
}

/// Learns from the app's pages, or from what browsers reported.
///
/// # Errors
/// When the app does not answer, or pages or log cannot be read.
pub(crate) fn run(args: &Args, global: &Global) -> Result {
    match &args.action {
        Action::Learn(args) => learn(args, global),
        Action::Violations { entries } => violations(*entries, global),
    }
}

fn learn(learn: &Learn, global: &Global) -> Result {
    let pages = match &learn.from {
        Some(folder) => crawl::folder(folder, &[])?,
        None => visit(learn, global)?.pages()?,
    };
    if pages.is_empty() {
        return Err(Failure::new("no HTML page was found").help("name a page with --url, or templates with --from"));
    }
    let proposal = Proposal::of(&pages);
    let written = global.policy_path().ok().and_then(|path| read_policy(&path).ok()).and_then(|text| Written::read(&text));
    global.print(&proposal, |proposal| proposal.text(written.as_ref()))?;
    Ok(Outcome::findings_if(proposal.needs_changes()))
}

/// Whether the templates in a folder hold what the default policy does not let run or load.
pub(crate) fn needs_policy(folder: &Path) -> bool {
    crawl::folder(folder, &[]).is_ok_and(|pages| Proposal::of(&pages).needs_policy())
}

fn violations(count: u32, global: &Global) -> Result {
    let state = crate::log::existing(global)?;
    let log = LogReader::open(&state).map_err(|error| Failure::new(error.to_string()))?;
    let (entries, _) = log.tail(count as usize).map_err(|error| Failure::new(error.to_string()))?;
    let found = Violations::of(&entries);
    global.print(&found, Violations::text)?;
    Ok(Outcome::findings_if(!found.is_empty()))
}

fn visit(learn: &Learn, global: &Global) -> Result<Visit> {
    let pages_max = usize::from(learn.crawl);
    let cookie = learn.cookie.clone().filter(|cookie| !cookie.contains(['\r', '\n']));
    let Some(url) = &learn.url else {
        let app = global.load()?.policy.app;
        let address = running(global).unwrap_or(app.address);
        local(&address)?;
        return Ok(Visit { address, hosts: app.hosts, cookie, start: "/".to_owned(), pages_max });
    };
    let rest = url.strip_prefix("http://").ok_or_else(|| {
        Failure::new(format!("{url} is not an address of an app"))
            .help("visit the app itself: http://127.0.0.1:5000/, not the gateway")
    })?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = UpstreamAddress::from_text(&format!("http://{authority}"))
        .map_err(|wrong| Failure::new(wrong.message).help(wrong.help))?;
    local(&address)?;
    let own = authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned();
    // The policy's hosts are the app's own too, where there is a policy.
    let mut hosts =
        global.policy_path().is_ok().then(|| global.load()).transpose()?.map_or(Vec::new(), |loaded| loaded.policy.app.hosts);
    hosts.insert(0, own);
    Ok(Visit { address, hosts, cookie, start: format!("/{path}"), pages_max })
}

/// Where the app of a running gateway listens: `gambeson run` gives it a place that the policy does not know.
fn running(global: &Global) -> Option<UpstreamAddress> {
    let state = crate::log::existing(global).ok()?;
    app_address(&state).ok()
}

/// Only apps of this machine are visited: links are followed, and nobody else asked for that.
fn local(address: &UpstreamAddress) -> Result<()> {
    match address {
        UpstreamAddress::Tcp(address) if !address.ip().is_loopback() => {
            Err(Failure::new(format!("{address} is not on this machine")).help("run this where the app runs"))
        }
        _ => Ok(()),
    }
}
