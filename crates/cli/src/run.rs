//! `gambeson run -- COMMAND`: start the app behind the gateway.

use crate::{
    Failure, Global, Outcome, Result,
    serve::{Gateway, failed, runtime},
};
use gambeson_core::policy::{LayerName, Mode, Policy};
use gambeson_gateway::{
    app::{App, Launch},
    service::Service,
};
use gambeson_store::state_dir::StateDir;
use std::{ffi::OsString, future::pending};
use tokio::signal::unix::{SignalKind, signal};

/// Start the app on a private socket, guard it, start it again when it ends
///
/// gunicorn, uvicorn, hypercorn, waitress, `flask run` and `manage.py runserver` are told where to listen. Any other
/// command may say {socket} or {port} where the place to listen belongs; else it must listen at the policy's `app.upstream`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    gateway: Gateway,
    /// The command that starts the app
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Starts the app and guards it until told to stop.
///
/// # Errors
/// When the policy is bad, or the app or the gateway cannot start.
pub(crate) fn run(args: &Args, global: &Global) -> Result {
    let policy = global.load()?.policy;
    let state = StateDir::open(&global.state_dir()?).map_err(|error| Failure::new(error.to_string()))?;
    if !args.gateway.takes_over() {
        Service::free(&policy, &state).map_err(failed)?;
    }
    let launch = Launch::plan(args.command.clone(), state.path(), &policy.app.address, all_by_https(&policy))
        .map_err(|error| Failure::new(error.to_string()))?;
    let address = launch.address.clone();
    runtime()?.block_on(async {
        let mut app = tokio::select! {
            started = App::start(launch) => started.map_err(|error| Failure::new(error.to_string()))?,
            () = told_to_stop() => return Ok(Outcome::Fine),
        };
        let adjust = move |policy: &mut Policy| {
            policy.app.address = address.clone();
            policy.upstream.address = address.clone();
        };
        let served = match args.gateway.start(global, adjust) {
            Ok(service) => guard(&args.gateway, service, &mut app).await,
            Err(failure) => Err(failure),
        };
        app.stop().await;
        served
    })
}

/// Whether no visitor reaches the app by plain HTTP.
fn all_by_https(policy: &Policy) -> bool {
    let redirected = policy.modes.get(LayerName::Transport) == Mode::Enforce && policy.layers.transport.redirects();
    policy.listen.https.is_some() && (policy.listen.http.is_none() || redirected)
}

/// Until we are told to stop before the app answers: it has a process group of its own, so it would live on without us.
async fn told_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return pending().await;
    };
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
}

async fn guard(gateway: &Gateway, service: Service, app: &mut App) -> Result {
    gateway.announce(&service);
    let ledger = service.ledger().clone();
    let mut failing = None;
    let gone = async { failing = Some(app.watch(&ledger).await) };
    service.run(gone).await.map_err(failed)?;
    failing.map_or(Ok(Outcome::Fine), |error| Err(Failure::new(error.to_string())))
}
