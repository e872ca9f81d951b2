//! The engine as a host of cases: no connection, a clock that stands still, buckets that only empty.

use bytes::Bytes;
use gambeson_core::{
    engine::{Decision, Engine, Exchange, Moment, Outgoing, Payload, Permit, ResponseStep, Step},
    exchange::{Connection, Entropy, Received, ResponseHead, Tls},
    policy::{Mode, Policy},
    record::{Action, Finding},
    sanction::{Charge, Pass, Sanction, Standing},
    store::{Answer, Ask, BucketKey, Rate, Subject, Taken},
};
use gambeson_testkit::{Case, Forwarded, Observed, Question, Seen};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Sends the case's request as often as it says; what came of the last one.
pub(crate) fn replay(case: &Case) -> Result<Observed, String> {
    let policy = Policy::parse(&case.policy).map_err(|problems| format!("policy: {problems}"))?;
    let engine = Engine::new(Arc::new(policy));
    let mut buckets = Buckets::default();
    let mut seen = once(&engine, case, &mut buckets)?;
    for _ in 1..case.times {
        seen = once(&engine, case, &mut buckets)?;
    }
    Ok(seen)
}

fn once(engine: &Engine, case: &Case, buckets: &mut Buckets) -> Result<Observed, String> {
    let (outgoing, forwarded) = exchanged(engine, case, buckets)?;
    outgoing.finish.charges().iter().for_each(|charge| buckets.charge(charge));
    Ok(observed(outgoing, forwarded, case))
}

fn exchanged(engine: &Engine, case: &Case, buckets: &mut Buckets) -> Result<(Outgoing, Option<Forwarded>), String> {
    let received = received(&case.request)?;
    let tls = case.request.tls.then(|| Arc::new(Tls::default()));
    let connection = Connection::new(case.request.peer, tls);
    let moment = Moment { now_ms: 1_800_000_000_000, entropy: Entropy([7; 24]) };
    let pending = match engine.receive(received, connection, moment) {
        Step::Ask(pending) => pending,
        Step::Respond(outgoing) => return Ok((outgoing, None)),
    };
    let answers: Vec<Answer> = pending.asks().iter().map(|ask| buckets.answer(ask)).collect();
    let bytes = case.request.body.as_bytes();
    let decision = match pending.decide(&answers) {
        Decision::Delay(delayed) => delayed.go_on(),
        decision => decision,
    };
    let decision = match decision {
        Decision::Inspect(mut inspecting) => match inspecting.declared(bytes.len() as u64) {
            Ok(()) => {
                let (seen, whole) = held(bytes, inspecting.window());
                inspecting.begin(seen, whole)
            }
            Err(denial) => Decision::Respond(inspecting.fail(denial)),
        },
        decision => decision,
    };
    Ok(match decision {
        Decision::Respond(outgoing) => (outgoing, None),
        Decision::Collect(collecting) => {
            let (seen, whole) = held(bytes, collecting.bytes_max());
            (collecting.body(seen, whole), None)
        }
        Decision::Inspect(_) | Decision::Delay(_) => return Err("inspected or delayed twice".into()),
        Decision::Forward(permit, mut body, exchange) => match body.declared(bytes.len() as u64).and_then(|()| body.piece(bytes))
        {
            Ok(()) => forward(&permit, exchange, case)?,
            Err(denial) => (exchange.fail(gambeson_core::policy::LayerName::Protocol, denial), None),
        },
    })
}

fn forward(permit: &Permit, exchange: Exchange, case: &Case) -> Result<(Outgoing, Option<Forwarded>), String> {
    let sent = exchange.forwarded(permit);
    let forwarded = Forwarded { target: sent.target.as_str().to_owned(), headers: lines(sent.headers) };
    let status = StatusCode::from_u16(case.response.status).map_err(|fault| fault.to_string())?;
    let head = ResponseHead { status, headers: headers(&case.response.headers)? };
    let outgoing = match exchange.response(head) {
        ResponseStep::Send(outgoing) => outgoing,
        ResponseStep::Hold(hold) => {
            let (bytes, whole) = held(case.response.body.as_bytes(), hold.bytes_max());
            hold.body(bytes, whole)
        }
    };
    Ok((outgoing, Some(forwarded)))
}

/// As much of a body as is asked for, and whether that is all of it.
fn held(body: &[u8], bytes_max: usize) -> (&[u8], bool) {
    let bytes = &body[..bytes_max.min(body.len())];
    (bytes, bytes.len() == body.len())
}

fn received(question: &Question) -> Result<Received, String> {
    Ok(Received {
        method: question.method.parse().map_err(|_| format!("`{}` is no method", question.method))?,
        target: Bytes::from(question.target.clone()),
        authority: None,
        version: Version::HTTP_11,
        headers: headers(&question.headers)?,
        has_body: !question.body.is_empty(),
    })
}

pub(crate) fn headers(lines: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::try_from(name.as_str()).map_err(|fault| format!("{name}: {fault}"))?;
        let value = HeaderValue::try_from(value.as_str()).map_err(|fault| format!("{name}: {fault}"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn observed(outgoing: Outgoing, forwarded: Option<Forwarded>, case: &Case) -> Observed {
    let body = match &outgoing.payload {
        Payload::App => case.response.body.clone(),
        Payload::Own(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    Observed {
        forwarded,
        status: outgoing.head.status.as_u16(),
        headers: lines(&outgoing.head.headers),
        body,
        findings: Some(outgoing.finish.findings().map(|finding| seen(&finding)).collect()),
    }
}

fn seen(finding: &Finding) -> Seen {
    let action = serde_json::to_value(finding.action).unwrap();
    Seen {
        rule: format!("{}/{}", finding.layer, finding.rule),
        action: action.as_str().unwrap_or_default().to_owned(),
        report: finding.mode == Mode::Report,
    }
}

/// What a store knows while time stands still: buckets empty and never refill, counts never leak.
#[derive(Default)]
pub(crate) struct Buckets {
    taken: HashMap<BucketKey, u32>,
    counted: HashMap<(String, Subject, u64), (u32, HashSet<u64>)>,
    sanctions: Vec<Sanction>,
}

impl Buckets {
    fn answer(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Take { key, rate } => self.take(key, *rate),
            Ask::Standing { subjects, .. } => {
                let own = |sanction: &&Sanction| subjects.contains(&sanction.subject);
                let sanctions: Vec<_> = self.sanctions.iter().filter(own).cloned().collect();
                let standing = Standing { sanctions, pass: Some(Pass::Owed("token".into())), now_ms: 0 };
                Answer::Standing((!standing.sanctions.is_empty()).then(|| Box::new(standing)))
            }
        }
    }

    fn take(&mut self, key: &BucketKey, rate: Rate) -> Answer {
        let used = self.taken.entry(key.clone()).or_default();
        let allowed = *used < rate.count;
        *used += u32::from(allowed);
        let one = rate.period / rate.count;
        Answer::Taken(Taken {
            allowed,
            remaining: rate.count - *used,
            reset_after: one * *used,
            retry_after: if allowed { std::time::Duration::ZERO } else { one },
        })
    }

    fn charge(&mut self, charge: &Charge) {
        let (kind, value) = charge.distinct.unwrap_or_default();
        let key = (charge.scenario.name.clone(), charge.subject, kind);
        let (count, values) = self.counted.entry(key).or_default();
        if charge.distinct.is_none() || values.insert(value) {
            *count += charge.weight;
        }
        if *count < charge.scenario.count {
            return;
        }
        *count = 0;
        let step = self.sanctions.len().min(charge.scenario.ladder.len() - 1);
        self.sanctions.retain(|sanction| sanction.subject != charge.subject);
        self.sanctions.push(Sanction {
            id: "0a1b2c3d".into(),
            rung: charge.scenario.ladder[step].min(charge.worst).fit(charge.subject),
            subject: charge.subject,
            scenario: charge.scenario.name.clone(),
            reason: charge.scenario.name.clone(),
            reach: charge.scenario.reach,
            since_ms: 0,
            until_ms: 60_000,
            offences: 1,
        });
    }
}

/// What came of one request.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Whether the app would be asked.
    pub(crate) forwarded: bool,
    /// The rule that refused or answered; empty when none did.
    pub(crate) rule: String,
    /// The value that decided.
    pub(crate) value: String,
    /// The lines of policy that would allow it.
    pub(crate) allow: String,
    /// The status that left.
    pub(crate) status: u16,
    /// The header fields that left.
    pub(crate) headers: HeaderMap,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends one request over TLS to `localhost`, by a policy.
pub(crate) fn ask(policy: &str, method: &str, target: &str, fields: &[(&str, &str)], answers: &[Answer]) -> Asked {
    let engine = Engine::new(Arc::new(Policy::parse(policy).unwrap()));
    ask_as(&engine, Tls::default(), method, target, fields, answers)
}

/// The same with what TLS told; the app behind answers 200 and reflects the origin, as bad ones do.
pub(crate) fn ask_as(
    engine: &Engine,
    tls: Tls,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    answers: &[Answer],
) -> Asked {
    let mut lines: Vec<(String, String)> = vec![("host".into(), "localhost".into())];
    lines.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let received = Received {
        method: method.parse().unwrap(),
        target: Bytes::copy_from_slice(target.as_bytes()),
        authority: None,
        version: Version::HTTP_11,
        headers: headers(&lines).unwrap(),
        has_body: false,
    };
    let connection = Connection::new([192, 0, 2, 1].into(), Some(Arc::new(tls)));
    let moment = Moment { now_ms: 0, entropy: Entropy([7; 24]) };
    let outgoing = match engine.receive(received, connection, moment) {
        Step::Respond(outgoing) => return asked(outgoing, false),
        Step::Ask(pending) => pending.decide(answers),
    };
    match outgoing {
        Decision::Respond(outgoing) => asked(outgoing, false),
        Decision::Collect(collecting) => asked(collecting.body(b"", true), false),
        Decision::Inspect(_) | Decision::Delay(_) => unreachable!("there is no body"),
        Decision::Forward(_, _, exchange) => match exchange.response(reflecting(fields)) {
            ResponseStep::Send(outgoing) => asked(outgoing, true),
            ResponseStep::Hold(held) => asked(held.body(b"", true), true),
        },
    }
}

fn reflecting(fields: &[(&str, &str)]) -> ResponseHead {
    let origin = fields.iter().find(|(name, _)| *name == "origin").map_or("*", |(_, value)| value);
    let lines = [("access-control-allow-origin", origin), ("access-control-allow-credentials", "true")];
    let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ResponseHead { status: StatusCode::OK, headers: headers(&lines).unwrap() }
}

fn asked(outgoing: Outgoing, forwarded: bool) -> Asked {
    let decided = outgoing.finish.findings().find(|finding| matches!(finding.action, Action::Refuse | Action::Answer));
    Asked {
        forwarded,
        rule: decided.as_ref().map(|finding| format!("{}/{}", finding.layer, finding.rule)).unwrap_or_default(),
        value: decided.as_ref().map(|finding| finding.value.clone()).unwrap_or_default(),
        allow: decided.as_ref().map(|finding| finding.allow.clone()).unwrap_or_default(),
        status: outgoing.head.status.as_u16(),
        headers: outgoing.head.headers,
    }
}
