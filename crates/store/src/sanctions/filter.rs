//! Bans in the kernel's packet filter, where they cost nothing: what is banned does not even get a connection.
//!
//! A thread of its own runs `nft`, with what is to be done on its standard input. It never holds anybody up: what does not
//! fit into its queue is dropped, and so is what fails; the gateway refuses whoever is banned all the same.

use crate::metrics::Metrics;
use gambeson_core::store::Subject;
use ipnet::IpNet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender, sync_channel},
};

/// What waits for `nft` at most.
const QUEUE_MAX: usize = 1024;

#[derive(Debug)]
enum Step {
    Ban(Subject, u64),
    Lift(Subject),
}

/// The packet filter's table.
#[derive(Debug)]
pub struct Filter {
    steps: SyncSender<Step>,
    metrics: Arc<Metrics>,
}

impl Filter {
    /// Makes the sets in this table (`inet filter`) and begins to fill them; what comes from `spared` is dropped for no ban. `tell`
    /// hears what went wrong: that there is no packet filter, or the first ban that did not get into it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        table: &str,
        spared: &[IpNet],
        metrics: Arc<Metrics>,
        tell: impl Fn(String) + Send + 'static,
    ) -> io::Result<Self> {
        let (steps, receiver) = sync_channel(QUEUE_MAX);
        let (table, prepared, counted) = (table.to_owned(), prepared(table, spared), metrics.clone());
        std::thread::Builder::new().name("nft".to_owned()).spawn(move || work(&table, &prepared, &receiver, &counted, &tell))?;
        Ok(Self { steps, metrics })
    }

    pub(super) fn ban(&self, subject: Subject, seconds: u64) {
        self.send(Step::Ban(subject, seconds));
    }

    pub(super) fn lift(&self, subject: Subject) {
        self.send(Step::Lift(subject));
    }

    /// What does not fit is counted: the gateway itself still refuses whoever is banned.
    fn send(&self, step: Step) {
        if self.steps.try_send(step).is_err() {
            self.metrics.bans_unfiltered.increment();
        }
    }
}

fn work(table: &str, prepared: &str, steps: &Receiver<Step>, metrics: &Metrics, tell: &dyn Fn(String)) {
    if let Err(why) = nft(prepared) {
        return tell(format!("bans are not put into the packet filter: {why}"));
    }
    let mut was_told = false;
    for step in steps {
        match (nft(&line(table, &step)), &step) {
            // What is lifted may have ended there already.
            (Ok(()), _) | (Err(_), Step::Lift(_)) => {}
            (Err(why), Step::Ban(..)) => {
                metrics.bans_unfiltered.increment();
                if !std::mem::replace(&mut was_told, true) {
                    tell(format!("a ban was not put into the packet filter: {why}"));
                }
            }
        }
    }
}

/// The sets: kernels refuse an interval within another one of the same set, so networks and what they were allocated with have their own.
const SETS: [(&str, &str, &str); 4] = [
    ("gambeson4", "ipv4_addr", "ip"),
    ("gambeson6", "ipv6_addr", "ip6"),
    ("gambeson4_allocations", "ipv4_addr", "ip"),
    ("gambeson6_allocations", "ipv6_addr", "ip6"),
];

/// The sets, and the rules that drop what is in them, but for those who are spared. Doing it twice changes nothing.
fn prepared(table: &str, spared: &[IpNet]) -> String {
    let mut text =
        format!("add table {table}\nadd chain {table} gambeson {{ type filter hook input priority -10; policy accept; }}\n");
    let _ = writeln!(text, "flush chain {table} gambeson");
    for network in spared {
        let field = if network.addr().is_ipv4() { "ip" } else { "ip6" };
        let _ = writeln!(text, "add rule {table} gambeson {field} saddr {network} accept");
    }
    for (set, kind, field) in SETS {
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
    let is_4 = subject.address().is_some_and(|address| address.is_ipv4());
    let set = match subject {
        Subject::Network(_) if is_4 => "gambeson4",
        Subject::Network(_) => "gambeson6",
        Subject::Allocation(_) if is_4 => "gambeson4_allocations",
        Subject::Allocation(_) => "gambeson6_allocations",
        Subject::Session(_) | Subject::All => return String::new(),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_set_and_a_session_is_nobodys_address() {
        let subject = |text: &str| Subject::try_from(text.to_owned()).unwrap();
        let ban = |text| line("inet filter", &Step::Ban(subject(text), 60));
        assert_eq!(ban("192.0.2.7"), "add element inet filter gambeson4 { 192.0.2.7 timeout 60s }\n");
        assert_eq!(ban("2001:db8::7"), "add element inet filter gambeson6 { 2001:db8::/64 timeout 60s }\n");
        let lift = line("inet filter", &Step::Lift(subject("192.0.2.7")));
        assert_eq!(lift, "delete element inet filter gambeson4 { 192.0.2.7 }\n");
        assert_eq!(ban("2001:db8::/48"), "add element inet filter gambeson6_allocations { 2001:db8::/48 timeout 60s }\n");
        assert_eq!(ban("192.0.2.0/24"), "add element inet filter gambeson4_allocations { 192.0.2.0/24 timeout 60s }\n");
        assert_eq!(line("inet filter", &Step::Ban(Subject::Session(7), 60)), "");
    }

    #[test]
    fn who_is_spared_comes_before_what_is_dropped() {
        let text = prepared("inet filter", &["192.0.2.0/28".parse().unwrap(), "2001:db8::1/128".parse().unwrap()]);
        let at = |rule: &str| text.find(rule).unwrap();
        let drop = at("saddr @gambeson4 drop");
        assert!(at("gambeson ip saddr 192.0.2.0/28 accept") < drop && at("gambeson ip6 saddr 2001:db8::1/128 accept") < drop);
    }
}
