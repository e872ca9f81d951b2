//! What a rule does beside looking.

use crate::names::Slot;
use crate::parse::targets::Written;
use crate::template::Template;
use crate::transform::Transform;

/// One action, read and typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Id(u64),
    Phase(u8),
    Msg(Template),
    LogData(Template),
    Tag(String),
    Ver(String),
    Severity(u8),
    Block,
    Deny,
    Drop,
    Pass,
    Allow(Reach),
    Redirect(Template),
    Status(u16),
    Log(bool),
    Chain,
    Skip(usize),
    SkipAfter(String),
    Capture,
    MultiMatch,
    SetVar(SetVar),
    Ctl(Ctl),
    NoTransform,
    Transform(Transform),
    /// Accepted, and without a meaning here.
    Nothing,
}

/// How far `allow` reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Phase,
    Request,
    Exchange,
}

/// An assignment to TX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetVar {
    pub(crate) name: Template,
    /// The slot, when the name has no macro in it.
    pub(crate) slot: Option<Slot>,
    pub(crate) operation: Operation,
    pub(crate) value: Template,
}

/// How it assigns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Set,
    Add,
    Subtract,
    Delete,
}

/// `On`, `Off` or `DetectionOnly`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Switch {
    /// Rules run and may interrupt.
    #[default]
    On,
    /// Rules do not run.
    Off,
    /// Rules run and interrupt nothing.
    DetectionOnly,
}

/// A setting changed for the rest of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ctl {
    RuleEngine(Switch),
    Remove(Remove),
    RemoveTargets(Remove, Vec<Written>),
    BodyProcessor(String),
    ForceRequestBody(bool),
    RequestBody(bool),
    ResponseBody(bool),
    RequestBodyLimit(usize),
    ResponseBodyLimit(usize),
}

/// Which rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remove {
    Ids(Vec<(u64, u64)>),
    /// A pattern over tags.
    Tag(String),
    /// A pattern over messages.
    Msg(String),
}
