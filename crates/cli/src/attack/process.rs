//! Apps and gateways that are started to be attacked, and end with their owner.

use super::evidence::private_folder;
use crate::{Failure, Result};
use gambeson_attack::Target;
use gambeson_core::policy::Policy;
use std::{
    fs::{self, File},
    io,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a process may take until it accepts connections.
const STARTS: Duration = Duration::from_secs(30);

/// How long it may take to end before it is killed.
const ENDS: Duration = Duration::from_secs(6);

/// Where a gateway keeps the root certificate of its development authority.
pub(crate) fn authority(state: &Path) -> PathBuf {
    state.join("ca").join("root.pem")
}

/// A folder for our account only, removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one in the system's temporary folder.
    pub(crate) fn new() -> io::Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("gambeson-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        // What a killed process of the same number left is removed; anybody else's folder stands in the way, and that is an error.
        let _left = fs::remove_dir_all(&path);
        if path.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        private_folder(&path)?;
        if let Ok(mut folders) = SCRATCHES.lock() {
            folders.push(path.clone());
        }
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// A free port of 127.0.0.1: `wanted` if it is free.
pub(crate) fn free_port(wanted: u16) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", wanted)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)))?;
    Ok(listener.local_addr()?.port())
}

/// Processes that must end when this one is interrupted.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Folders that must go then.
static SCRATCHES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Ends every started process and removes every folder; for when this process is about to end without dropping them.
pub(crate) fn end_all() {
    let running = RUNNING.lock().map(|mut running| std::mem::take(&mut *running)).unwrap_or_default();
    running.iter().for_each(|id| ask_to_end(*id));
    let begun = Instant::now();
    while begun.elapsed() < ENDS && running.iter().any(|id| is_running(*id)) {
        sleep(Duration::from_millis(20));
    }
    for folder in SCRATCHES.lock().map(|mut folders| std::mem::take(&mut *folders)).unwrap_or_default() {
        let _gone = fs::remove_dir_all(folder);
    }
}

fn pid(id: u32) -> Option<rustix::process::Pid> {
    i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw)
}

fn ask_to_end(id: u32) {
    if let Some(pid) = pid(id) {
        let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// Whether our child still runs; asking also lays one to rest that has ended.
fn is_running(id: u32) -> bool {
    use rustix::process::{WaitOptions, waitpid};
    matches!(waitpid(pid(id), WaitOptions::NOHANG), Ok(None))
}

/// A running process that accepts connections on `port`; dropping ends it.
pub(crate) struct Process {
    child: Child,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

impl Process {
    /// Starts a command, what it prints going to `log`, and waits until it accepts connections on `port`.
    pub(crate) fn start(command: &mut Command, port: u16, log: &Path) -> Result<Self> {
        let out = File::create(log).map_err(|error| Failure::at(log, error))?;
        let err = out.try_clone()?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.map_err(|error| Failure::new(format!("{name}: {error}")))?;
        if let Ok(mut running) = RUNNING.lock() {
            running.push(child.id());
        }
        let mut process = Self { child, port };
        let begun = Instant::now();
        while begun.elapsed() < STARTS {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(process);
            }
            if let Some(status) = process.child.try_wait()? {
                return Err(Failure::new(format!("{name} ended ({status}): {}", last_lines(log))));
            }
            sleep(Duration::from_millis(50));
        }
        Err(Failure::new(format!("{name} does not accept connections on port {port}: {}", last_lines(log))))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        ask_to_end(self.child.id());
        let begun = Instant::now();
        while begun.elapsed() < ENDS && matches!(self.child.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(20));
        }
        let _gone = self.child.kill();
        let _status = self.child.wait();
        if let Ok(mut running) = RUNNING.lock() {
            running.retain(|id| *id != self.child.id());
        }
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(8).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n  ")
}

/// Starts the app by its command; `{port}` in it stands for the port.
pub(crate) fn start_app(command: &[String], folder: &Path, port: u16, log: &Path) -> Result<Process> {
    let mut words = command.iter().map(|word| word.replace("{port}", &port.to_string()));
    let program = words.next().ok_or_else(|| Failure::new("no command for the app"))?;
    let mut command = Command::new(program);
    Process::start(command.args(words).current_dir(folder).env("PORT", port.to_string()), port, log)
}

/// Where a started gateway listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// HTTPS.
    pub(crate) https: u16,
    /// Plain HTTP.
    pub(crate) http: u16,
    /// Health and metrics.
    pub(crate) admin: u16,
}

impl Ports {
    /// Free ports, the usual ones where they are.
    pub(crate) fn usual() -> io::Result<Self> {
        Ok(Self { https: free_port(8443)?, http: free_port(8080)?, admin: free_port(9443)? })
    }

    /// Any free ports.
    pub(crate) fn any() -> io::Result<Self> {
        Ok(Self { https: free_port(0)?, http: free_port(0)?, admin: free_port(0)? })
    }
}

/// A gateway with its own state directory.
pub(crate) struct Gateway {
    _process: Process,
    /// The name it answers to.
    pub(crate) host: String,
    /// Where it listens.
    pub(crate) ports: Ports,
    /// Its state directory.
    pub(crate) state: PathBuf,
}

impl Gateway {
    /// Starts a gateway with this policy, but for the addresses, and without the layers `off`. `folder` is for files that it leaves.
    pub(crate) fn start(policy: &str, upstream: u16, ports: Ports, off: &[&str], state: &Path, folder: &Path) -> Result<Self> {
        let (file, state) = (folder.join("gambeson.toml"), state.to_owned());
        fs::write(&file, placed(policy, upstream, ports)?).map_err(|error| Failure::at(&file, error))?;
        let known =
            Policy::parse(policy).map_err(|_| Failure::new("the policy does not hold").help("`gambeson check` says why"))?;
        let host = known.app.hosts.first().cloned().unwrap_or_else(|| "localhost".into());
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg("--policy").arg(&file).arg("--state").arg(&state);
        for layer in off {
            command.args(["--off", layer]);
        }
        let process = Process::start(&mut command, ports.https, &folder.join("gateway.log"))?;
        Ok(Self { _process: process, host, ports, state })
    }

    /// It, to be attacked: under the app's own name, which need not lead here.
    pub(crate) fn target(&self) -> Result<Target> {
        let (https, http) =
            (format!("https://{}:{}", self.host, self.ports.https), format!("http://{}:{}", self.host, self.ports.http));
        Ok(Target::at([127, 0, 0, 1].into(), &https, Some(&http), None)?)
    }
}

/// The policy with its addresses replaced.
fn placed(policy: &str, upstream: u16, ports: Ports) -> Result<String> {
    let mut policy: toml::Table = policy.parse().map_err(|error| Failure::new(format!("the policy: {error}")))?;
    let own = |port: u16| toml::Value::from(format!("127.0.0.1:{port}"));
    set(&mut policy, "app", "upstream", toml::Value::from(format!("http://127.0.0.1:{upstream}")));
    set(&mut policy, "listen", "https", own(ports.https));
    set(&mut policy, "listen", "http", own(ports.http));
    set(&mut policy, "listen", "admin", own(ports.admin));
    Ok(policy.to_string())
}

fn set(policy: &mut toml::Table, section: &str, key: &str, value: toml::Value) {
    let entry = policy.entry(section).or_insert_with(|| toml::Table::new().into());
    if let Some(table) = entry.as_table_mut() {
        table.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_addresses_of_the_policy_change() {
        let policy = "[app]\nname = \"x\"\nupstream = \"unix:/run/x\"\n[csrf]\nmode = \"report\"";
        let placed: toml::Table = placed(policy, 1, Ports { https: 2, http: 3, admin: 4 }).unwrap().parse().unwrap();
        assert_eq!(placed["app"]["upstream"].as_str(), Some("http://127.0.0.1:1"));
        assert_eq!(placed["listen"]["https"].as_str(), Some("127.0.0.1:2"));
        assert_eq!(placed["csrf"]["mode"].as_str(), Some("report"));
    }

    #[test]
    fn scratch_folders_go_away() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().to_owned();
        assert!(path.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn a_command_that_ends_is_told_with_what_it_said() {
        let scratch = Scratch::new().unwrap();
        let command = ["sh", "-c", "echo no such app; exit 3"].map(str::to_owned);
        let failure = start_app(&command, scratch.path(), free_port(0).unwrap(), &scratch.path().join("log"));
        assert!(failure.err().is_some_and(|failure| failure.to_string().contains("no such app")));
    }
}
