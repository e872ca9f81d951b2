//! Starting the app on a private socket, watching it, starting it again, ending it with us.

mod launch;

pub use launch::{Launch, LaunchError};

use crate::{
    ledger::Ledger,
    service::{NOTIFY_SOCKET, say},
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{io, process::ExitStatus, time::Duration};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// How long the app may take until it answers.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to end when told to.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Between two starts of an app that ends again and again: doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// An app that ran as long as this has not failed to start.
const SETTLED: Duration = Duration::from_secs(30);
/// An app that never settled is not started more often than this: the command is wrong, not the day.
const STARTS_MAX: u32 = 4;

/// An app that runs as our child.
#[derive(Debug)]
pub struct App {
    launch: Launch,
    child: Child,
    started: Instant,
}

/// Why the app could not be started.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum AppError {
    #[error("cannot start `{0}`: {1}")]
    Spawn(String, io::Error),
    #[error("cannot start `{0}`: there is no program `{1}` here; is it installed, and its virtual environment active?")]
    Missing(String, String),
    #[error("`{0}` ended {1} times in a row ({2}); its own output above says why")]
    Failing(String, u32, String),
    #[error("`{0}` ended before it answered ({1}); its own output above says why")]
    Ended(String, ExitStatus),
    #[error("`{0}` did not answer at {1} within {2} s; does it listen there?")]
    Silent(String, String, u64),
}

impl App {
    /// Starts the app and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started, ends, or stays silent.
    pub async fn start(launch: Launch) -> Result<Self, AppError> {
        let child = spawn(&launch)?;
        let mut app = Self { launch, child, started: Instant::now() };
        app.answers().await?;
        Ok(app)
    }

    async fn answers(&mut self) -> Result<(), AppError> {
        let begun = Instant::now();
        while begun.elapsed() < START_PATIENCE {
            if crate::service::reachable(&self.launch.address, None).await.is_ok() {
                return Ok(());
            }
            if let Ok(Ok(status)) = timeout(Duration::from_millis(50), self.child.wait()).await {
                return Err(AppError::Ended(self.launch.name.clone(), status));
            }
        }
        self.stop().await;
        Err(AppError::Silent(self.launch.name.clone(), self.launch.address.to_string(), START_PATIENCE.as_secs()))
    }

    /// Starts the app again whenever it ends. Gives up on one that never ran for long: a server that opens its socket
    /// before it loads a broken app looks well until then.
    ///
    /// # Errors
    /// Returns with nothing else.
    pub async fn watch(&mut self, ledger: &Ledger) -> AppError {
        let (mut pause, mut settled, mut starts) = (PAUSE_MIN, false, 1);
        loop {
            let status = self.child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
            let name = &self.launch.name;
            ledger.notice("app ended", format!("{name}: {status}"));
            settled |= self.started.elapsed() > SETTLED;
            if !settled && starts == STARTS_MAX {
                return AppError::Failing(name.clone(), starts, status);
            }
            say(&format!("`{name}` ended ({status}); starting it again"));
            pause = if self.started.elapsed() > SETTLED { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
            sleep(pause).await;
            starts = starts.saturating_add(1);
            match spawn(&self.launch) {
                Ok(child) => (self.child, self.started) = (child, Instant::now()),
                Err(error) => say(&error.to_string()),
            }
        }
    }

    /// Ends the app: asks, waits, insists.
    pub async fn stop(&mut self) {
        self.signal(Signal::TERM);
        if timeout(STOP_PATIENCE, self.child.wait()).await.is_err() {
            self.signal(Signal::KILL);
            let _ended = self.child.wait().await;
        }
        self.launch.remove();
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        // The app has a group of its own, so that workers hear it too and Ctrl-C does not end it before its last answer.
        let _gone = pid.map(|pid| kill_process_group(pid, signal));
    }
}

fn spawn(launch: &Launch) -> Result<Child, AppError> {
    launch.clean();
    let (program, arguments) =
        launch.command.split_first().map_or(("".as_ref(), &[][..]), |(first, rest)| (first.as_os_str(), rest));
    Command::new(program)
        .args(arguments)
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .env_remove(NOTIFY_SOCKET)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => AppError::Missing(launch.name.clone(), program.to_string_lossy().into_owned()),
            _ => AppError::Spawn(launch.name.clone(), error),
        })
}
