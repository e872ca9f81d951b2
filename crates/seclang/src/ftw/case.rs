//! Tests as their files state them.

use super::request;
use super::yaml::{self, Node};
use regex_automata::meta::Regex;

/// One test.
#[derive(Debug, Clone)]
pub struct Test {
    /// Rule and number, such as `942100-3`.
    pub name: String,
    /// Requests with what is expected of each; all must hold.
    pub stages: Vec<Stage>,
}

/// One request with what is expected of it.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The request as it goes over the wire.
    pub request: Vec<u8>,
    /// What is expected.
    pub expect: Expectation,
}

/// What is expected of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Status of the answer.
    pub status: Option<u16>,
    /// Rules that must be in the log.
    pub ids: Vec<u64>,
    /// Rules that must not be in the log.
    pub no_ids: Vec<u64>,
    /// A pattern that must be found in the log.
    pub log: Option<String>,
    /// A pattern that must not be found in the log.
    pub no_log: Option<String>,
}

impl Expectation {
    /// Compares it with what came: the status, whether a rule is in the log, and the log.
    ///
    /// # Errors
    /// What is otherwise.
    pub fn compare(&self, status: u16, has: &dyn Fn(u64) -> bool, log: &str) -> Result<(), String> {
        if let Some(wanted) = self.status.filter(|wanted| *wanted != status) {
            return Err(format!("status {status} and not {wanted}"));
        }
        if let Some(id) = self.ids.iter().find(|id| !has(**id)) {
            return Err(format!("{id} is not in the log:\n{log}"));
        }
        if let Some(id) = self.no_ids.iter().find(|id| has(**id)) {
            return Err(format!("{id} is in the log:\n{log}"));
        }
        let found = |pattern: &str| Regex::new(pattern).map(|p| p.is_match(log)).map_err(|e| e.to_string());
        if let Some(pattern) = &self.log
            && !found(pattern)?
        {
            return Err(format!("no `{pattern}` in the log:\n{log}"));
        }
        if let Some(pattern) = &self.no_log
            && found(pattern)?
        {
            return Err(format!("`{pattern}` in the log:\n{log}"));
        }
        Ok(())
    }
}

/// The tests of one file.
///
/// # Errors
/// Why the text is no such file.
pub fn tests(text: &str) -> Result<Vec<Test>, String> {
    let root = yaml::read(text)?;
    let rule = root.get("rule_id").and_then(Node::text).unwrap_or("?");
    let found = root.get("tests").map_or(&[][..], Node::list);
    found.iter().map(|node| test(rule, node)).collect()
}

fn test(rule: &str, node: &Node) -> Result<Test, String> {
    let id = node.get("test_id").and_then(Node::text).ok_or("a test without test_id")?;
    let name = format!("{rule}-{id}");
    let stages: Result<Vec<Stage>, String> = node.get("stages").map_or(&[][..], Node::list).iter().map(stage).collect();
    Ok(Test { stages: stages.map_err(|why| format!("{name}: {why}"))?, name })
}

fn stage(node: &Node) -> Result<Stage, String> {
    let input = node.get("input").ok_or("a stage without input")?;
    let output = node.get("output").ok_or("a stage without output")?;
    Ok(Stage { request: request::bytes(input)?, expect: expectation(output) })
}

fn expectation(output: &Node) -> Expectation {
    let log = output.get("log");
    let numbers = |key| {
        let list = log.and_then(|log| log.get(key)).map_or(&[][..], Node::list);
        list.iter().filter_map(|n| n.text()?.parse().ok()).collect()
    };
    let pattern = |key| log.and_then(|log| log.get(key)).and_then(Node::text).map(str::to_owned);
    Expectation {
        status: output.get("status").and_then(Node::text).and_then(|s| s.parse().ok()),
        ids: numbers("expect_ids"),
        no_ids: numbers("no_expect_ids"),
        log: pattern("match_regex"),
        no_log: pattern("no_match_regex"),
    }
}
