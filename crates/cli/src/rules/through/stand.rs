//! A gateway with a rule set before a backend of our own, and clients that send what they are given.

use super::{
    super::regression,
    backend::{self, Reached},
    client::{self, Came},
    log::Log,
};
use crate::{
    Failure, Result,
    attack::process::{Gateway, Ports, Scratch},
};
use gambeson_core::{layers, policy::LayerName};
use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpListener, runtime::Runtime};

/// Exchanges at a time.
const CLIENTS: usize = 8;

/// The first client's address. Each exchange comes from its own, by which the log and the backend tell them apart.
const FIRST: u32 = 0x7f01_0001;
/// So many addresses of 127.0.0.0/8 are behind it.
const EXCHANGES_MAX: usize = 0x00fe_0000;

/// What the rule set is told beside its setup file, and whether the gateway asks it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    /// The rule set's folder.
    pub(super) folder: &'a Path,
    /// SecLang behind its setup file.
    pub(super) settings: &'a str,
    /// The mode of `[intrusion.crs]`.
    pub(super) mode: &'a str,
}

/// What came of the exchanges, in the order of the requests.
#[derive(Debug)]
pub(super) struct Seen {
    /// The answers.
    pub(super) came: Vec<Option<Came>>,
    /// What the gateway wrote down.
    pub(super) log: Log,
    /// What reached the backend.
    pub(super) reached: Reached,
}

/// The address from which a request comes.
pub(super) fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST.saturating_add(u32::try_from(number).unwrap_or(u32::MAX)))
}

/// Starts everything, sends the requests, ends everything.
pub(super) fn send(rules: Rules<'_>, requests: Vec<Vec<u8>>) -> Result<Seen> {
    if requests.len() > EXCHANGES_MAX {
        return Err(Failure::new(format!("there are more than {EXCHANGES_MAX} requests")));
    }
    let scratch = Scratch::new()?;
    lay_out(rules, scratch.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reached = Reached::default();
    let app = backend(&runtime, reached.clone())?;
    let state = scratch.path().join("state");
    let gateway = Gateway::start(&policy(rules.mode)?, app, Ports::any()?, &[], &state, scratch.path())?;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, gateway.ports.http));
    let came = runtime.block_on(exchanges(to, requests))?;
    // Ended: whatever it wrote down is in its log.
    drop(gateway);
    Ok(Seen { came, log: Log::read(&state)?, reached })
}

/// The rules as they are, with the settings asked for.
fn lay_out(rules: Rules<'_>, scratch: &Path) -> Result<()> {
    let own = scratch.join("crs");
    fs::create_dir(&own)?;
    let place = rules.folder.join("rules");
    let place = place.canonicalize().map_err(|error| Failure::at(&place, error))?;
    std::os::unix::fs::symlink(place, own.join("rules"))?;
    let setup = regression::setup(rules.folder)?;
    let text = fs::read_to_string(&setup).map_err(|error| Failure::at(&setup, error))?;
    Ok(fs::write(own.join("crs-setup.conf"), format!("{text}\n{}", rules.settings))?)
}

/// Only the rule set judges: `protocol` reports what it would refuse, and so lets the rules see all that can be read at all; the
/// other layers are off, and so are our own detectors.
fn policy(crs: &str) -> Result<String> {
    let own = layers::rules(LayerName::Intrusion).iter().map(|rule| rule.name).filter(|name| !name.starts_with("crs"));
    let own = toml::Value::from(own.map(str::to_owned).collect::<Vec<_>>());
    let off = LayerName::ALL.iter().filter(|layer| !ASKED.contains(layer));
    let off: String = off.map(|layer| format!("[{layer}]\nmode = \"off\"\n")).collect();
    Ok(format!(
        "[listen]\nplain = true\nworkers = 1\ndrain = \"2s\"\n\
         [protocol]\nmode = \"report\"\nhead_time = \"2s\"\nbody_grace = \"2s\"\n\
         [audit_log]\nrecord = \"all\"\n\
         [intrusion]\nambiguous = \"pass\"\nspent = \"pass\"\nreflection = 0\nallow = {own}\n\
         [intrusion.crs]\npath = \"crs\"\nmode = \"{crs}\"\n{off}"
    ))
}

const ASKED: [LayerName; 3] = [LayerName::Protocol, LayerName::Intrusion, LayerName::AuditLog];

fn backend(runtime: &Runtime, reached: Reached) -> io::Result<u16> {
    let _context = runtime.enter();
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    runtime.spawn(backend::serve(TcpListener::from_std(listener)?, reached));
    Ok(port)
}

async fn exchanges(to: SocketAddr, requests: Vec<Vec<u8>>) -> Result<Vec<Option<Came>>> {
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(tokio::spawn(some(to, requests.clone(), next.clone())));
    }
    let mut all = vec![None; requests.len()];
    for client in clients {
        for (number, came) in client.await.map_err(|error| Failure::new(error.to_string()))?? {
            if let Some(place) = all.get_mut(number) {
                *place = came;
            }
        }
    }
    Ok(all)
}

/// One client: takes the next request until there is none.
async fn some(to: SocketAddr, requests: Arc<Vec<Vec<u8>>>, next: Arc<AtomicUsize>) -> io::Result<Vec<(usize, Option<Came>)>> {
    let mut all = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = requests.get(number) else { return Ok(all) };
        all.push((number, client::exchange(to, address(number), request).await?));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gambeson_core::policy::Policy;

    #[test]
    fn the_policy_holds_and_only_the_rule_set_refuses() {
        for mode in ["enforce", "off"] {
            let policy = Policy::parse(&policy(mode).unwrap()).unwrap();
            // What it says of itself: which layers refuse nothing. The one of the rules is none of them.
            for warning in &policy.warnings.0 {
                assert!(warning.key.ends_with(".mode") && !warning.key.starts_with("intrusion"), "{}", warning.message);
            }
        }
    }

    #[test]
    fn each_exchange_has_its_own_address_of_this_machine() {
        assert_eq!(address(0), Ipv4Addr::new(127, 1, 0, 1));
        assert_ne!(address(1), address(256));
        assert!(address(EXCHANGES_MAX).is_loopback());
    }
}
