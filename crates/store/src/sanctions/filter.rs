//! Bans in the kernel's packet filter, where they cost nothing: what is banned does not even get a connection.
//!
//! A thread of its own runs `nft`, with what is to be done on its standard input. It never holds anybody up: what does not
//! fit into its queue is dropped, and so is what fails; the gateway refuses whoever is banned all the same.

use gambeson_core::store::Subject;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::Ipv6Addr;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// What waits for `nft` at most.
const QUEUE_MAX: usize = 1024;
/// What is told it at once, at most.
const BATCH_MAX: usize = 256;

#[derive(Debug)]
enum Step {
    Ban(Subject, u64),
    Lift(Subject),
}

/// The packet filter's table.
#[derive(Debug)]
pub struct Filter(SyncSender<Step>);

impl Filter {
    /// Makes the sets in this table (`inet filter`) and begins to fill them. `tell` hears what went wrong, once for each kind.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(table: &str, tell: impl Fn(String) + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let table = table.to_owned();
        std::thread::Builder::new().name("nft".to_owned()).spawn(move || work(&table, &receiver, &tell))?;
        Ok(Self(sender))
    }

    pub(super) fn ban(&self, subject: Subject, seconds: u64) {
        self.send(Step::Ban(subject, seconds));
    }

    pub(super) fn lift(&self, subject: Subject) {
        self.send(Step::Lift(subject));
    }

    fn send(&self, step: Step) {
        match self.0.try_send(step) {
            // The gateway itself still refuses whoever is banned.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

fn work(table: &str, steps: &Receiver<Step>, tell: &dyn Fn(String)) {
    if let Err(why) = nft(&prepared(table)) {
        tell(format!("bans are not put into the packet filter: {why}"));
        return;
    }
    let mut was_told = false;
    while let Ok(first) = steps.recv() {
        let batch = std::iter::once(first).chain(steps.try_iter()).take(BATCH_MAX);
        let failed: Vec<String> = batch.filter_map(|step| nft(&line(table, &step)).err()).collect();
        if let Some(why) = failed.first().filter(|_| !std::mem::replace(&mut was_told, true)) {
            tell(format!("a ban was not put into the packet filter: {why}"));
        }
    }
}

/// A set for each family, and the rule that drops what is in them. Doing it twice changes nothing.
fn prepared(table: &str) -> String {
    let mut text =
        format!("add table {table}\nadd chain {table} gambeson {{ type filter hook input priority -10; policy accept; }}\n");
    let _ = writeln!(text, "flush chain {table} gambeson");
    for (set, kind, field) in [("gambeson4", "ipv4_addr", "ip"), ("gambeson6", "ipv6_addr", "ip6")] {
        let _ = writeln!(text, "add set {table} {set} {{ type {kind}; flags interval, timeout; }}");
        let _ = writeln!(text, "flush set {table} {set}");
        let _ = writeln!(text, "add rule {table} gambeson {field} saddr @{set} drop");
    }
    text
}

fn line(table: &str, step: &Step) -> String {
    let (verb, subject, timeout) = match step {
        Step::Ban(subject, seconds) => ("add", subject, format!(" timeout {seconds}s")),
        Step::Lift(subject) => ("delete", subject, String::new()),
    };
    let Subject::Network(bits) = subject else { return String::new() };
    let set = if Ipv6Addr::from(*bits).to_ipv4_mapped().is_some() { "gambeson4" } else { "gambeson6" };
    format!("{verb} element {table} {set} {{ {subject}{timeout} }}\n")
}

fn nft(commands: &str) -> Result<(), String> {
    let started =
        Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| format!("nft: {error}"))?;
    let written = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(commands.as_bytes()));
    let output = child.wait_with_output().map_err(|error| format!("nft: {error}"))?;
    match (output.status.success(), written) {
        (true, Ok(())) => Ok(()),
        (true, Err(error)) => Err(format!("nft: {error}")),
        (false, _) => {
            Err(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("nft failed").chars().take(200).collect())
        }
    }
}
