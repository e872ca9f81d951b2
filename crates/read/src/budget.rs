//! How much reading one request may cost, and why a reader stops.

/// Steps that all readers of one request share. A step is a byte looked at; an event given to the sink costs
/// [`Budget::EVENT_STEPS`] and the bytes of its name and value more. Steps and not time: the same request has the same outcome on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    steps_left: u64,
}

impl Budget {
    /// What one event costs, in steps: about what its bookkeeping costs against looking at a byte.
    pub const EVENT_STEPS: u64 = 16;

    /// A budget of so many steps.
    pub fn new(steps: u64) -> Self {
        Self { steps_left: steps }
    }

    /// Steps not spent yet.
    pub fn steps_left(&self) -> u64 {
        self.steps_left
    }

    /// Spends steps, or says that there are not enough. What was refused leaves nothing: a spent budget stays spent.
    pub fn spend(&mut self, steps: u64) -> Result<(), Stop> {
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => {
                self.steps_left = 0;
                Err(Stop::Budget)
            }
        }
    }
}

/// Bounds of what a reader keeps in memory and passes on. Exceeding one is [`Stop::Bound`], never a value cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest name of a field, flattened and decoded, in bytes.
    pub name_bytes: usize,
    /// Longest value of a field, decoded, in bytes. The content of files is streamed and has no bound here.
    pub value_bytes: usize,
    /// Most fields a reader gives. 1000 is what Django and Starlette allow too; JSON values are many more in ordinary traffic.
    pub fields: u32,
    /// Deepest nesting of JSON, XML and GraphQL. Python's own JSON reader ends near 1000 with an error.
    pub depth: u16,
    /// Longest block of headers of one part of a multipart body, in bytes.
    pub part_head_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { name_bytes: 4 << 10, value_bytes: 1 << 20, fields: 10_000, depth: 64, part_head_bytes: 8 << 10 }
    }
}

/// Why a reader stopped. Each is for policy to decide on; none may pass in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The steps of the request are spent.
    Budget,
    /// The sink wanted no more.
    Sink,
    /// More than a limit allows.
    Bound(Bound),
    /// Not what it was said to be.
    Fault(Fault),
}

/// Which limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// [`Limits::name_bytes`]
    Name,
    /// [`Limits::value_bytes`]
    Value,
    /// [`Limits::fields`]
    Fields,
    /// [`Limits::depth`]
    Depth,
    /// [`Limits::part_head_bytes`]
    PartHead,
}

/// What is wrong with text that cannot be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not JSON (RFC 8259), or more than one value.
    JsonSyntax,
    /// JSON that ends in the middle.
    JsonEnd,
    /// UTF-16 or UTF-32: Python's `json.loads` reads them from bytes, few others do.
    WideText,
    /// Not well-formed XML.
    XmlSyntax,
    /// XML that ends in the middle.
    XmlEnd,
    /// Not a GraphQL document.
    GraphqlSyntax,
    /// A multipart body whose media type has no usable boundary.
    NoBoundary,
    /// A multipart body without a single delimiter.
    NoParts,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stop::Budget => "the work budget of the request is spent",
            Stop::Sink => "stopped on request",
            Stop::Bound(Bound::Name) => "a name is too long",
            Stop::Bound(Bound::Value) => "a value is too long",
            Stop::Bound(Bound::Fields) => "too many fields",
            Stop::Bound(Bound::Depth) => "nested too deeply",
            Stop::Bound(Bound::PartHead) => "the headers of a part are too long",
            Stop::Fault(Fault::JsonSyntax) => "not JSON",
            Stop::Fault(Fault::JsonEnd) => "JSON ends in the middle",
            Stop::Fault(Fault::WideText) => "text in UTF-16 or UTF-32",
            Stop::Fault(Fault::XmlSyntax) => "not XML",
            Stop::Fault(Fault::XmlEnd) => "XML ends in the middle",
            Stop::Fault(Fault::GraphqlSyntax) => "not GraphQL",
            Stop::Fault(Fault::NoBoundary) => "multipart without a boundary",
            Stop::Fault(Fault::NoParts) => "multipart without a delimiter",
        })
    }
}

impl std::error::Error for Stop {}
