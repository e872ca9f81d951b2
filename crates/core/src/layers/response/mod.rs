//! What follows for whoever attacks again and again.
//!
//! Every request asks once whether its network or session is under a sanction, and what is left to do then. When an exchange is
//! over, what happened in it is counted: refusals of the layers, the app's 404s, logins that failed. Counting is the store's;
//! this layer says what counts, and applies what comes of it.

mod challenge;
mod count;
mod decoy;
mod login;
mod names;
mod policy;
mod scenario;
mod who;

use scenario::Event;

pub use names::Tried;
pub use policy::{Ladder, SECTION};

use crate::{
    exchange::{Request, Response},
    layers::{Body, Denial, Ended, Inspector, Layer, Outcome, Rule, Verdict},
    policy::{LayerName, Route},
    record::shown_path,
    sanction::{Charge, Pass, Reach, Rung, Sanction, Standing},
    store::{Answer, Ask, Subject},
};
use http::{HeaderValue, StatusCode, header};
use std::time::Duration;

/// Every rule this layer refuses, answers or notes by, in kebab case.
pub const RULES: &[Rule] = &[
    Rule {
        name: "watched",
        about: "A client on the rung `log`: each of its requests is written down.",
        why: "What an attacker tried next is known afterwards (CWE-778).",
    },
    Rule {
        name: "slowed",
        about: "A client on the rung `slow` waits `response.slow` for every answer; 429 when too many wait already. In the WSGI host none waits: five come in at once, then one in that time, and the rest gets 429.",
        why: "Lists are worked through in the hope that they end; waiting takes the hope, and hurts nobody who reads (CWE-307, CWE-799).",
    },
    Rule {
        name: "challenge",
        about: "A client on the rung `challenge` gets a page on which it must wait and press a button: 429.",
        why: "A program that only repeats requests ends here; a person goes on (CWE-799).",
    },
    Rule {
        name: "passed",
        about: "The button of that page was pressed: 303 to where the client wanted to go.",
        why: "A person must be able to go on.",
    },
    Rule {
        name: "end-session",
        about: "A session that attacked is taken away: the app sees the request without its cookie, the browser forgets it.",
        why: "Whoever stole or abuses a session must not keep it (CWE-613).",
    },
    Rule {
        name: "block",
        about: "A client on the rung `block`: 403 for a while.",
        why: "It attacked again and again (CWE-799).",
    },
    Rule {
        name: "ban",
        about: "A client on the rung `ban`: 403, also after a restart, until it ends or `gambeson bans lift`.",
        why: "It attacked again after everything else (CWE-799).",
    },
    Rule {
        name: "decoy",
        about: "Something was asked for that only scanners look for: our 404 where the policy names it, else noted when the app answers 404.",
        why: "Nobody comes there by a link (CWE-200).",
    },
    Rule {
        name: login::FAILED,
        about: "An attempt to log in failed, as far as the app's answer tells: noted.",
        why: "Guessing is seen by its failures (CWE-307, CWE-778; ASVS 5.0 6.3.1, 16.3.1).",
    },
];

/// What a sanction changes in the answer.
#[derive(Debug, Default)]
pub struct Sanctioned {
    /// The session cookies that the browser shall forget.
    ended: Vec<String>,
}

impl Layer for Ladder {
    fn name(&self) -> LayerName {
        LayerName::Response
    }

    fn ask(&self, request: &Request, _: Option<&Route>, asks: &mut Vec<Ask>) {
        if !self.spares(request.client) {
            let cookies = request.headers.get_all(header::COOKIE);
            let (subjects, shown) = (who::subjects(self, request.client, cookies), challenge::shown(request));
            asks.push(Ask::Standing { subjects, shown, wait: self.wait, pass: self.pass });
        }
    }

    fn judge(&self, request: &mut Request, _: Option<&Route>, answers: &[Answer]) -> Verdict {
        if self.spares(request.client) {
            return Verdict::Pass;
        }
        // Other layers may change its cookies on the way.
        request.facts.cookies_sent = request.headers.get_all(header::COOKIE).iter().cloned().collect();
        let verdict = match answers.first() {
            Some(Answer::Standing(Some(standing))) => self.apply(request, standing),
            _ => Verdict::Pass,
        };
        match verdict {
            Verdict::Pass if challenge::is_endpoint(request) => Verdict::Answer(Box::new(challenge::go_on(request, None))),
            Verdict::Pass if self.is_own_decoy(request) => Verdict::Refuse(decoy_denial(request)),
            Verdict::Pass => self.names(request).map_or(Verdict::Pass, Verdict::Inspect),
            Verdict::Delay(time, _) => Verdict::Delay(time, self.names(request)),
            verdict => verdict,
        }
    }

    fn hold(&self, request: &Request, response: &Response) -> Option<usize> {
        let is_looked_at = self.counted.meet(Event::LoginFailed.into()) && !self.spares(request.client);
        is_looked_at.then(|| login::hold(self, request, response)).flatten()
    }

    fn mend(&self, request: &Request, _: Option<&Route>, response: &mut Response, body: Option<Body<'_>>) -> Outcome {
        if response.from_app && !self.spares(request.client) {
            self.note(request, response, body);
        }
        let ended = request.facts.sanctioned.iter().flat_map(|sanctioned| &sanctioned.ended);
        for line in ended.filter(|name| !sets(response, name)).filter_map(|name| forget(name)).collect::<Vec<_>>() {
            response.append(header::SET_COOKIE, line);
        }
        Outcome::Pass
    }

    fn charge(&self, ended: &Ended<'_>, charges: &mut Vec<Charge>) {
        count::charges(self, ended, charges);
    }
}

impl Ladder {
    /// Applies every sanction that reaches here, the heaviest first.
    fn apply(&self, request: &mut Request, standing: &Standing) -> Verdict {
        let path = request.target.decoded_path();
        let at_login = login::is_path(self, path) || challenge::is_endpoint(request) || login::basic_name(request).is_some();
        let mut delay = None;
        for sanction in standing.sanctions.iter().filter(|sanction| sanction.reach == Reach::All || at_login) {
            let why = || format!("{}, until {}", sanction.reason, sanction.end());
            match sanction.rung {
                Rung::Ban | Rung::Block => return Verdict::Refuse(self.denial(sanction, standing.now_ms)),
                Rung::EndSession => self.end_session(request, sanction),
                Rung::Challenge => match &standing.pass {
                    Some(Pass::Held) => {}
                    Some(Pass::Earned(cookie)) => {
                        return Verdict::Answer(Box::new(challenge::go_on(request, Some((cookie, self.pass)))));
                    }
                    pass => {
                        let denial = self.denial(sanction, standing.now_ms);
                        return Verdict::Refuse(challenge::ask(request, pass.as_ref(), self.patience(standing), denial));
                    }
                },
                Rung::Slow => {
                    request.note("slowed", why(), part(sanction).to_owned(), sanction.subject.to_string());
                    delay = Some(self.slow);
                }
                Rung::Log => request.note("watched", why(), part(sanction).to_owned(), sanction.subject.to_string()),
            }
        }
        delay.map_or(Verdict::Pass, |time| Verdict::Delay(time, None))
    }

    /// How long the challenges in force must be waited with.
    fn patience(&self, standing: &Standing) -> Duration {
        let challenges = standing.sanctions.iter().filter(|sanction| sanction.rung == Rung::Challenge);
        challenges.map(|sanction| sanction.patience(self.wait)).max().unwrap_or(self.wait)
    }

    /// Reads along which name an attempt to log in tries, where that is counted.
    fn names(&self, request: &mut Request) -> Option<Box<dyn Inspector>> {
        if let Some(name) = login::basic_name(request).filter(|_| self.counts_names) {
            request.facts.tried = Some(Tried::of(&name));
            return None;
        }
        let wanted = self.counts_names && request.has_body && login::is_attempt(self, request);
        if !wanted {
            return None;
        }
        let tried = Tried::default();
        request.facts.tried = Some(tried.clone());
        names::inspect(request, tried)
    }

    fn end_session(&self, request: &mut Request, sanction: &Sanction) {
        let (ended, line) = who::without_session(self, request, sanction.subject);
        let why = format!("{}, until {}", sanction.reason, sanction.end());
        request.note("end-session", why, part(sanction).to_owned(), sanction.subject.to_string());
        request.set(header::COOKIE, line);
        request.facts.sanctioned.get_or_insert_default().ended.extend(ended);
    }

    fn denial(&self, sanction: &Sanction, now_ms: u64) -> Box<Denial> {
        let (rule, say) = match sanction.rung {
            Rung::Ban => {
                ("ban", "What was sent from your network attacked this site again and again, so it is shut out for now.")
            }
            Rung::Challenge => ("challenge", "Please confirm that you want to go on."),
            _ => ("block", "What was sent from here attacked this site, so nothing more is accepted for a while."),
        };
        let why = format!("{} (CWE-799), until {}", sanction.reason, sanction.end());
        let denial = Denial::new(rule, StatusCode::FORBIDDEN, say, why);
        let mut denial = denial.at(part(sanction), sanction.subject.to_string()).allowed_by(self.lift(sanction));
        denial.headers.insert(header::RETRY_AFTER, HeaderValue::from(sanction.seconds_left(now_ms)));
        denial
    }

    /// The command that ends the sanction; the line by which there is never one again.
    fn lift(&self, sanction: &Sanction) -> String {
        let command = format!("# gambeson bans lift {}", sanction.id);
        if matches!(sanction.subject, Subject::Session(_)) {
            return command;
        }
        let kept = self.never.iter().map(ToString::to_string).chain([sanction.subject.to_string()]);
        let list = kept.map(|network| format!("\"{network}\"")).collect::<Vec<_>>().join(", ");
        format!("{command}\n[response]\nnever = [{list}]")
    }

    fn is_own_decoy(&self, request: &Request) -> bool {
        self.decoys.iter().any(|pattern| pattern.matches(request.target.decoded_path()))
    }

    /// Notes what only the app's own answer tells.
    fn note(&self, request: &Request, response: &mut Response, body: Option<Body<'_>>) {
        let path = request.target.decoded_path();
        if response.status == StatusCode::NOT_FOUND && self.known_decoys && decoy::is_known(path) {
            response.noted("decoy", "only scanners ask for this", "path".to_owned(), shown_path(path));
        }
        if let Some(why) = login::failed(self, request, response, body) {
            response.noted(login::FAILED, why, "status".to_owned(), response.status.as_u16().to_string());
        }
    }
}

/// The refusal of a request that would have had to wait, when too many wait already.
pub(crate) fn crowded(time: Duration) -> Box<Denial> {
    let say = "There are too many requests just now. Please try again in a moment.";
    let why = "requests of clients on the rung `slow` wait already, as many as may, or came in faster than they may (CWE-770)";
    let mut denial = Denial::new("slowed", StatusCode::TOO_MANY_REQUESTS, say, why);
    denial.headers.insert(header::RETRY_AFTER, HeaderValue::from(time.as_secs().max(1)));
    denial
}

fn decoy_denial(request: &Request) -> Box<Denial> {
    let path = request.target.decoded_path();
    let denial =
        Denial::new("decoy", StatusCode::NOT_FOUND, "There is nothing here.", "the policy names this path as a decoy (CWE-200)");
    denial.at("path", shown_path(path)).allowed_by(request.exception(LayerName::Response))
}

fn part(sanction: &Sanction) -> &'static str {
    if matches!(sanction.subject, Subject::Session(_)) { "session" } else { "client address" }
}

fn sets(response: &Response, name: &str) -> bool {
    let lines = response.headers().get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(|line| line.split_once('=')).any(|(own, _)| own.trim() == name)
}

/// The line that makes a browser forget a cookie.
fn forget(name: &str) -> Option<HeaderValue> {
    let secure = if name.starts_with("__") { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{name}=; Path=/; Max-Age=0; HttpOnly{secure}")).ok()
}
