//! Whether memory grows with reloads: `cargo run --release --example reload -- DIR [RELOADS]`, where DIR holds a Core Rule Set and its
//! `tests/`.
//!
//! Loads the rules again and again as a gateway does: the new set beside the old one, which goes when the new one is there. Two
//! threads judge requests by each. Prints what the process holds.

mod common;

/// As the gateway has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use gambeson_seclang::{RuleSet, Transaction, ftw};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Requests that each thread judges by each set.
const REQUESTS: usize = 300;

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder? It holds rules/, crs-setup.conf.example and tests/")?;
    let reloads = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(100);
    let folder = Path::new(&folder);
    let requests = requests(folder)?;
    let threads = [thread(&requests), thread(&requests)];
    let mut current = Arc::new(common::load(folder, "SecRuleEngine On")?);
    for reload in 0..=reloads {
        for (to, _) in &threads {
            to.send(Arc::clone(&current)).map_err(|e| e.to_string())?;
        }
        for (_, done) in &threads {
            done.recv().map_err(|e| e.to_string())?;
        }
        if reload % 10 == 0 {
            println!("after {reload:>3} reloads: {:>6.1} MiB", common::memory_kib() as f64 / 1024.0);
        }
        current = Arc::new(common::load(folder, "SecRuleEngine On")?);
    }
    Ok(())
}

/// A thread that judges by every set it is given, and says when it is done.
fn thread(requests: &Arc<Vec<Vec<u8>>>) -> (Sender<Arc<RuleSet>>, Receiver<()>) {
    let ((to, from), (done, answers)) = (channel::<Arc<RuleSet>>(), channel());
    let requests = Arc::clone(requests);
    std::thread::spawn(move || {
        for rules in from {
            requests.iter().for_each(|request| drop(ftw::exchange(Transaction::new(&rules), request)));
            drop(rules);
            if done.send(()).is_err() {
                return;
            }
        }
    });
    (to, answers)
}

fn requests(folder: &Path) -> Result<Arc<Vec<Vec<u8>>>, String> {
    let mut requests = Vec::new();
    for path in common::files(&folder.join("tests"), "yaml")? {
        let text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
        let stages = ftw::tests(&text)?.into_iter().flat_map(|test| test.stages);
        requests.extend(stages.map(|stage| stage.request).take(REQUESTS - requests.len()));
        if requests.len() == REQUESTS {
            break;
        }
    }
    Ok(Arc::new(requests))
}
