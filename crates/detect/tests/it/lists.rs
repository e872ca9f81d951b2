//! What is an attack is found, what is ordinary passes.

use crate::corpus::entries;
use gambeson_detect::BLOCK_FROM;

#[test]
fn every_attack_of_our_lists_is_found() {
    let missed: Vec<_> = entries("attacks").iter().filter(|e| e.judge().score() < BLOCK_FROM).map(|e| e.show()).collect();
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn every_ordinary_input_passes() {
    let stopped: Vec<_> = entries("benign")
        .iter()
        .filter_map(|e| e.judge().worst().filter(|f| f.rule.score >= BLOCK_FROM).map(|f| format!("{} {}", f.rule.name, e.show())))
        .collect();
    assert!(stopped.is_empty(), "{} stopped:\n{}", stopped.len(), stopped.join("\n"));
}
