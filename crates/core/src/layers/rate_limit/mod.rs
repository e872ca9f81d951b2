//! How often one may ask.
//!
//! Every request takes one from each bucket that counts it: those of everybody, of logins, of its route. The buckets are stored
//! state: this layer asks and judges the answers, it keeps none.

mod limit;
mod path;
mod policy;
mod standing;
#[cfg(test)]
mod tests;

pub use limit::Limit;
pub(super) use path::{is_file as is_file_path, is_login};
pub use policy::{RateLimit, SECTION};
pub use standing::Standing;

use crate::{
    exchange::{Request, Response},
    layers::{Body, Denial, Layer, Outcome, Rule, Verdict},
    policy::{LayerName, Pattern, Route},
    store::{Answer, Ask, Taken},
};
use http::{HeaderValue, Method, StatusCode, header};
use policy::Unavailable;

/// Every rule this layer refuses, answers or changes by, in kebab case.
pub const RULES: &[Rule] = &[
    Rule {
        name: "flood",
        about: "A client asks more often than anybody may; it is told when to come again.",
        why: "One client must not take what all share (CWE-770).",
    },
    Rule {
        name: "dynamic",
        about: "A client makes the app work more often than anybody may; it is told when to come again.",
        why: "Pages and searches cost a hundred times what a file costs (CWE-770).",
    },
    Rule {
        name: "login",
        about: "Too many tries to log in, register or reset a password; the client is told when to come again.",
        why: "Passwords and codes are guessed by trying (CWE-307).",
    },
    Rule {
        name: "route",
        about: "A route of the policy is asked more often than it allows; the client is told when to come again.",
        why: "Some things cost more than others: searches, mails, exports (CWE-799).",
    },
    Rule {
        name: "unavailable",
        about: "The store that counts does not answer, and the policy refuses what cannot be counted.",
        why: "Uncounted guesses open accounts (CWE-636).",
    },
];

/// A limit that counts a request.
#[derive(Debug, Clone, Copy)]
struct Quota {
    /// The rule of this layer it is refused by.
    rule: &'static str,
    /// Its number, for the bucket.
    number: u32,
    limit: Limit,
    unavailable: Unavailable,
}

impl Quota {
    /// Whether it is made for a few paths, so that a client can know it and pace itself.
    fn is_narrow(self) -> bool {
        matches!(self.rule, "login" | "route")
    }
}

impl Layer for RateLimit {
    fn name(&self) -> LayerName {
        LayerName::RateLimit
    }

    fn ask(&self, request: &Request, route: Option<&Route>, asks: &mut Vec<Ask>) {
        asks.extend(self.quotas(request, route).map(|quota| quota.limit.ask(quota.number, request.client)));
    }

    fn judge(&self, request: &mut Request, route: Option<&Route>, answers: &[Answer]) -> Verdict {
        let answers = answers.iter().map(Some).chain(std::iter::repeat(None));
        let mut standing = Standing::default();
        let mut worst: Option<(Quota, Taken)> = None;
        for (quota, answer) in self.quotas(request, route).zip(answers) {
            let Some(&Answer::Taken(taken)) = answer else {
                if quota.unavailable == Unavailable::Deny {
                    return Verdict::Refuse(uncounted(request));
                }
                continue;
            };
            if !taken.allowed && worst.is_none_or(|(_, other)| other.retry_after < taken.retry_after) {
                worst = Some((quota, taken));
            }
            if !taken.allowed || quota.is_narrow() {
                standing.add(quota.limit, taken);
            }
        }
        let verdict = worst.map_or(Verdict::Pass, |(quota, taken)| Verdict::Refuse(self.too_many(request, route, quota, taken)));
        request.facts.limit = Some(standing);
        verdict
    }

    fn mend(&self, request: &Request, _: Option<&Route>, response: &mut Response, _: Option<Body<'_>>) -> Outcome {
        if let Some(standing) = &request.facts.limit {
            standing.tell(response);
        }
        Outcome::Pass
    }
}

impl RateLimit {
    /// The limits that count a request, always in the same order: the answers come in the order of the asks. A route's own limit
    /// takes the place of `dynamic` and `login` there.
    fn quotas<'a>(&'a self, request: &Request, route: Option<&'a Route>) -> impl Iterator<Item = Quota> + use<'a> {
        let own = route.and_then(|route| Some((route, route.limit?)));
        let dynamic: &[_] = if own.is_none() && !is_file(request) { &self.dynamic } else { &[] };
        let login: &[_] = if own.is_none() && self.is_login(request) { &self.login } else { &[] };
        let quota = |rule, unavailable| move |&(number, limit): &(u32, Limit)| Quota { rule, number, limit, unavailable };
        let everybody = self.limits.iter().map(quota("flood", self.unavailable));
        let dynamic = dynamic.iter().map(quota("dynamic", self.unavailable));
        let login = login.iter().map(quota("login", self.login_unavailable));
        let own = own.map(|(route, limit)| {
            let number = limit.rule(&place(route));
            Quota { rule: "route", number, limit, unavailable: self.unavailable }
        });
        everybody.chain(dynamic).chain(login).chain(own)
    }

    /// More paths where people log in than those that tell it themselves.
    pub(super) fn login_paths(&self) -> &[Pattern] {
        &self.login_paths
    }

    /// Whether somebody may be guessing here. A `GET` only shows the form.
    fn is_login(&self, request: &Request) -> bool {
        let path = request.target.decoded_path();
        let sends = !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        sends && (is_login(path) || self.login_paths.iter().any(|pattern| pattern.matches(path)))
    }

    fn too_many(&self, request: &Request, route: Option<&Route>, quota: Quota, taken: Taken) -> Box<Denial> {
        let say = "There were too many requests from your network in a short time. Please try again a little later.";
        let Quota { rule, limit, .. } = quota;
        let why = format!("more than {limit} (CWE-{})", if rule == "login" { 307 } else { 770 });
        let denial = Denial::new(rule, StatusCode::TOO_MANY_REQUESTS, say, why);
        let mut denial =
            denial.at("client address", limit.scope.shown(request.client)).allowed_by(self.looser(request, route, quota));
        denial.headers.insert(header::RETRY_AFTER, HeaderValue::from(standing::seconds(taken.retry_after)));
        denial
    }

    /// The lines that allow twice as much, there and nowhere else.
    fn looser(&self, request: &Request, route: Option<&Route>, quota: Quota) -> String {
        let Quota { rule, limit, .. } = quota;
        if rule == "flood" {
            let raised = |&(_, other): &(u32, Limit)| if other == limit { other.doubled() } else { other };
            let limits: Vec<_> = self.limits.iter().map(|entry| format!("\"{}\"", raised(entry))).collect();
            return format!("[rate_limit]\nlimits = [{}]", limits.join(", "));
        }
        let lines = match route.filter(|_| rule == "route") {
            Some(route) => format!("[[route]]\npath = {}", toml::Value::from(route.pattern.as_str())),
            None => request.place(),
        };
        format!("{lines}\nlimit = \"{}\"", limit.doubled())
    }
}

/// Whether a request only reads a file.
fn is_file(request: &Request) -> bool {
    matches!(request.method, Method::GET | Method::HEAD) && path::is_file(request.target.decoded_path())
}

/// A route's place in the policy, which its rule's number comes from.
fn place(route: &Route) -> String {
    let methods = route.methods.iter().map(Method::as_str);
    methods.fold(format!("route {}", route.pattern.as_str()), |text, method| text + " " + method)
}

fn uncounted(request: &Request) -> Box<Denial> {
    let say = "This cannot be done just now. Please try again in a few seconds.";
    let why = "the store that counts did not answer, and what cannot be counted is refused (CWE-636)";
    let denial = Denial::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, say, why);
    let mut denial = denial.at("path", crate::record::shown_path(request.target.path()));
    denial.allow = "[rate_limit]\nlogin_unavailable = \"allow\"".into();
    denial.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    denial
}
