//! What must come of a case.

use crate::case::Host;
use serde::Serialize;

/// What must come of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expect {
    /// The decision.
    pub verdict: Verdict,
    /// Rules that must have found something without refusing: action and rule.
    pub findings: Vec<(String, String)>,
    /// Everything else that must hold.
    pub details: Vec<Detail>,
}

/// The decision of a request. Rules are written `layer/rule`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[allow(missing_docs, reason = "each field is what the variant's sentence says")]
pub enum Verdict {
    /// The app was asked and its answer left.
    Forward,
    /// A rule refused, with that status.
    Refuse { rule: String, status: u16 },
    /// A layer answered itself, with that status.
    Answer { rule: String, status: u16 },
    /// The app was asked, and a rule replaced its body; the status that left.
    Replace { rule: String, status: u16 },
}

/// One more thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Detail {
    /// The status that left.
    Status(u16),
    /// The target the app saw.
    UpstreamTarget(String),
    /// A header field the app saw, once.
    UpstreamHeader(String, String),
    /// A header field the app did not see.
    UpstreamHeaderAbsent(String),
    /// A line of a header field that left.
    ResponseHeader(String, String),
    /// A header field that did not leave.
    ResponseHeaderAbsent(String),
    /// A part of the body that left.
    BodyContains(String),
    /// What the body that left must not contain.
    BodyLacks(String),
}

enum Line {
    Verdict(Verdict),
    Finding(String, String),
    Detail(Detail),
    Times(u32),
    Hosts(Vec<Host>),
}

impl Expect {
    /// Reads an `expect` block: the expectations, how often to ask, and where.
    pub(crate) fn parse(text: &str) -> Result<(Self, u32, Vec<Host>), String> {
        let mut verdict = None;
        let (mut times, mut hosts) = (1, Host::ALL.to_vec());
        let (mut findings, mut details) = (Vec::new(), Vec::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match Line::parse(line)? {
                Line::Verdict(_) if verdict.is_some() => return Err(format!("`{line}` is a second verdict")),
                Line::Verdict(one) => verdict = Some(one),
                Line::Finding(action, rule) => findings.push((action, rule)),
                Line::Detail(detail) => details.push(detail),
                Line::Times(number) => times = number,
                Line::Hosts(named) => hosts = named,
            }
        }
        let verdict = verdict.ok_or("no verdict: forward, refuse, answer or replace")?;
        Ok((Self { verdict, findings, details }, times, hosts))
    }
}

impl Line {
    fn parse(line: &str) -> Result<Self, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let text = || rest.to_owned();
        Ok(match word {
            "forward" => Self::Verdict(Verdict::Forward),
            "refuse" => ruled(rest, |rule, status| Verdict::Refuse { rule, status })?,
            "answer" => ruled(rest, |rule, status| Verdict::Answer { rule, status })?,
            "replace" => ruled(rest, |rule, status| Verdict::Replace { rule, status })?,
            "report" | "change" | "note" => Self::Finding(word.to_owned(), rule(rest)?),
            "times" => Self::Times(number(rest)?),
            "hosts:" => Self::Hosts(rest.split(' ').map(Host::parse).collect::<Result<_, _>>()?),
            "status" => Self::Detail(Detail::Status(number(rest)?)),
            "upstream-target" => Self::Detail(Detail::UpstreamTarget(text())),
            "upstream-header" => field(rest, Detail::UpstreamHeader)?,
            "upstream-header-absent" => Self::Detail(Detail::UpstreamHeaderAbsent(rest.to_ascii_lowercase())),
            "response-header" => field(rest, Detail::ResponseHeader)?,
            "response-header-absent" => Self::Detail(Detail::ResponseHeaderAbsent(rest.to_ascii_lowercase())),
            "body-contains" => Self::Detail(Detail::BodyContains(text())),
            "body-lacks" => Self::Detail(Detail::BodyLacks(text())),
            _ => return Err(format!("`{line}` is no expectation")),
        })
    }
}

fn ruled(text: &str, verdict: impl Fn(String, u16) -> Verdict) -> Result<Line, String> {
    let (name, status) = text.split_once(' ').ok_or_else(|| format!("`{text}`: write LAYER/RULE STATUS"))?;
    Ok(Line::Verdict(verdict(rule(name)?, number(status)?)))
}

fn rule(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        Some((layer, rule)) if !layer.is_empty() && !rule.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is no rule: write LAYER/RULE")),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no number that fits here"))
}

fn field(text: &str, detail: impl Fn(String, String) -> Detail) -> Result<Line, String> {
    let (name, value) = text.split_once(':').ok_or_else(|| format!("`{text}`: write NAME: VALUE"))?;
    Ok(Line::Detail(detail(name.to_ascii_lowercase(), value.trim().to_owned())))
}
