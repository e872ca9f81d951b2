//! The judgement of one request's values, one after the other.

use super::{
    Intrusion, Suspects,
    ordinary::Ordinary,
    policy::{Exception, covers},
    reflect::{REFLECTED, could_act},
};
use crate::{exchange::Request, layers::Denial, record::shown_under};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use gambeson_detect::{Finding, Findings, Where};
use gambeson_read::{
    Budget, Field, Flow, Kind, Limits, MediaType, Note, Notes, Out, Place, Profile, Reader, Sink, Stop, UrlEncoded, keeps_ascii,
    read_cookies, read_path,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::{borrow::Cow, sync::Arc};

const SAY: &str = "This request looks like an attack on this site, so it was not carried out.";
const SAY_UNREADABLE: &str = "This request could not be read in one way only, so it was not carried out.";

/// The lines that let doubtful bodies pass.
const AMBIGUOUS: &str = "[intrusion]\nambiguous = \"pass\"";

/// What every request is worth, in steps, however small it is.
const STEPS_MIN: u64 = 200_000;

/// `%22` in the name of a field or file, as browsers write a quote: frameworks keep or undo it, and so do the detectors, both.
const JUDGED_EITHER_WAY: Note = Note::PercentQuote;

/// Judges the values of one request: of its head while it is at hand, of its body when it is elsewhere.
#[derive(Debug)]
pub(super) struct Judge<'r> {
    threshold: u8,
    allow: Arc<[String]>,
    /// Those that hold for this request's path.
    except: Vec<Exception>,
    profile: Profile,
    refuse_spent: bool,
    refuse_ambiguous: bool,
    steps_per_byte: u64,
    judging: gambeson_detect::Budget,
    reading: Budget,
    at: At<'r>,
    /// What could become markup in the answer; nothing, most of the time.
    pub(super) suspects: Option<Suspects>,
    /// What the present reader could have been read as, too.
    notes: Notes,
    denial: Option<Box<Denial>>,
    /// What the policy lets pass although it was not, or not wholly, judged: an event all the same.
    pub(super) noted: Option<Box<Denial>>,
    /// What is read is not said to be what it is read as, and may be a picture: values that no text has are none.
    pub(super) guessing: bool,
}

/// The request, or what is left to be known of it; only findings ask.
#[derive(Debug)]
enum At<'r> {
    Head(&'r Request),
    Body { path: String, ordinary: Ordinary },
}

impl At<'_> {
    fn path(&self) -> Cow<'_, str> {
        match self {
            Self::Head(request) => crate::record::shown_path(request.target.decoded_path()).into(),
            Self::Body { path, .. } => path.into(),
        }
    }

    fn is_ordinary(&self, finding: &Finding, part: &str, name: &str) -> bool {
        match self {
            Self::Head(request) => Ordinary::at(&request.origin()).is(finding, part, name),
            Self::Body { ordinary, .. } => ordinary.is(finding, part, name),
        }
    }
}

pub(super) type Judged = Result<(), Box<Denial>>;

impl<'r> Judge<'r> {
    pub(super) fn new(layer: &Intrusion, request: &'r Request) -> Self {
        let path = request.target.decoded_path();
        Self {
            threshold: layer.threshold,
            allow: layer.allow.clone(),
            except: layer.except.iter().filter(|one| one.is_on(path)).cloned().collect(),
            profile: layer.profile,
            refuse_spent: layer.refuse_spent,
            refuse_ambiguous: layer.refuse_ambiguous,
            steps_per_byte: layer.steps_per_byte,
            judging: gambeson_detect::Budget::new(STEPS_MIN),
            reading: Budget::new(STEPS_MIN),
            at: At::Head(request),
            suspects: None,
            notes: Notes::default(),
            denial: None,
            noted: None,
            guessing: false,
        }
    }

    /// The same judge for the request's body, which is read when the request is elsewhere: so what could become markup is shared.
    pub(super) fn of_body(mut self, request: &Request, guessing: bool) -> Judge<'static> {
        let suspects = self.suspects.take().unwrap_or_default();
        let path = self.at.path().into_owned();
        let at = At::Body { path, ordinary: Ordinary::at(&request.origin()) };
        Judge { at, suspects: Some(suspects), guessing, ..self }
    }

    /// Judges path, query, cookies and the other header fields.
    pub(super) fn head(&mut self, request: &Request) -> Judged {
        let limits = Limits::default();
        self.worth(request.target.as_str().len() + request.headers.iter().map(|(_, value)| value.len()).sum::<usize>());
        self.value(Where::Path, &|| "path".into(), "path", request.target.path().as_bytes());
        let segments = self.read(|out| read_path(request.target.path().as_bytes(), &limits, out));
        // A path with two meanings is the business of `protocol`.
        self.notes = Notes::default();
        self.settle(segments, "path")?;
        self.typed(request)?;
        if let Some(query) = request.target.query() {
            let read = self.whole(&mut UrlEncoded::new(Place::Query, &limits), query.as_bytes());
            self.settle(read, "query")?;
        }
        self.headers(&request.headers, &limits)
    }

    /// Judges whether what the request says of its type lets the app read something else than what is judged.
    fn typed(&mut self, request: &Request) -> Judged {
        let mut types = request.headers.get_all(header::CONTENT_TYPE).iter().map(HeaderValue::as_bytes);
        let Some(first) = types.next() else { return Ok(()) };
        if types.next().is_some() {
            let why = "two content types: servers choose one, or join them, and the app reads by that (CWE-436)";
            return self.doubt_of("content-type", first, why);
        }
        let query = request.target.query().is_some() && self.profile.decodes_query_by_charset();
        let body = request.has_body && self.profile.decodes_body_by_charset();
        if (query || body) && !keeps_ascii(first) {
            let why = "the app's framework may decode by this charset, in which other bytes are quotes and tags (CWE-436)";
            return self.doubt_of("content-type", first, why);
        }
        Ok(())
    }

    /// The refusal of a field that lets the app read otherwise.
    fn doubt_of(&mut self, name: &str, value: &[u8], why: &'static str) -> Judged {
        let denial = unreadable("ambiguous", why.into()).at(format!("header {name}"), crate::record::shown(value));
        self.unless(self.refuse_ambiguous, denial.allowed_by(AMBIGUOUS))
    }

    fn headers(&mut self, headers: &HeaderMap, limits: &Limits) -> Judged {
        for line in headers.get_all(header::COOKIE) {
            let read = self.read(|out| read_cookies(line.as_bytes(), limits, out));
            // What is odd about a cookie is nearly always another site's script; each reading is judged, none refused.
            self.notes = Notes::default();
            self.settle(read, "cookies")?;
        }
        for (name, value) in headers {
            let place = match *name {
                header::USER_AGENT => Where::Agent,
                _ if is_free_text(name.as_str()) || is_odd(name, value.as_bytes()) => Where::Header,
                header::AUTHORIZATION => {
                    self.credentials(value.as_bytes());
                    continue;
                }
                _ => continue,
            };
            let address = (*name == header::REFERER).then(|| unescaped(value.as_bytes()));
            let value = address.as_deref().unwrap_or(value.as_bytes());
            self.value(place, &|| format!("header {name}"), name.as_str(), value);
        }
        self.denial.take().map_or(Ok(()), Err)
    }

    /// Judges name and password of HTTP Basic (RFC 7617): apps look them up as they do a form's.
    fn credentials(&mut self, value: &[u8]) {
        let (scheme, encoded) = value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return;
        }
        let Ok(pair) = LENIENT.decode(base64_of(encoded)) else { return };
        let (user, password) = pair.split_at(pair.iter().position(|byte| *byte == b':').unwrap_or(pair.len()));
        let part = || "header authorization".to_owned();
        self.value(Where::Value, &part, "authorization", user);
        self.value(Where::Value, &part, "authorization password", password.get(1..).unwrap_or_default());
    }

    /// Grants the work that so many more bytes are worth.
    pub(super) fn worth(&mut self, bytes: usize) {
        let more = self.steps_per_byte.saturating_mul(bytes as u64);
        self.judging = gambeson_detect::Budget::new(self.judging.steps_left().saturating_add(more));
        self.reading = Budget::new(self.reading.steps_left().saturating_add(more));
    }

    /// Reads with this judge as the reader's audience.
    pub(super) fn read(&mut self, read: impl FnOnce(&mut Out<'_>) -> Result<(), Stop>) -> Result<(), Stop> {
        let mut budget = self.reading.clone();
        let read = read(&mut Out { sink: self, budget: &mut budget });
        self.reading = budget;
        read
    }

    fn whole(&mut self, reader: &mut dyn Reader, bytes: &[u8]) -> Result<(), Stop> {
        self.read(|out| {
            reader.feed(bytes, out)?;
            reader.finish(out)
        })
    }

    /// Draws the conclusion from what a reader came to.
    pub(super) fn settle(&mut self, read: Result<(), Stop>, part: &str) -> Judged {
        if let Some(denial) = self.denial.take() {
            return Err(denial);
        }
        match read {
            Ok(()) | Err(Stop::Sink) => {}
            Err(Stop::Budget) => return self.spent(part),
            Err(stop @ (Stop::Bound(_) | Stop::Fault(_))) => {
                let denial = unreadable("unreadable", format!("{stop} (CWE-20)")).at(part, "").allowed_by(AMBIGUOUS);
                return self.unless(self.refuse_ambiguous, denial);
            }
        }
        let odd = self.notes.iter().find(|note| !self.profile.agrees(*note) && *note != JUDGED_EITHER_WAY);
        let Some(note) = odd else { return Ok(()) };
        let why = format!("`{}`: the app's framework may read this otherwise (CWE-436)", note.name());
        self.unless(self.refuse_ambiguous, unreadable("ambiguous", why).at(part, note.name()).allowed_by(AMBIGUOUS))
    }

    /// The same for what is read as something that it does not say to be: only the values count, and a name of many kilobytes is a text.
    pub(super) fn guessed(&mut self, read: Result<(), Stop>) -> Judged {
        self.notes = Notes::default();
        self.settle(read.or_else(|stop| if matches!(stop, Stop::Bound(_)) { Ok(()) } else { Err(stop) }), "body")
    }

    /// Judges that a body is compressed: what its reader would be fed is not what some frameworks read.
    pub(super) fn coded(&mut self, headers: &HeaderMap) -> Judged {
        let is_coded = |value: &&HeaderValue| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
        let coding = headers.get_all(header::CONTENT_ENCODING).iter().find(is_coded);
        let Some(coding) = coding.filter(|_| self.profile.undoes_content_coding()) else { return Ok(()) };
        let why = "the app's framework may undo the body's coding, and then read what was not judged (CWE-436)";
        self.doubt_of("content-encoding", coding.as_bytes(), why)
    }

    fn spent(&mut self, part: &str) -> Judged {
        let why = "to judge this would take more work than it is worth (CWE-400)";
        let lines = format!("[intrusion]\nwork = {}", self.steps_per_byte.saturating_mul(4));
        self.unless(self.refuse_spent, unreadable("work", why.into()).at(part, "").allowed_by(lines))
    }

    /// The refusal, or, where the policy lets such things pass, the event.
    fn unless(&mut self, refuse: bool, denial: Box<Denial>) -> Judged {
        if refuse {
            return Err(denial);
        }
        self.noted.get_or_insert(denial);
        Ok(())
    }

    /// Judges one value; `name` says whether it may be a secret.
    pub(super) fn value(&mut self, place: Where, part: &dyn Fn() -> String, name: &str, value: &[u8]) {
        if self.denial.is_some() {
            return;
        }
        self.suspect(part, value);
        if self.denial.is_some() {
            return;
        }
        let findings = gambeson_detect::judge(value, place, &mut self.judging);
        if findings.list.is_empty() && !findings.exhausted {
            return;
        }
        let part = part();
        self.denial = self.denial_of(&findings, place, part.as_str(), name, value);
        if self.denial.is_none() && findings.exhausted {
            self.denial = self.spent(&part).err();
        }
    }

    /// Keeps a value that could become markup, unless it may.
    fn suspect(&mut self, part: &dyn Fn() -> String, value: &[u8]) {
        if !could_act(value) {
            return;
        }
        let part = part();
        let mut own = self.except.iter().filter(|one| one.names(&part));
        if !own.any(|one| one.holds() == Some(Where::Markup) || one.allows(REFLECTED)) {
            let allow = self.exception(&part, REFLECTED);
            if !self.suspects.get_or_insert_default().add(value, &part, allow) {
                self.denial = self.spent(&part).err();
            }
        }
    }

    fn denial_of(&mut self, findings: &Findings, place: Where, part: &str, name: &str, value: &[u8]) -> Option<Box<Denial>> {
        let own: Vec<&Exception> = self.except.iter().filter(|one| one.names(part)).collect();
        let again = own.iter().find_map(|one| one.holds()).filter(|_| place == Where::Value);
        let again = again.map(|holds| gambeson_detect::judge(value, holds, &mut self.judging));
        let allowed =
            |rule: &str| self.allow.iter().any(|written| covers(written, rule)) || own.iter().any(|one| one.allows(rule));
        let left = again.as_ref().unwrap_or(findings).list.iter();
        let left = left.filter(|finding| !allowed(finding.rule.name) && !self.at.is_ordinary(finding, part, name));
        let worst = left.max_by_key(|finding| finding.rule.score).filter(|finding| finding.rule.score >= self.threshold)?;
        let rule = worst.rule;
        let why = format!("{} (CWE-{}, score {})", rule.about, rule.cwe, rule.score);
        let mut denial = Denial::new(rule.name, StatusCode::FORBIDDEN, SAY, why).at(part, shown_under(name, &worst.excerpt));
        denial.transformations = worst.steps.iter().map(|step| Cow::Borrowed(step.name())).collect();
        Some(denial.allowed_by(self.exception(part, rule.name)))
    }

    /// The narrowest lines that would let such a value pass.
    fn exception(&self, part: &str, rule: &str) -> String {
        let (path, part) = (toml::Value::from(self.at.path().as_ref()), toml::Value::from(part));
        format!("[[intrusion.except]]\npath = {path}\nparameter = {part}\nrules = [\"{rule}\"]")
    }
}

fn unreadable(rule: &'static str, why: String) -> Box<Denial> {
    Denial::new(rule, StatusCode::BAD_REQUEST, SAY_UNREADABLE, why)
}

impl Sink for Judge<'_> {
    fn field(&mut self, field: Field<'_>) -> Flow {
        if self.guessing && field.name.iter().chain(field.value).any(|byte| *byte < b'\t') {
            return Flow::Continue;
        }
        let name = String::from_utf8_lossy(field.name);
        let part = || format!("{} {name}", word(field.place)).trim_end().to_owned();
        if !matches!(field.place, Place::Path | Place::File) {
            // What is read as a form without being one has a text in the place of a name.
            let of_text = self.guessing && field.name.contains(&b'\n');
            let place = if of_text { Where::Value } else { Where::Name };
            self.value(place, &|| format!("name {}", part()), "", field.name);
        }
        let place = if field.place == Place::File { Where::FileName } else { Where::Value };
        if !matches!(field.kind, Kind::Number | Kind::Bool | Kind::Null) {
            self.value(place, &part, &name, field.value);
        }
        if self.denial.is_some() { Flow::Stop } else { Flow::Continue }
    }

    fn note(&mut self, note: Note) -> Flow {
        self.notes.insert(note);
        Flow::Continue
    }
}

/// What a place is called in the log and in exceptions.
const fn word(place: Place) -> &'static str {
    match place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Form | Place::Multipart => "form",
        Place::File => "file",
        Place::Json => "json",
        Place::Xml => "xml",
        Place::Graphql => "graphql",
        Place::Cookie => "cookie",
        Place::Header => "header",
    }
}

/// What Python's `b64decode` reads: it passes over all that is not of the alphabet, and ends where the padding is whole.
fn base64_of(encoded: &[u8]) -> Vec<u8> {
    let (mut kept, mut pads) = (Vec::new(), 0);
    for byte in encoded {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                kept.push(*byte);
                pads = 0;
            }
            b'=' => pads += 1,
            _ => {}
        }
        if pads > 0 && kept.len() % 4 >= 2 && kept.len() % 4 + pads >= 4 {
            break;
        }
    }
    kept
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Whether a structured field has what its structure hardly has, and values that leave their place do.
fn is_odd(name: &HeaderName, value: &[u8]) -> bool {
    // Judged by a reader of their own, or written anew before the app sees them.
    let own = matches!(name.as_str(), "host" | "cookie" | "forwarded") || name.as_str().starts_with("x-forwarded-");
    !own && value.iter().any(|byte| matches!(byte, b'\'' | b'<' | b'`' | b'$' | b'{' | b'|' | b'\\'))
}

/// Whether a header field holds what an app may take over as text. The others are structured, read by servers and browsers alone, or
/// judged elsewhere.
fn is_free_text(name: &str) -> bool {
    match name {
        "host" | "cookie" | "authorization" | "proxy-authorization" | "connection" | "content-length" | "content-type" => false,
        "content-encoding" | "transfer-encoding" | "date" | "expect" | "origin" | "range" | "te" | "upgrade" => false,
        "upgrade-insecure-requests" | "cache-control" | "pragma" | "priority" | "dnt" | "via" | "forwarded" => false,
        "keep-alive" | "traceparent" => false,
        "accept-language" => true,
        _ => !["accept", "sec-", "if-", "access-control-", "x-forwarded-"].iter().any(|start| name.starts_with(start)),
    }
}

/// An address as it was before a browser escaped it: quotes are left as they are by that, and seem to enclose what is not there.
fn unescaped(address: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(address.len());
    gambeson_read::percent_decode(address, false, &mut plain);
    plain
}

/// How a body is read, by its content type.
pub(super) fn media(headers: &HeaderMap) -> Option<MediaType> {
    headers.get(header::CONTENT_TYPE).map(|value| MediaType::read(value.as_bytes()))
}
