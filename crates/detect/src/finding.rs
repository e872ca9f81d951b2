//! What a judgement is made of: where a value stood, which rule it met, how it was decoded, what that may cost.

use std::ops::Range;

/// The score from which a finding is an attack of the usual kind; weaker ones are hints (see [`Rule::score`]).
pub const BLOCK_FROM: u8 = 5;

/// The most findings kept for one value: more say nothing new.
const FINDINGS_MAX: usize = 16;

/// The most bytes of an excerpt.
const EXCERPT_BYTES_MAX: usize = 80;

/// Where a value stood, as far as it changes what it can be: not more of HTTP is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Where {
    /// The value of a parameter: query, form, JSON, XML, cookie.
    Value,
    /// A value that the policy says is Markdown: active HTML within code fences and code spans is content there.
    Markdown,
    /// A value that the policy says is HTML written by a trusted author: its markup is content, the rest is judged.
    Markup,
    /// The name of a parameter.
    Name,
    /// The path of a request, as sent.
    Path,
    /// The value of a header.
    Header,
    /// The value of `User-Agent`.
    Agent,
    /// The name of an uploaded file.
    FileName,
}

impl Where {
    /// Whether a person may have written a text here.
    pub fn is_value(self) -> bool {
        matches!(self, Self::Value | Self::Markdown | Self::Markup)
    }
}

/// One thing a detector can find. Its name is stable: policies, logs and exceptions speak of it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// `detector.what`, such as `sql.union`.
    pub name: &'static str,
    /// 1 to 10: below [`BLOCK_FROM`] a hint that ordinary inputs give too, from there an attack of the usual kind.
    pub score: u8,
    /// The weakness it would use (Common Weakness Enumeration).
    pub cwe: u16,
    /// What was seen, for people.
    pub about: &'static str,
}

impl Rule {
    /// The detector the rule belongs to: what stands before the dot.
    pub fn detector(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }
}

/// One step of decoding that was needed to see what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// `%41` and `%u0041`.
    Percent,
    /// `&lt;`, `&#60;`, `&#x3c;`.
    Entities,
    /// Base64, either alphabet, padded or not.
    Base64,
    /// A string inside a JSON document.
    Json,
    /// `\x41`, `\u0041`, `\n` as source code writes them.
    Escapes,
    /// Fullwidth and look-alike characters, overlong UTF-8, invisible characters.
    Fold,
    /// UTF-7, `+ADw-`.
    Utf7,
}

impl Step {
    /// The name in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Entities => "entities",
            Self::Base64 => "base64",
            Self::Json => "json",
            Self::Escapes => "escapes",
            Self::Fold => "fold",
            Self::Utf7 => "utf7",
        }
    }
}

/// The steps that led from the value as sent to the text that was judged, first to last.
pub type Steps = Vec<Step>;

/// Something found in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub rule: &'static Rule,
    /// Where it stands in the decoded text.
    pub range: Range<usize>,
    /// That piece of the decoded text, shortened.
    pub excerpt: Vec<u8>,
    /// How the text was decoded; empty: as sent.
    pub steps: Steps,
}

/// All that was found in a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Each rule at most once, in the order of the detectors.
    pub list: Vec<Finding>,
    /// The budget was spent before all was looked at: the caller decides what that means.
    pub exhausted: bool,
}

impl Findings {
    /// The highest score, 0 for none. Scores are not added up: a value is read in one place by one interpreter, so two hints
    /// of two detectors are no more than two hints.
    pub fn score(&self) -> u8 {
        self.worst().map_or(0, |f| f.rule.score)
    }

    /// The finding with the highest score.
    pub fn worst(&self) -> Option<&Finding> {
        self.list.iter().max_by_key(|f| f.rule.score)
    }

    /// Keeps a finding, unless its rule was met before.
    pub(crate) fn add(&mut self, rule: &'static Rule, text: &[u8], range: Range<usize>, steps: &Steps) {
        if self.list.len() >= FINDINGS_MAX || self.list.iter().any(|f| f.rule.name == rule.name) {
            return;
        }
        let end = range.end.min(range.start.saturating_add(EXCERPT_BYTES_MAX));
        let excerpt = text.get(range.start..end.min(text.len())).unwrap_or_default().to_vec();
        self.list.push(Finding { rule, range, excerpt, steps: steps.clone() });
    }
}

/// The work that may still be done, in steps: one step is about one byte looked at by one detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    steps_left: u64,
}

impl Budget {
    /// A budget of so many steps.
    pub fn new(steps: u64) -> Self {
        Self { steps_left: steps }
    }

    /// What is left.
    pub fn steps_left(&self) -> u64 {
        self.steps_left
    }

    /// Takes steps; false, and nothing left, if there are not so many.
    pub fn spend(&mut self, steps: usize) -> bool {
        match self.steps_left.checked_sub(steps as u64) {
            Some(left) => {
                self.steps_left = left;
                true
            }
            None => {
                self.steps_left = 0;
                false
            }
        }
    }
}

/// One text under judgement: a value as sent, or one decoding of it.
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) place: Where,
    pub(crate) marks: crate::marks::Marks,
    pub(crate) steps: &'a Steps,
    /// Its entities were decoded out of a text that had markup beside them.
    pub(crate) within_markup: bool,
}

/// Where a detector puts what it found, and what it may still spend.
pub(crate) struct Judging<'a> {
    pub(crate) findings: &'a mut Findings,
    pub(crate) budget: &'a mut Budget,
}

impl Judging<'_> {
    /// Keeps a finding in a text.
    pub(crate) fn found(&mut self, rule: &'static Rule, text: &Text<'_>, range: Range<usize>) {
        self.findings.add(rule, text.bytes, range, text.steps);
    }

    /// Takes steps from the budget; false, and remembered, when there are none.
    pub(crate) fn spend(&mut self, steps: usize) -> bool {
        let enough = self.budget.spend(steps);
        self.findings.exhausted |= !enough;
        enough
    }
}
