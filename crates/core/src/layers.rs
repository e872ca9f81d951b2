//! The layers and their order, which is the security argument: see [`Settings::arrival`], [`Settings::admission`] and
//! [`Settings::departure`]. There is no other list and no registration: a defence cannot vanish silently.

pub mod audit_log;
pub mod cookies;
pub mod cors;
pub mod csrf;
pub mod disclosure;
pub mod headers;
pub mod intrusion;
pub mod protocol;
pub mod rate_limit;
pub mod response;
pub mod transport;

use crate::{
    exchange::{Request, Response},
    policy::{App, LayerName, Listen, Mode, Reader, Route, Section},
    record::{Action, Finding},
    sanction::Charge,
    store::{Answer, Ask},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use std::{borrow::Cow, time::Duration};

/// One defence. It copes with absent facts, does not know its own mode, and keeps no state of its own.
pub trait Layer: Send + Sync {
    /// Its name.
    fn name(&self) -> LayerName;

    /// The mode it is asked in, by the mode of its section: a part of a layer may be watched while the rest refuses.
    fn mode(&self, of_layer: Mode) -> Mode {
        of_layer
    }

    /// What it needs to know from stored state to judge the request; asked in one batch with the other layers'.
    fn ask(&self, _: &Request, _: Option<&Route>, _: &mut Vec<Ask>) {}

    /// Judges a request. `answers` are those to its own asks, in order.
    fn judge(&self, _: &mut Request, _: Option<&Route>, _answers: &[Answer]) -> Verdict {
        Verdict::Pass
    }

    /// Answers a request it wanted to see the body of ([`Verdict::Collect`]).
    fn collected(&self, _: &mut Request, _body: Body<'_>) -> Verdict {
        Verdict::Pass
    }

    /// How many bytes of the answer's body it must see before the head may leave; `None`: it needs none.
    fn hold(&self, _: &Request, _: &Response) -> Option<usize> {
        None
    }

    /// Judges and mends an answer. `body` is there when [`hold`](Self::hold) asked for it, and says whether it is whole.
    fn mend(&self, _: &Request, _: Option<&Route>, _: &mut Response, _body: Option<Body<'_>>) -> Outcome {
        Outcome::Pass
    }

    /// Says what an exchange that is over counts against its client.
    fn charge(&self, _: &Ended<'_>, _: &mut Vec<Charge>) {}
}

/// An exchange that is over.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// The request, as it was judged.
    pub request: &'a Request,
    /// The status that was sent.
    pub status: StatusCode,
    /// The app's own status, where it answered.
    pub app_status: Option<StatusCode>,
    /// What the layers found.
    pub findings: &'a [Finding],
    /// Whether the layer that is asked only reports.
    pub is_report: bool,
}

/// A held body, or as much of it as was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    /// The bytes, as the app sent them.
    pub bytes: &'a [u8],
    /// Whether that is all of it.
    pub whole: bool,
}

/// What a layer says of a request.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing against it.
    Pass,
    /// It must not reach the app.
    Refuse(Box<Denial>),
    /// The layer answers it itself.
    Answer(Box<Reply>),
    /// The layer answers it itself when it has seen so many bytes of its body, at most.
    Collect(usize),
    /// Nothing against its head; its body must be read along with it.
    Inspect(Box<dyn Inspector>),
    /// Nothing against it, but it has to wait so long before it is judged any further; its body may be read along.
    Delay(Duration, Option<Box<dyn Inspector>>),
}

/// Reads one request's body for a layer: its beginning before the app sees any of it, the rest as it passes.
pub trait Inspector: std::fmt::Debug + Send + Sync {
    /// How many bytes must be judged before the app gets any.
    fn window(&self) -> usize;

    /// Judges the next bytes. The same bytes in other pieces give the same verdict.
    ///
    /// # Errors
    /// The refusal. After it nothing more is asked in `enforce`; in `report` the rest is read all the same.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Box<Denial>>;

    /// Judges what is complete only now that the body has ended.
    ///
    /// # Errors
    /// The refusal.
    fn end(&mut self) -> Result<(), Box<Denial>>;

    /// Bytes of memory taken until there is more to judge: each inspector bounds it, a host bounds the sum over all exchanges.
    fn held(&self) -> usize;
}

/// What a layer says of an answer.
#[derive(Debug)]
pub enum Outcome {
    /// It may leave, as mended.
    Pass,
    /// Its body must not leave: the status is kept, a clean page takes its place.
    Replace(Box<Denial>),
}

/// Why something was refused: a value, not an error.
#[derive(Debug, Clone)]
pub struct Denial {
    /// Which rule of the layer, in kebab case.
    pub rule: &'static str,
    /// The status to answer with.
    pub status: StatusCode,
    /// What the client is told, in one sentence.
    pub say: &'static str,
    /// Why, for the operator.
    pub why: Cow<'static, str>,
    /// Which part of the message: `header origin`, `path`.
    pub part: String,
    /// The value found there, as it may be written down (see [`crate::record::shown_under`]).
    pub value: String,
    /// How the value was read before it was judged.
    pub transformations: Vec<Cow<'static, str>>,
    /// The narrowest lines of policy that would allow it.
    pub allow: String,
    /// Header fields of the refusal, such as `Retry-After`.
    pub headers: HeaderMap,
    /// Whether the policy lets it pass, and it is only an event.
    pub(crate) is_note: bool,
    /// A form on the page, by which a person can go on.
    pub form: Option<Form>,
    /// Whether it was written down already, by [`crate::engine::RequestBody`]: a host hands it back later.
    pub(crate) is_written: bool,
}

impl Denial {
    /// A refusal with its rule, status, the sentence for the client and the reason for the operator.
    pub fn new(rule: &'static str, status: StatusCode, say: &'static str, why: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self {
            rule,
            status,
            say,
            why: why.into(),
            part: String::new(),
            value: String::new(),
            transformations: Vec::new(),
            allow: String::new(),
            headers: HeaderMap::new(),
            is_note: false,
            form: None,
            is_written: false,
        })
    }

    /// Says which part it was and the value found there.
    #[must_use]
    pub fn at(mut self: Box<Self>, part: impl Into<String>, value: impl Into<String>) -> Box<Self> {
        self.part = part.into();
        self.value = value.into();
        self
    }

    /// Lets it pass: it is written down, and that is all. For what an [`Inspector`] tells.
    #[must_use]
    pub(crate) fn only_noted(mut self: Box<Self>) -> Box<Self> {
        self.is_note = true;
        self
    }

    /// Says which lines of policy would allow it.
    #[must_use]
    pub fn allowed_by(mut self: Box<Self>, lines: impl Into<String>) -> Box<Self> {
        self.allow = lines.into();
        self
    }
}

/// A form on the page of a refusal: a button, and what it sends to an endpoint of ours.
#[derive(Debug, Clone)]
pub struct Form {
    /// Where it is sent, by GET.
    pub action: &'static str,
    /// Names and values that are sent along.
    pub hidden: Vec<(&'static str, String)>,
    /// What stands on the button.
    pub button: &'static str,
}

/// A rule of a layer: what `explain`, the guide and the log say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name, in kebab case: the one in denials and records.
    pub name: &'static str,
    /// What it finds and what is then done, in one sentence.
    pub about: &'static str,
    /// Why: the threat, with its CWE, RFC or ASVS id.
    pub why: &'static str,
}

/// Every rule of a layer. A test reads the layers' sources: a denial whose rule is not listed fails it.
#[must_use]
pub fn rules(layer: LayerName) -> &'static [Rule] {
    match layer {
        LayerName::Transport => transport::RULES,
        LayerName::Protocol => protocol::RULES,
        LayerName::Response => response::RULES,
        LayerName::RateLimit => rate_limit::RULES,
        LayerName::Cors => cors::RULES,
        LayerName::Csrf => csrf::RULES,
        LayerName::Intrusion => &intrusion::RULES,
        LayerName::Disclosure => disclosure::RULES,
        LayerName::Cookies => cookies::RULES,
        LayerName::Headers => headers::RULES,
        LayerName::AuditLog => audit_log::RULES,
    }
}

/// A layer's own answer.
#[derive(Debug)]
pub struct Reply {
    /// Which rule of the layer answers.
    pub rule: &'static str,
    /// Whether that is worth writing down (`Note`), or ordinary (`Answer`).
    pub action: Action,
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What the layers established of a request. Each fact has a type that only its layer can make; a layer that only
/// reports makes none.
#[derive(Debug, Default)]
pub struct Facts {
    /// The request comes from a page of the app itself, or from no page.
    pub same_origin: Option<csrf::SameOrigin>,
    /// The request comes from a foreign origin that may read the answer.
    pub cross_origin: Option<cors::Admitted>,
    /// What came with the request and could become markup in the page that answers.
    pub(crate) suspects: Option<intrusion::Suspects>,
    /// What the rule set has made of the exchange so far.
    pub(crate) crs: Option<intrusion::crs::Judgement>,
    /// The client's cookies as it sent them: by them it is told whom the exchange counts for.
    pub(crate) cookies_sent: Vec<HeaderValue>,
    /// The name that an attempt to log in tries.
    pub(crate) tried: Option<response::Tried>,
    /// What a sanction changes in the answer.
    pub(crate) sanctioned: Option<response::Sanctioned>,
    /// What the limits say, for the answer's header fields.
    pub limit: Option<rate_limit::Standing>,
}

impl Facts {
    /// Takes back what a layer established: the engine does so for layers that only report, or the next layer would
    /// trust what nobody enforced.
    pub(crate) fn forget(&mut self, layer: LayerName) {
        match layer {
            LayerName::Csrf => self.same_origin = None,
            LayerName::Cors => self.cross_origin = None,
            LayerName::Response => self.sanctioned = None,
            LayerName::RateLimit => self.limit = None,
            _ => {}
        }
    }
}

/// Every layer's compiled section.
#[derive(Debug)]
#[allow(missing_docs, reason = "each is documented at its layer")]
pub struct Settings {
    pub transport: transport::Transport,
    pub protocol: protocol::Protocol,
    pub response: response::Ladder,
    pub rate_limit: rate_limit::RateLimit,
    pub cors: cors::Cors,
    pub csrf: csrf::Csrf,
    pub intrusion: intrusion::Intrusion,
    pub disclosure: disclosure::Disclosure,
    pub cookies: cookies::Cookies,
    pub headers: headers::Headers,
    pub audit_log: audit_log::AuditLog,
}

impl Settings {
    /// Judged from the head alone, before any state is asked for: what is malformed or addressed to nobody costs nothing.
    #[must_use]
    pub fn arrival(&self) -> [&dyn Layer; 2] {
        [&self.transport, &self.protocol]
    }

    /// Judged with the answers of stored state. Whoever is banned costs nothing more; then comes the limit, so that whoever guesses
    /// cannot make the rest work for nothing; browsers' reports and preflights are answered before anybody is asked who they are, and grant nothing;
    /// values are judged only of those who may ask at all, since that costs most; cookies get the app's own names back last, when nobody
    /// needs to tell them apart any more.
    #[must_use]
    pub fn admission(&self) -> [&dyn Layer; 8] {
        [
            &self.response,
            &self.rate_limit,
            &self.headers,
            &self.cors,
            &self.csrf,
            &self.intrusion,
            &self.intrusion.crs,
            &self.cookies,
        ]
    }

    /// For answers: the app's own answer tells whether somebody guesses; then what must not leave, then what the rest is dressed in. Our own refusals pass it too.
    #[must_use]
    pub fn departure(&self) -> [&dyn Layer; 9] {
        [
            &self.response,
            &self.disclosure,
            &self.intrusion,
            &self.intrusion.crs,
            &self.cors,
            &self.cookies,
            &self.rate_limit,
            &self.transport,
            &self.headers,
        ]
    }

    /// Reads every layer's section. `open` finds a section in the file and hands its reader over.
    pub(crate) fn compile(app: &App, listen: &Listen, open: &mut Open<'_>) -> Self {
        let rate_limit = section(open, &rate_limit::SECTION, |reader| rate_limit::RateLimit::compile(reader, app));
        Self {
            transport: section(open, &transport::SECTION, |reader| transport::Transport::compile(reader, app, listen)),
            protocol: section(open, &protocol::SECTION, |reader| protocol::Protocol::compile(reader, listen)),
            response: section(open, &response::SECTION, |reader| {
                response::Ladder::compile(reader, app, listen, rate_limit.login_paths())
            }),
            rate_limit,
            cors: section(open, &cors::SECTION, cors::Cors::compile),
            csrf: section(open, &csrf::SECTION, |reader| csrf::Csrf::compile(reader, app, listen)),
            intrusion: section(open, &intrusion::SECTION, |reader| intrusion::Intrusion::compile(reader, app)),
            disclosure: section(open, &disclosure::SECTION, |reader| disclosure::Disclosure::compile(reader, app)),
            cookies: section(open, &cookies::SECTION, |reader| cookies::Cookies::compile(reader, app)),
            headers: section(open, &headers::SECTION, headers::Headers::compile),
            audit_log: section(open, &audit_log::SECTION, audit_log::AuditLog::compile),
        }
    }
}

/// Finds a section in the file and hands its reader over.
pub(crate) type Open<'o> = dyn FnMut(&'static Section, &mut dyn FnMut(&mut Reader<'_>)) + 'o;

fn section<T: Default>(open: &mut Open<'_>, section: &'static Section, compile: impl Fn(&mut Reader<'_>) -> T) -> T {
    let mut compiled = T::default();
    open(section, &mut |reader| compiled = compile(reader));
    compiled
}
