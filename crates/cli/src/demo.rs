//! `gambeson demo`

use crate::{
    Failure, Global, Outcome, Result,
    attack::{
        Line,
        evidence::Log,
        process::{Gateway, Ports, Process, Scratch, authority, end_all, free_port, start_app},
        read_app,
    },
    global::read_policy,
};
use gambeson_attack::{Comparison, Effect, Options, Target, Trust, run as attack};
use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

/// Guard an example app, attack it bare and guarded, and show the difference
///
/// Prepares the example's virtual environment, starts the app and a gateway before it, runs every attack against both, and leaves
/// both running to be looked at until Ctrl-C.
///
/// Exit code 0 when every attack that a layer claims was made and stopped, and every legitimate twin passed; 1 otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The example: a folder with app.py, requirements.txt, gambeson.toml and attack.toml
    #[arg(default_value = "examples/flask-comments", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// A Python that has the example's requirements [default: one made for it, in .venv beside it]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    python: Option<PathBuf>,
    /// End when the attacks are over
    #[arg(long)]
    once: bool,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result {
    end_with_us()?;
    let folder = std::fs::canonicalize(&args.folder).map_err(|error| Failure::at(&args.folder, error))?;
    // Made absolute but not resolved: a virtual environment's Python is a link that means its place.
    let python = match &args.python {
        Some(python) => std::path::absolute(python)?,
        None => prepare(&folder)?,
    };
    let demo = Demo { policy: read_policy(&folder.join("gambeson.toml"))?, python, folder };
    let compared = demo.attack()?;
    global.print(&compared, |compared| compared.table(io::stdout().is_terminal()))?;
    say(&format!("\nwhat a reference means: gambeson log show REFERENCE --state {}", demo.state().display()));
    let outcome = Outcome::findings_if(!compared.is_proved());
    if !args.once {
        demo.stay(global)?;
    }
    Ok(outcome)
}

/// On Ctrl-C or a request to end, what was started ends too.
fn end_with_us() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            end_all();
            say("\nstopped");
            std::process::exit(130);
        });
    });
    Ok(())
}

fn say(text: &str) {
    let _told = writeln!(io::stderr(), "{text}");
}

/// The example's own virtual environment, made on first use and again when its requirements change; its Python.
fn prepare(folder: &Path) -> Result<PathBuf> {
    let wanted = folder.join("requirements.txt");
    let requirements = std::fs::read(&wanted).map_err(|error| Failure::at(&wanted, error))?;
    let place = folder.join(".venv");
    let (python, done) = (place.join("bin/python"), place.join("installed.txt"));
    if python.is_file() && std::fs::read(&done).is_ok_and(|installed| installed == requirements) {
        return Ok(python);
    }
    say(&format!("preparing {}", place.display()));
    call(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
    call(
        Command::new(place.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&wanted),
    )?;
    std::fs::write(&done, requirements).map_err(|error| Failure::at(&done, error))?;
    Ok(python)
}

fn call(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |why: String| Failure::new(format!("{name}: {why}")).help("the demo needs Python 3 with venv and pip");
    let status = command.status().map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(status.to_string())) }
}

struct Demo {
    policy: String,
    python: PathBuf,
    folder: PathBuf,
}

/// App and gateway of one run. Fields are dropped in order: the gateway ends first, the files go last.
struct Pair {
    gateway: Gateway,
    app: Process,
    _scratch: Scratch,
}

impl Demo {
    /// Kept from run to run: the log explains the references, and a trusted authority stays trusted.
    fn state(&self) -> PathBuf {
        self.folder.join(".gambeson")
    }

    fn app(&self, port: u16, log: &Path) -> Result<Process> {
        let python = self.python.display().to_string();
        let command = [python.as_str(), "-m", "gunicorn", "app:app", "--bind", "127.0.0.1:{port}"];
        start_app(&command.map(str::to_owned), &self.folder, port, log)
    }

    fn pair(&self) -> Result<Pair> {
        let scratch = Scratch::new()?;
        let app = self.app(free_port(5000)?, &scratch.path().join("app.log"))?;
        let gateway = Gateway::start(&self.policy, app.port, Ports::usual()?, &[], &self.state(), scratch.path())?;
        Ok(Pair { gateway, app, _scratch: scratch })
    }

    /// The same attacks against the app alone and against the app behind a gateway, each with fresh data.
    fn attack(&self) -> Result<Comparison> {
        let mut options =
            Options { app: read_app(&self.folder.join("attack.toml"))?, effect: Effect::Intrusive, ..Options::default() };
        let bare = {
            let scratch = Scratch::new()?;
            let app = self.app(free_port(5000)?, &scratch.path().join("app.log"))?;
            attack(&Target::new(&format!("http://127.0.0.1:{}", app.port), None, None)?, &options, None, &mut Line::of("bare "))?
        };
        let pair = self.pair()?;
        let root = authority(&pair.gateway.state);
        options.trust = Trust::Authorities(std::fs::read(&root).map_err(|error| Failure::at(&root, error))?);
        let target = pair.gateway.target()?;
        let log = Log::open(&pair.gateway.state)?;
        let guarded = attack(&target, &options, Some(&log), &mut Line::of("guarded "))?;
        Ok(Comparison::new(bare, guarded))
    }

    /// Fresh app and gateway for people to look at, until they are stopped.
    fn stay(&self, global: &Global) -> Result<()> {
        let pair = self.pair()?;
        if !global.json {
            let (guarded, bare) =
                (format!("https://localhost:{}", pair.gateway.ports.https), format!("http://127.0.0.1:{}", pair.app.port));
            let root = authority(&pair.gateway.state);
            say(&format!(
                "\nguarded  {guarded}   (certificate authority: {})\nbare     {bare}\n\nCtrl-C stops both.",
                root.display()
            ));
        }
        loop {
            std::thread::park();
        }
    }
}
