//! A case: a policy, a request, what the app answers, and what must come of it.

use crate::{
    expect::Expect,
    http_text::{Answer, Question},
    markdown::{Section, sections},
};
use serde::Serialize;

/// One executable case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The heading.
    pub name: String,
    /// The line of the heading, counted from one.
    pub line: usize,
    /// The policy file's text; empty for the strict default.
    pub policy: String,
    /// Where it makes sense.
    pub hosts: Vec<Host>,
    /// How often the request is sent.
    pub times: u32,
    /// The request.
    pub request: Question,
    /// What the app answers.
    pub response: Answer,
    /// What must come of it.
    pub expect: Expect,
}

/// What replays cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Host {
    /// The bare engine.
    Engine,
    /// The gateway, over a connection.
    Gateway,
    /// A WSGI app in the same process.
    Wsgi,
}

impl Host {
    pub(crate) const ALL: [Self; 3] = [Self::Engine, Self::Gateway, Self::Wsgi];

    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        match word {
            "engine" => Ok(Self::Engine),
            "gateway" => Ok(Self::Gateway),
            "wsgi" => Ok(Self::Wsgi),
            _ => Err(format!("`{word}` is no host: engine, gateway or wsgi")),
        }
    }
}

/// A key of the policy that the host decides, such as its own port: table, key, value.
pub type Written<'a> = (&'a str, &'a str, toml::Value);

impl Case {
    /// Reads every case of a Markdown text.
    ///
    /// # Errors
    /// The first thing that cannot be read, with its line. A text that has case blocks but no whole case is an error too: a case
    /// must not vanish by a typing mistake.
    pub fn parse_all(markdown: &str) -> Result<Vec<Self>, String> {
        let mut cases = Vec::new();
        for section in sections(markdown)? {
            let line = section.line;
            let named = |fault| format!("line {line}, `{}`: {fault}", section.name);
            cases.extend(Self::parse(&section).map_err(named)?);
        }
        Ok(cases)
    }

    fn parse(section: &Section<'_>) -> Result<Option<Self>, String> {
        let (question, expect) = match (section.block("http")?, section.block("expect")?) {
            (Some(question), Some(expect)) => (question, expect),
            (None, None) if section.block("http response")?.is_none() => return Ok(None),
            (None, _) => return Err("a case without a `http` block asks nothing".into()),
            (_, None) => return Err("a case without an `expect` block proves nothing".into()),
        };
        let policy = section.block("toml")?.unwrap_or_default();
        policy.parse::<toml::Table>().map_err(|fault| format!("policy: {fault}"))?;
        let response = section.block("http response")?.map(|text| Answer::parse(&text)).transpose()?;
        let (expect, times, hosts) = Expect::parse(&expect)?;
        Ok(Some(Self {
            name: section.name.to_owned(),
            line: section.line,
            policy,
            hosts,
            times,
            request: Question::parse(&question)?,
            response: response.unwrap_or_default(),
            expect,
        }))
    }

    /// Whether the case makes sense in a host.
    #[must_use]
    pub fn is_for(&self, host: Host) -> bool {
        self.hosts.contains(&host)
    }

    /// The policy with keys that only the host knows (its ports, where the app listens), which the case may not say itself.
    ///
    /// # Errors
    /// When the policy is not TOML, which [`parse_all`](Self::parse_all) has ruled out.
    pub fn policy_with(&self, keys: &[Written<'_>]) -> Result<String, String> {
        let mut table: toml::Table = self.policy.parse().map_err(|fault: toml::de::Error| fault.to_string())?;
        for (section, key, value) in keys {
            let section = table.entry((*section).to_owned()).or_insert_with(|| toml::Table::new().into());
            if let Some(section) = section.as_table_mut() {
                section.insert((*key).to_owned(), value.clone());
            }
        }
        Ok(table.to_string())
    }
}
