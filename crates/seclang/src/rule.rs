//! Rules as they run.

use crate::action::{Reach, SetVar, Switch};
use crate::error::{LoadError, Place};
use crate::names::{Names, Slot};
use crate::operator::Operator;
use crate::plan::scan::ALWAYS;
use crate::plan::{Plan, Step};
use crate::template::Template;
use crate::transform::Transform;
use crate::variable::Variable;

/// One rule, or one link of a chain.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: u64,
    pub(crate) at: Place,
    pub(crate) phase: u8,
    pub(crate) targets: Box<[Target]>,
    pub(crate) excluded: Box<[Target]>,
    /// None for SecAction, which always matches.
    pub(crate) condition: Option<Condition>,
    pub(crate) transforms: Box<[Transform]>,
    pub(crate) capture: bool,
    pub(crate) multi_match: bool,
    /// Carried out at every value that matches.
    pub(crate) effects: Box<[Effect]>,
    /// The rest of the chain.
    pub(crate) link: Option<Box<Rule>>,
    /// Carried out when the whole chain matches.
    pub(crate) verdict: Disruption,
    pub(crate) skip: Skip,
    pub(crate) log: bool,
    pub(crate) about: About,
}

/// What is looked at.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) variable: Variable,
    pub(crate) counted: bool,
    pub(crate) which: Which,
}

/// Which values of a variable.
#[derive(Debug)]
pub(crate) enum Which {
    All,
    /// By name in lower case; for TX also its slot.
    Name(Vec<u8>, Slot),
    /// By a pattern over names; for TX also the slots whose names it finds.
    Pattern(NamePattern, Box<[Slot]>),
}

/// A pattern over names, in either case.
#[derive(Debug)]
pub(crate) enum NamePattern {
    /// How names begin, in lower case: what nearly all such patterns ask.
    Beginning(Vec<u8>),
    Any(Box<Operator>),
}

impl NamePattern {
    pub(crate) fn finds(&self, name: &[u8]) -> bool {
        match self {
            NamePattern::Beginning(beginning) => name.get(..beginning.len()).is_some_and(|b| b.eq_ignore_ascii_case(beginning)),
            NamePattern::Any(operator) => operator.test(name, b"", None),
        }
    }
}

/// The condition of a rule.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    pub(crate) negated: bool,
    /// The argument when it holds macros: expanded before every test.
    pub(crate) argument: Option<Template>,
}

/// What happens at each match.
#[derive(Debug)]
pub(crate) enum Effect {
    SetVar(SetVar),
    RuleEngine(Switch),
    Remove(Box<[u32]>),
    RemoveTargets(Box<[u32]>, Box<[Target]>),
    BodyProcessor(String),
    ForceRequestBody(bool),
    RequestBody(bool),
    ResponseBody(bool),
    RequestBodyLimit(usize),
    ResponseBodyLimit(usize),
}

/// What a match does to the exchange.
#[derive(Debug)]
pub(crate) enum Disruption {
    Pass,
    Deny(u16),
    Drop,
    Redirect(Template, u16),
    Allow(Reach),
}

/// Where evaluation goes on after a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    No,
    /// This many rules of the phase are left out.
    Rules(usize),
    /// The position in the phase at which to go on.
    To(usize),
}

/// What a rule says about itself.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) msg: Template,
    pub(crate) logdata: Template,
    pub(crate) tags: Vec<String>,
    pub(crate) severity: Option<u8>,
    pub(crate) ver: String,
}

/// Settings that stand beside the rules.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether rules run.
    pub engine: Switch,
    /// Whether the request's body is read.
    pub request_body: bool,
    /// Whether the response's body is read.
    pub response_body: bool,
    /// Bytes of the request's body that are looked at.
    pub request_body_limit: usize,
    /// Bytes of the request's body outside of uploads that are looked at.
    pub request_body_no_files_limit: usize,
    /// Whether a longer request is refused (else its beginning is looked at).
    pub request_body_reject: bool,
    /// Bytes of the response's body that are looked at.
    pub response_body_limit: usize,
    /// Whether a longer response is refused (else its beginning is looked at).
    pub response_body_reject: bool,
    /// Types of responses whose body is looked at; empty means none.
    pub response_types: Vec<String>,
    /// Arguments that are kept; more set REQBODY_ERROR.
    pub arguments_limit: usize,
    /// Depth of JSON that is read.
    pub json_depth: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            engine: Switch::On,
            request_body: true,
            response_body: true,
            request_body_limit: 13_107_200,
            request_body_no_files_limit: 1_048_576,
            request_body_reject: true,
            response_body_limit: 524_288,
            response_body_reject: false,
            response_types: ["text/plain", "text/html", "text/xml"].map(String::from).to_vec(),
            arguments_limit: 1000,
            json_depth: 512,
        }
    }
}

/// Rules that were read, checked and planned. Immutable; one serves all threads.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// The rules of each phase, by number, in order.
    pub(crate) phases: [Vec<u32>; 5],
    pub(crate) names: Names,
    pub(crate) settings: Settings,
    pub(crate) left_out: Vec<LoadError>,
    /// Every rule in its place.
    pub(crate) plain: Plan,
    /// What runs.
    pub(crate) plan: Plan,
}

impl RuleSet {
    /// How many rules it has; a chain counts as one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The settings that stood beside the rules.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Rules that were left out because they ask for an operator which is deliberately not offered, each with the reason.
    #[must_use]
    pub fn left_out(&self) -> &[LoadError] {
        &self.left_out
    }

    /// For each phase, the rules that run for every exchange and those that run only if what they look for is in it.
    #[must_use]
    pub fn planned(&self) -> [(Vec<u64>, Vec<u64>); 5] {
        let id = |step: &Step| self.rules.get(step.rule as usize).map(|rule| rule.id);
        self.plan.phases.each_ref().map(|phase| {
            let (always, found): (Vec<&Step>, Vec<&Step>) = phase.steps.iter().partition(|step| step.atom == ALWAYS);
            (always.into_iter().filter_map(id).collect(), found.into_iter().filter_map(id).collect())
        })
    }

    /// The ids of all rules, in order.
    pub fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.rules.iter().map(|rule| rule.id)
    }
}
