//! `gambeson serve`: guard an app that runs already.

use crate::{Failure, Global, Outcome, Result, global, report};
use gambeson_core::policy::{LayerName, Mode, Policy};
use gambeson_gateway::service::{Load, Options, ServeError, Service, reachable};
use gambeson_store::rule_files::RuleFiles;
use std::{future::pending, path::Path};

/// Guard an app that runs already
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    gateway: Gateway,
}

/// What `serve` and `run` have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct Gateway {
    /// Switch a layer off everywhere, to see what stands without it (repeatable)
    #[arg(long, value_name = "LAYER", value_parser = layer)]
    off: Vec<LayerName>,
    /// Take over from the process that serves now, without a gap
    #[arg(long)]
    take_over: bool,
    /// Print the addresses as one line of JSON when ready
    #[arg(long)]
    announce: bool,
}

fn layer(name: &str) -> std::result::Result<LayerName, String> {
    LayerName::from_name(name).ok_or_else(|| {
        let known: Vec<_> = LayerName::ALL.iter().map(|layer| layer.as_str()).collect();
        format!("the layers are {}", known.join(", "))
    })
}

/// Serves until told to stop.
///
/// # Errors
/// When the policy is bad or the gateway cannot start.
pub(crate) fn run(args: &Args, global: &Global) -> Result {
    runtime()?.block_on(async {
        let service = args.gateway.start(global, |_| {})?;
        args.gateway.announce(&service);
        tell_if_silent(&service).await;
        service.run(pending()).await.map_err(failed)
    })?;
    Ok(Outcome::Fine)
}

/// An app that is started later is fine, and one that was forgotten is worth a line.
#[allow(clippy::print_stderr, reason = "for the operator")]
async fn tell_if_silent(service: &Service) {
    let policy = service.policy();
    let address = &policy.upstream.address;
    if let Err(error) = reachable(address, policy.upstream.source).await {
        eprintln!("gambeson: the app does not answer at {address} yet ({error}); visitors get 502 until it does");
    }
}

impl Gateway {
    /// Whether a process serves already, and is to hand over.
    pub(crate) const fn takes_over(&self) -> bool {
        self.take_over
    }

    /// Starts the threads, inside an event loop; `adjust` has a last word on every policy that is read.
    pub(crate) fn start(&self, global: &Global, adjust: impl Fn(&mut Policy) + Send + Sync + 'static) -> Result<Service> {
        let path = global.policy_path()?;
        let off = self.off.clone();
        let load: Load = Box::new(move || {
            let mut policy = off.iter().fold(read(&path)?, |policy, layer| policy.with_mode(*layer, Mode::Off));
            adjust(&mut policy);
            Ok(policy)
        });
        let options = Options { load, state_dir: global.state_dir()?, take_over: self.take_over };
        Service::start(options).map_err(failed)
    }

    /// Says where it serves.
    #[allow(clippy::print_stderr, clippy::print_stdout, reason = "for the operator, and for programs that wait for it")]
    pub(crate) fn announce(&self, service: &Service) {
        let (policy, at) = (service.policy(), service.addresses());
        let host = policy.app.hosts.first().map_or("localhost", String::as_str);
        if self.announce {
            let text = |address: Option<std::net::SocketAddr>| address.map(|address| address.to_string());
            let line = serde_json::json!({ "https": text(at.https), "http": text(at.http), "admin": text(at.admin) });
            println!("{line}");
        }
        let app = &policy.upstream.address;
        if let Some(https) = at.https {
            eprintln!("gambeson: https://{host}:{} guards {} at {app}", https.port(), policy.app.name);
        }
        if let Some(http) = at.http {
            let does = if policy.listen.plain { "serves it in plain HTTP" } else { "redirects to HTTPS" };
            eprintln!("gambeson: http://{host}:{} {does}", http.port());
        }
        if let Some(admin) = at.admin {
            eprintln!("gambeson: http://{admin} has /healthz, /readyz and /metrics");
        }
    }
}

/// Reads a policy; what is wrong with it as one text.
fn read(path: &Path) -> std::result::Result<Policy, String> {
    let text = global::read_policy(path).map_err(|failure| failure.to_string())?;
    let told = |problems| report::render(path, &text, &problems, false);
    let mut policy = Policy::parse(&text).map_err(told)?;
    if let Some(folder) = path.parent() {
        policy.layers.transport.resolve_files(folder);
        policy.alert.resolve_files(folder);
    }
    policy.load_rules(&RuleFiles::beside(path)).map_err(told)
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::from)
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn failed(error: ServeError) -> Failure {
    Failure::new(error.to_string())
}
